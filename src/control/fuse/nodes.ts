import { FUSE_ROOT_ID } from "../../abi/fuse.ts";
import type { Directory, TreeNode } from "../../config/tree.ts";

/** A node of the tree that the kernel knows, by a number. */
export interface KnownNode {
  readonly id: number;
  readonly node: TreeNode;
  readonly name: string;
  /** Undefined for the root. */
  readonly parent: KnownNode | undefined;
  /** Those below it that the kernel knows; undefined while there was none. */
  children: Map<string, KnownNode> | undefined;
  /** How often the kernel was told of it and has not forgotten it. */
  lookups: number;
}

/** The nodes that the kernel knows. A node keeps its number as long as the kernel, or something below it, needs it. */
export class NodeTable {
  readonly #nodes = new Map<number, KnownNode>();
  #next = FUSE_ROOT_ID + 1;

  constructor(root: Directory) {
    const node = { id: FUSE_ROOT_ID, node: root, name: "", parent: undefined, children: undefined, lookups: 1 };
    this.#nodes.set(FUSE_ROOT_ID, node);
  }

  get size(): number {
    return this.#nodes.size;
  }

  get(id: number): KnownNode | undefined {
    return this.#nodes.get(id);
  }

  /** The kernel is told of a node below another one. */
  lookedUp(parent: KnownNode, name: string, node: TreeNode): KnownNode {
    const known = parent.children?.get(name);
    if (known !== undefined && known.node.kind === node.kind) {
      known.lookups++;
      return known;
    }
    const fresh = { id: this.#next++, node, name, parent, children: undefined, lookups: 1 };
    this.#nodes.set(fresh.id, fresh);
    parent.children ??= new Map();
    parent.children.set(name, fresh);
    return fresh;
  }

  /** The kernel has forgotten a node `count` times. */
  forget(id: number, count: number): void {
    const known = this.#nodes.get(id);
    if (known === undefined || id === FUSE_ROOT_ID) return;
    known.lookups = Math.max(0, known.lookups - count);
    this.#drop(known);
  }

  /** Directories that the kernel knows and that are not there any more. */
  *vanished(): Iterable<KnownNode> {
    for (const known of this.#nodes.values()) {
      const { node, parent, name } = known;
      if (node.kind !== "directory" || parent?.node.kind !== "directory") continue;
      if (parent.node.lookup(name) === undefined) yield known;
    }
  }

  #drop(known: KnownNode): void {
    const { id, parent, name, children, lookups } = known;
    if (lookups > 0 || (children !== undefined && children.size > 0) || parent === undefined) return;
    this.#nodes.delete(id);
    if (parent.children?.get(name) === known) parent.children.delete(name);
    this.#drop(parent);
  }
}
