import type { ErrnoName } from "../abi/errno.ts";

/**
 * The configuration tree: one model of directories and attributes, which the FUSE mount, the control socket and the
 * command line show. What a caller may cause is a value, a {@link Refusal}; an exception is our own bug.
 */
export type TreeNode = Directory | Attribute;

/** Why something was not done. */
export interface Refusal {
  readonly errno: ErrnoName;
  /** For people: what happened, with which value. */
  readonly reason: string;
}

/** What was done, or why not. */
export type Outcome = Refusal | undefined;

export interface Documentation {
  readonly what: string;
  /** Of the value, where it has one: "bytes", "microseconds". */
  readonly unit?: string;
  /** What may be written; an attribute without it is read only. */
  readonly accepts?: string;
}

export interface Attribute {
  readonly kind: "attribute";
  readonly doc: Documentation;
  /** The value, without a line end; bytes are shown as they are. */
  show(): string | Uint8Array | Refusal;
  /**
   * Takes a value as it was written, line ends included: all of it or nothing. What it changes is durable when the
   * promise is kept. Attributes that can't be written have none.
   */
  readonly store?: ((text: string) => Promise<Outcome>) | undefined;
}

export interface Directory {
  readonly kind: "directory";
  readonly doc: Documentation;
  list(): Iterable<string>;
  lookup(name: string): TreeNode | undefined;
  /** mkdir: `doc.accepts` tells the names. */
  make?(name: string): Promise<Outcome>;
  /** rmdir of one of its directories. */
  remove?(name: string): Promise<Outcome>;
}

/** Bytes of the longest value that can be written, as in sysfs. */
export const VALUE_MAXIMUM = 4096;
/** Bytes of the longest name. */
export const NAME_MAXIMUM = 255;
/** Components of the longest path. */
const DEPTH_MAXIMUM = 32;

export function refusal(errno: ErrnoName, reason: string): Refusal {
  return { errno, reason };
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === "object" && value !== null && "errno" in value && "reason" in value;
}

/** A directory whose entries are known by name. */
export function directory(
  doc: Documentation | string,
  entries: Readonly<Record<string, TreeNode>>,
  operations: Pick<Directory, "make" | "remove"> = {},
): Directory {
  return {
    kind: "directory",
    doc: typeof doc === "string" ? { what: doc } : doc,
    list: () => Object.keys(entries),
    lookup: (name) => (Object.hasOwn(entries, name) ? entries[name] : undefined),
    ...operations,
  };
}

/** Finds a node by its path: names with slashes between, relative to `root`; empty names are passed over. */
export function nodeAt(root: Directory, path: string): TreeNode | Refusal {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.length > DEPTH_MAXIMUM) return refusal("ELOOP", `${path}: too many parts`);
  let node: TreeNode = root;
  for (const name of names) {
    if (node.kind !== "directory") return refusal("ENOTDIR", `${path}: an attribute has nothing below it`);
    const next = node.lookup(name);
    if (next === undefined) return refusal("ENOENT", `${path}: there is no ${name}`);
    node = next;
  }
  return node;
}

/** The text of a value as it is read: with a line end, unless it is bytes. */
export function shownBytes(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? new TextEncoder().encode(`${value}\n`) : value;
}
