import type { SharedMemory } from "../../src/core/shared-memory.ts";
import { type BlockStore, STORE_PENDING, type StoreCompletion, type StoreExtent } from "../../src/scsi/block-store.ts";

/** A store's operations as promises of their result, with data in arrays. */
export class StoreCalls {
  readonly #memory: SharedMemory;
  readonly #store: BlockStore;

  constructor(memory: SharedMemory, store: BlockStore) {
    this.#memory = memory;
    this.#store = store;
  }

  async read(offset: number, length: number): Promise<Uint8Array | number> {
    const address = this.#memory.allocate(length);
    const result = await settle((completion) => this.#store.read(offset, address, length, completion));
    const data = this.#memory.u8.slice(address, address + length);
    this.#memory.free(address, length);
    return result === 0 ? data : result;
  }

  async write(offset: number, data: Uint8Array, durable = false): Promise<number> {
    const address = this.#memory.allocate(data.length);
    this.#memory.u8.set(data, address);
    const result = await settle((completion) => this.#store.write(offset, address, data.length, durable, completion));
    this.#memory.free(address, data.length);
    return result;
  }

  deallocate(offset: number, length: number): Promise<number> {
    const { provisioning } = this.#store;
    if (provisioning === undefined) throw new Error("the store keeps all it has");
    return settle((completion) => provisioning.deallocate(offset, length, false, completion));
  }

  /** The extents that one question brings. */
  async extents(offset: number, length: number): Promise<StoreExtent[] | number> {
    const found: StoreExtent[] = [];
    const result = await settle((completion) => {
      if (this.#store.provisioning === undefined) throw new Error("the store keeps all it has");
      return this.#store.provisioning.findExtents(offset, length, found, completion);
    });
    return result === 0 ? found : result;
  }

  flush(): Promise<number> {
    return settle((completion) => this.#store.flush(completion));
  }
}

function settle(begin: (completion: StoreCompletion) => number): Promise<number> {
  return new Promise((resolve) => {
    const result = begin({ storeDone: resolve });
    if (result !== STORE_PENDING) resolve(result);
  });
}
