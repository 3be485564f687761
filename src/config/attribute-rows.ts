import type { Attribute, Directory, Documentation, Outcome, Refusal, TreeNode } from "./tree.ts";

/** One attribute of every subject of a kind: the tree, `vscsi doc` and docs/tree.md read the same row. */
export interface AttributeRow<Subject> {
  readonly doc: Documentation;
  show(subject: Subject): string | Uint8Array | Refusal;
  store?(subject: Subject, text: string): Promise<Outcome>;
}

export type AttributeRows<Subject> = Readonly<Record<string, AttributeRow<Subject>>>;

/** The attribute of a row for one subject. */
function attributeOf<Subject>(row: AttributeRow<Subject>, subject: Subject): Attribute {
  const { doc, store } = row;
  return {
    kind: "attribute",
    doc,
    show: () => row.show(subject),
    ...(store && { store: (text) => store(subject, text) }),
  };
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
      return row === undefined ? lookup?.(name) : attributeOf(row, subject);
    },
    ...operations,
  };
}
