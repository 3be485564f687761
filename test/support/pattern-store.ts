import type { SharedMemory } from "../../src/core/shared-memory.ts";
import { type BlockStore, STORE_DONE, type StoreCompletion } from "../../src/scsi/block-store.ts";

const BLOCK = 512;

/** A disk whose block n begins full of the low byte of n. Its bytes lie outside linear memory. */
export class PatternStore implements BlockStore {
  readonly kind = "pattern";
  readonly readOnly = false;
  readonly physicalBlockSize = BLOCK;
  readonly description = "a pattern";
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly #memory: SharedMemory;

  constructor(memory: SharedMemory, size: number) {
    this.#memory = memory;
    this.size = size;
    this.bytes = new Uint8Array(size);
    for (let at = 0; at < size; at += BLOCK) this.bytes.fill(at / BLOCK, at, at + BLOCK);
  }

  read(offset: number, address: number, length: number, _completion: StoreCompletion): number {
    this.#memory.u8.set(this.bytes.subarray(offset, offset + length), address);
    return STORE_DONE;
  }

  write(offset: number, address: number, length: number, _durable: boolean, _completion: StoreCompletion): number {
    this.bytes.set(this.#memory.u8.subarray(address, address + length), offset);
    return STORE_DONE;
  }

  flush(_completion: StoreCompletion): number {
    return STORE_DONE;
  }

  async close(): Promise<void> {}
}
