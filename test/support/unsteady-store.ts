import type { SharedMemory } from "../../src/core/shared-memory.ts";
import type { Random } from "../../src/filters/random.ts";
import {
  type BlockStore,
  type Provisioning,
  STORE_DONE,
  STORE_PENDING,
  type StoreCompletion,
  type StoreExtent,
} from "../../src/scsi/block-store.ts";

const SECTOR = 512;

/**
 * A disk with a cache, in plain memory. What was not flushed is lost sector by sector, or not, when the power fails. With
 * `late` operations end in any order, later.
 */
export class UnsteadyStore implements BlockStore {
  readonly kind = "unsteady";
  readOnly = false;
  readonly physicalBlockSize = 4096;
  readonly description = "unsteady";
  readonly size: number;
  readonly provisioning: Provisioning;
  /** What is read: the cache over the disk. */
  readonly cached: Uint8Array;
  /** What is on the disk, whatever happens. */
  readonly flushed: Uint8Array;
  /** What the next operations answer instead of being done. */
  failure = 0;
  readonly #memory: SharedMemory;
  readonly #late: Random | undefined;
  /** Sectors written since the last flush, each with everything that it held meanwhile. */
  #unflushed = new Map<number, Uint8Array[]>();

  constructor(memory: SharedMemory, content: Uint8Array, late?: Random) {
    this.#memory = memory;
    this.#late = late;
    this.size = content.length;
    this.cached = Uint8Array.from(content);
    this.flushed = Uint8Array.from(content);
    this.provisioning = {
      granularity: 4096,
      deallocate: (offset, length, _durable, completion) =>
        this.#answer(completion, () => this.#put(offset, new Uint8Array(length))),
      findExtents: (_offset: number, length: number, found: StoreExtent[]) => {
        found.push({ length, allocated: true });
        return STORE_DONE;
      },
    };
  }

  read(offset: number, address: number, length: number, completion: StoreCompletion): number {
    return this.#answer(completion, () => this.#memory.u8.set(this.cached.subarray(offset, offset + length), address));
  }

  write(offset: number, address: number, length: number, durable: boolean, completion: StoreCompletion): number {
    return this.#answer(completion, () => {
      this.#put(offset, this.#memory.u8.slice(address, address + length));
      if (durable) this.#flush();
    });
  }

  flush(completion: StoreCompletion): number {
    return this.#answer(completion, () => this.#flush());
  }

  async close(): Promise<void> {}

  /** What the disk has after the power failed. */
  afterPowerFailure(random: Random): Uint8Array {
    const left = Uint8Array.from(this.flushed);
    for (const [sector, versions] of this.#unflushed) {
      // Any of what it held, or what it had before.
      const kept = versions[Math.floor(random() * (versions.length + 1))];
      if (kept !== undefined) left.set(kept, sector * SECTOR);
    }
    return left;
  }

  #put(offset: number, bytes: Uint8Array): void {
    this.cached.set(bytes, offset);
    const end = offset + bytes.length;
    for (let sector = Math.floor(offset / SECTOR); sector * SECTOR < end; sector++) {
      const versions = this.#unflushed.get(sector) ?? [];
      versions.push(this.cached.slice(sector * SECTOR, (sector + 1) * SECTOR));
      this.#unflushed.set(sector, versions);
    }
  }

  #flush(): void {
    for (const sector of this.#unflushed.keys())
      this.flushed.set(this.cached.subarray(sector * SECTOR, (sector + 1) * SECTOR), sector * SECTOR);
    this.#unflushed = new Map();
  }

  #answer(completion: StoreCompletion, act: () => void): number {
    if (this.failure !== 0) return this.failure;
    if (this.#late === undefined) {
      act();
      return STORE_DONE;
    }
    const turns = 1 + Math.floor(this.#late() * 4);
    const wait = (left: number): void => {
      if (left > 0) return void setImmediate(wait, left - 1);
      act();
      completion.storeDone(STORE_DONE);
    };
    wait(turns);
    return STORE_PENDING;
  }
}
