import type { SharedMemory } from "../../src/core/shared-memory.ts";
import {
  type BlockStore,
  type Provisioning,
  STORE_DONE,
  STORE_PENDING,
  type StoreCompletion,
} from "../../src/scsi/block-store.ts";

/** A store in plain memory that lets go of whole granules, answers at once or when the test says so, and counts flushes. */
export class ThinStore implements BlockStore {
  readonly kind = "thin";
  readonly readOnly = false;
  readonly physicalBlockSize = 4096;
  readonly description = "thin";
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly granularity: number;
  /** May be taken away: then this is a store that keeps all it ever had. */
  provisioning: Provisioning | undefined;
  /** Which granules storage holds. */
  readonly held: boolean[];
  flushes = 0;
  /** Operations wait in `pending` for `next()`. */
  byHand = false;
  readonly pending: (() => void)[] = [];
  readonly #memory: SharedMemory;

  constructor(memory: SharedMemory, size: number, granularity = 4096) {
    this.#memory = memory;
    this.size = size;
    this.granularity = granularity;
    this.bytes = new Uint8Array(size);
    this.held = new Array<boolean>(size / granularity).fill(false);
    this.provisioning = {
      granularity,
      deallocate: (offset, length, _durable, completion) =>
        this.#answer(completion, () => this.#deallocate(offset, length)),
      findExtents: (offset, length, found, completion) =>
        this.#answer(completion, () => found.push(this.#extentAt(offset, length))),
    };
  }

  read(offset: number, address: number, length: number, completion: StoreCompletion): number {
    return this.#answer(completion, () => this.#memory.u8.set(this.bytes.subarray(offset, offset + length), address));
  }

  write(offset: number, address: number, length: number, durable: boolean, completion: StoreCompletion): number {
    if (durable) this.flushes++;
    return this.#answer(completion, () => {
      this.bytes.set(this.#memory.u8.subarray(address, address + length), offset);
      const last = Math.floor((offset + length - 1) / this.granularity);
      for (let at = Math.floor(offset / this.granularity); at <= last; at++) this.held[at] = true;
    });
  }

  flush(completion: StoreCompletion): number {
    return this.#answer(completion, () => this.flushes++);
  }

  async close(): Promise<void> {}

  /** Does the oldest pending operation. */
  next(): void {
    this.pending.shift()?.();
  }

  #answer(completion: StoreCompletion, act: () => void): number {
    if (!this.byHand) {
      act();
      return STORE_DONE;
    }
    this.pending.push(() => {
      act();
      completion.storeDone(STORE_DONE);
    });
    return STORE_PENDING;
  }

  #deallocate(offset: number, length: number): void {
    this.bytes.fill(0, offset, offset + length);
    const last = Math.floor((offset + length) / this.granularity);
    for (let at = Math.ceil(offset / this.granularity); at < last; at++) this.held[at] = false;
  }

  #extentAt(offset: number, length: number): { length: number; allocated: boolean } {
    const first = Math.floor(offset / this.granularity);
    const allocated = this.held[first] ?? false;
    let end = first;
    while (end < this.held.length && this.held[end] === allocated) end++;
    return { allocated, length: Math.min(length, end * this.granularity - offset) };
  }
}
