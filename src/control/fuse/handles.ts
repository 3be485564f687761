import type { Attribute, Directory } from "../../config/tree.ts";
import type { DirectoryEntry } from "./directory-reply.ts";

/** More files than that nobody has open in good faith. */
const HANDLES_MAXIMUM = 65_536;

/** An attribute that is open, with what its reader has begun to read. */
interface OpenAttribute {
  readonly attribute: Attribute;
  shown: Uint8Array | undefined;
}

/** A directory that is open, with what its reader has begun to list. */
interface OpenDirectory {
  readonly directory: Directory;
  entries: readonly DirectoryEntry[] | undefined;
}

/** What the kernel has open, by number. */
export class Handles {
  readonly #open = new Map<number, OpenAttribute | OpenDirectory>();
  #next = 1;

  /** @returns undefined when too many are open */
  add(open: OpenAttribute | OpenDirectory): number | undefined {
    if (this.#open.size >= HANDLES_MAXIMUM) return undefined;
    const handle = this.#next++;
    this.#open.set(handle, open);
    return handle;
  }

  attribute(handle: number): OpenAttribute | undefined {
    const open = this.#open.get(handle);
    return open !== undefined && "attribute" in open ? open : undefined;
  }

  directory(handle: number): OpenDirectory | undefined {
    const open = this.#open.get(handle);
    return open !== undefined && "directory" in open ? open : undefined;
  }

  release(handle: number): void {
    this.#open.delete(handle);
  }
}
