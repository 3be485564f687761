import type { SharedMemory } from "../core/shared-memory.ts";
import { type BlockStore, STORE_DONE, type StoreCompletion } from "../scsi/block-store.ts";

/** Reads zeros and forgets what is written: measures everything but storage. The template for a new backend. */
export class NullStore implements BlockStore {
  readonly kind = "null";
  readonly readOnly = false;
  readonly physicalBlockSize = 512;
  readonly size: number;
  readonly description: string;
  readonly #memory: SharedMemory;

  constructor(memory: SharedMemory, size: number) {
    this.#memory = memory;
    this.size = size;
    this.description = `${size} bytes of nothing`;
  }

  read(offset: number, address: number, length: number, _completion: StoreCompletion): number {
    return this.readNow(offset, address, length);
  }

  readNow(_offset: number, address: number, length: number): number {
    this.#memory.zero(address, length);
    return STORE_DONE;
  }

  write(_offset: number, _address: number, _length: number, _durable: boolean, _completion: StoreCompletion): number {
    return STORE_DONE;
  }

  flush(_completion: StoreCompletion): number {
    return STORE_DONE;
  }

  async close(): Promise<void> {}
}
