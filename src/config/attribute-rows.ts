import type { Attribute, Directory, Documentation, Outcome, Refusal, TreeNode } from "./tree.ts";

/** One attribute of every subject of a kind: the tree, `vscsi doc` and docs/tree.md read the same row. */
export interface AttributeRow<Subject> {
  readonly doc: Documentation;
  show(subject: Subject): string | Uint8Array | Refusal;
  store?(subject: Subject, text: string): Promise<Outcome>;
}

export type AttributeRows<Subject> = Readonly<Record<string, AttributeRow<Subject>>>;

/** The attribute of a row for one subject. The kernel may know tens of thousands: each is but these two words. */
class RowAttribute<Subject> implements Attribute {
  readonly kind = "attribute";
  readonly #row: AttributeRow<Subject>;
  readonly #subject: Subject;

  constructor(row: AttributeRow<Subject>, subject: Subject) {
    this.#row = row;
    this.#subject = subject;
  }

  get doc(): Documentation {
    return this.#row.doc;
  }

  get store(): Attribute["store"] {
    const { store } = this.#row;
    return store && ((text) => store(this.#subject, text));
  }

  show(): string | Uint8Array | Refusal {
    return this.#row.show(this.#subject);
  }
}

/** What a directory has beside the attributes of its rows. */
interface DirectoryParts extends Pick<Directory, "make" | "remove"> {
  list?(): Iterable<string>;
  lookup?(name: string): TreeNode | undefined;
}

/** A directory with an attribute for each row, and whatever else `parts` has. */
export function rowsDirectory<Subject>(
  doc: Documentation | string,
  rows: AttributeRows<Subject>,
  subject: Subject,
  parts: DirectoryParts = {},
): Directory {
  const { list, lookup, ...operations } = parts;
  const names = Object.keys(rows);
  return {
    kind: "directory",
    doc: typeof doc === "string" ? { what: doc } : doc,
    list: list === undefined ? () => names : () => [...names, ...list()],
    lookup: (name) => {
      const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
      return row === undefined ? lookup?.(name) : new RowAttribute(row, subject);
    },
    ...operations,
  };
}
