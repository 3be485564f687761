import type { BlockStore } from "./block-store.ts";
import { type Blocks, type Bytes, bytesIn, wholeBlocks } from "./units.ts";

const ENOMEDIUM = -123;

/** What is in a drive: a store cut into logical blocks. A resize or a change of medium makes a new one. */
export class Medium {
  readonly store: BlockStore;
  /** Bytes of a logical block. */
  readonly blockSize: number;
  /** Whole logical blocks that the store holds. */
  readonly blockCount: Blocks;
  readonly readOnly: boolean;
  /** Bytes that are written without reading first; a logical block at least. [SBC-3] 4.6. */
  readonly physicalBlockSize: number;

  /** @param physicalBlockSize that of the store unless told */
  constructor(store: BlockStore, blockSize: number, readOnly: boolean, physicalBlockSize = store.physicalBlockSize) {
    this.store = store;
    this.blockSize = blockSize;
    this.blockCount = wholeBlocks(store.size, blockSize);
    this.readOnly = readOnly || store.readOnly;
    this.physicalBlockSize = Math.max(blockSize, physicalBlockSize);
  }

  get size(): Bytes {
    return bytesIn(this.blockCount, this.blockSize);
  }

  /**
   * True when [first, first + count) is on the medium. Written so that no sum can lose precision. An empty range may
   * begin right behind the last block. [SBC-3] 4.4.
   */
  holds(first: Blocks, count: Blocks): boolean {
    return first <= this.blockCount && count <= this.blockCount - first;
  }
}

/** The empty drive: no blocks, and a store that fails. Commands that need a medium are refused before they get here. */
export const NO_MEDIUM: Medium = new Medium(
  {
    kind: "none",
    size: 0,
    readOnly: true,
    physicalBlockSize: 512,
    description: "no medium",
    read: () => ENOMEDIUM,
    write: () => ENOMEDIUM,
    flush: () => 0,
    close: async () => {},
  },
  512,
  true,
);
