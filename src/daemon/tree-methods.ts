import { z } from "zod";
import type { ErrnoName } from "../abi/errno.ts";
import {
  type Attribute,
  type Directory,
  type Documentation,
  isRefusal,
  NAME_MAXIMUM,
  nodeAt,
  type Outcome,
  type Refusal,
  refusal,
  type TreeNode,
  VALUE_MAXIMUM,
} from "../config/tree.ts";
import type { Methods } from "../control/method.ts";
import type { TreeBranch, TreeEntry, TreeValue } from "../control/results.ts";
import { method } from "./method.ts";

const PATH_MAXIMUM = 4096;
const path = z.string().max(PATH_MAXIMUM).describe("names with slashes between, from the root of the tree");
const pathOnly = z.strictObject({ path });
const optionalPath = z.strictObject({ path: path.default("") });

/** What the tree refused: the errno is its code. */
class TreeError extends Error {
  readonly code: ErrnoName;

  constructor(at: string, { errno, reason }: Refusal, doc?: Documentation) {
    const accepts = doc?.accepts === undefined ? "" : `; it takes ${doc.accepts}`;
    super(`${at}: ${reason} (${errno})${accepts}`);
    this.code = errno;
  }
}

/** The methods by which the control socket shows the tree. */
export function treeMethods(root: Directory): Methods {
  return {
    "tree.list": method("Lists a directory of the tree.", optionalPath, ({ path: at }) => list(directoryAt(root, at))),
    "tree.get": method("Reads an attribute.", pathOnly, ({ path: at }) => get(at, attributeAt(root, at))),
    "tree.set": method(
      "Writes an attribute: all of the value or nothing; it is durable when the answer comes.",
      z.strictObject({ path, value: z.string().max(VALUE_MAXIMUM) }),
      ({ path: at, value }) => set(at, attributeAt(root, at), value),
    ),
    "tree.make": method("Makes a directory: an adapter.", pathOnly, ({ path: at }) => makeOrRemove(root, at, "make")),
    "tree.remove": method("Removes a directory.", pathOnly, ({ path: at }) => makeOrRemove(root, at, "remove")),
    "tree.doc": method("Tells what a node is, its unit and what it takes.", optionalPath, ({ path: at }) =>
      describe(at, found(root, at)),
    ),
    "tree.walk": method(
      "Tells everything below a directory.",
      z.strictObject({ path: path.default(""), values: z.boolean().default(false) }),
      ({ path: at, values }) => branch(directoryAt(root, at), values),
    ),
  };
}

/** @throws TreeError */
function found(root: Directory, at: string): TreeNode {
  const node = nodeAt(root, at);
  if (isRefusal(node)) throw new TreeError(at, node);
  return node;
}

function directoryAt(root: Directory, at: string): Directory {
  const node = found(root, at);
  if (node.kind !== "directory") throw new TreeError(at, refusal("ENOTDIR", "is an attribute"));
  return node;
}

function attributeAt(root: Directory, at: string): Attribute {
  const node = found(root, at);
  if (node.kind !== "attribute") throw new TreeError(at, refusal("EISDIR", "is a directory"));
  return node;
}

function list(directory: Directory): TreeEntry[] {
  return [...directory.list()].flatMap((name) => {
    const node = directory.lookup(name);
    if (node === undefined) return [];
    return [{ name, kind: node.kind, writable: node.kind === "attribute" && node.store !== undefined }];
  });
}

function get(at: string, attribute: Attribute): TreeValue {
  const value = attribute.show();
  if (isRefusal(value)) throw new TreeError(at, value);
  return typeof value === "string"
    ? { path: at, value }
    : { path: at, bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
}

async function set(at: string, attribute: Attribute, value: string): Promise<TreeValue> {
  const { doc, store } = attribute;
  if (store === undefined) throw new TreeError(at, refusal("EACCES", "can't be written"));
  const outcome = await store(value);
  if (outcome !== undefined) throw new TreeError(at, outcome, doc);
  return get(at, attribute);
}

async function makeOrRemove(root: Directory, at: string, operation: "make" | "remove"): Promise<{ path: string }> {
  const names = at.split("/").filter((name) => name !== "");
  const name = names.pop() ?? "";
  if (name === "" || name.length > NAME_MAXIMUM)
    throw new TreeError(at, refusal("EINVAL", "is no name of a directory"));
  const parent = directoryAt(root, names.join("/"));
  const work = parent[operation];
  if (work === undefined)
    throw new TreeError(at, refusal("EPERM", `nothing can be ${operation === "make" ? "made" : "removed"} here`));
  const outcome: Outcome = await work(name);
  if (outcome !== undefined) throw new TreeError(at, outcome, parent.doc);
  return { path: at };
}

function describe(at: string, node: TreeNode): Documentation & { path: string; kind: TreeNode["kind"] } {
  return { path: at, kind: node.kind, ...node.doc };
}

/** Directories as objects; attributes as their values, or null. */
function branch(directory: Directory, values: boolean): TreeBranch {
  const entries: [string, TreeBranch | string | null][] = [];
  for (const name of directory.list()) {
    const node = directory.lookup(name);
    if (node?.kind === "directory") entries.push([name, branch(node, values)]);
    else if (node !== undefined) entries.push([name, values ? textOf(node) : null]);
  }
  return Object.fromEntries(entries);
}

function textOf(attribute: Attribute): string {
  const value = attribute.show();
  if (isRefusal(value)) return `(${value.errno})`;
  return typeof value === "string" ? value : `(${value.length} bytes)`;
}
