import type { ScsiTask } from "../task.ts";
import { type Blocks, blocks, bytesIn } from "../units.ts";
import type { Disk } from "./disk.ts";
import { type Ending, PIECE, StoreSequence } from "./store-sequence.ts";

/** Blocks that lie together. */
export interface BlockExtent {
  readonly first: Blocks;
  readonly count: Blocks;
}

/**
 * Lets go of blocks, which read as zeros from then on. A medium whose store keeps all it has (one that was put into the
 * drive later) gets the zeros written.
 */
export class Deallocation extends StoreSequence {
  readonly #extents: readonly BlockExtent[];
  #index = 0;
  /** Bytes of the present extent that are done. */
  #done = 0;

  private constructor(disk: Disk, task: ScsiTask, extents: readonly BlockExtent[], span: BlockExtent) {
    super(disk, task, span.first, span.count);
    this.#extents = extents;
  }

  /**
   * Begins. The task's data-out is not needed any more: its buffer is used.
   * @returns false when there is no memory for it; the task has not ended
   */
  static begin(disk: Disk, task: ScsiTask, extents: readonly BlockExtent[]): boolean {
    if (disk.medium.store.provisioning === undefined) {
      if (task.reserve(PIECE) === 0) return false;
      task.memory.zero(task.buffer, PIECE);
    }
    new Deallocation(disk, task, extents, spanOf(extents)).begin();
    return true;
  }

  protected step(): number | Ending {
    const { blockSize, store } = this.medium;
    const extent = this.#extents[this.#index];
    if (extent === undefined) return this.finish();
    const offset = bytesIn(extent.first, blockSize) + this.#done;
    const rest = bytesIn(extent.count, blockSize) - this.#done;
    const length = store.provisioning === undefined ? Math.min(PIECE, rest) : rest;
    this.#done = length === rest ? 0 : this.#done + length;
    if (length === rest) this.#index++;
    return store.provisioning === undefined
      ? this.write(offset, this.task.buffer, length)
      : this.deallocate(store.provisioning, offset, length);
  }
}

/** From the first block of all to the last: what other commands are kept off when they want blocks for themselves. */
function spanOf(extents: readonly BlockExtent[]): BlockExtent {
  const first = Math.min(...extents.map((extent) => extent.first));
  const end = Math.max(...extents.map((extent) => extent.first + extent.count));
  return { first: blocks(first), count: blocks(end - first) };
}
