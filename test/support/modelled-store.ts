import fc from "fast-check";
import { expect } from "vitest";
import type { SharedMemory } from "../../src/core/shared-memory.ts";
import {
  type BlockStore,
  EXTENTS_MOST,
  type Provisioning,
  STORE_DONE,
  type StoreExtent,
} from "../../src/scsi/block-store.ts";
import { ended } from "./block-store.ts";

export const SECTOR = 512;
/** Bytes of a store at first, and the most that it grows to. */
export const MODEL_SIZE = 1 << 20;
const MODEL_SIZE_MOST = 2 * MODEL_SIZE;

export function provisioningOf({ provisioning }: BlockStore): Provisioning {
  if (provisioning === undefined) throw new Error("the store gives nothing back");
  return provisioning;
}

/** The extents of a whole store, those that are alike put together; they must lead to its end. */
export async function extents(store: BlockStore) {
  const found: { offset: number; length: number; allocated: boolean }[] = [];
  for (let offset = 0; offset < store.size; ) {
    const told: StoreExtent[] = [];
    const result = ended((completion) =>
      provisioningOf(store).findExtents(offset, store.size - offset, told, completion),
    );
    expect(await result).toBe(STORE_DONE);
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThanOrEqual(EXTENTS_MOST);
    for (const { length, allocated } of told) {
      expect(length).toBeGreaterThan(0);
      const last = found.at(-1);
      if (last?.allocated === allocated) last.length += length;
      else found.push({ offset, length, allocated });
      offset += length;
      expect(offset).toBeLessThanOrEqual(store.size);
    }
  }
  return found;
}

/** What may happen to a store; ranges are of sectors, cut at its end. */
export type Operation =
  | { name: "read" | "deallocate" | "durable deallocate"; from: number; count: number }
  | { name: "write" | "durable write"; from: number; count: number; seed: number }
  | { name: "flush" }
  | { name: "resize"; sectors: number };

const from = fc.nat(MODEL_SIZE / SECTOR - 1);
/** Within a piece of storage, and over several. */
const count = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 100, max: 600 }));
const seed = fc.integer({ min: 1, max: 255 });

const TRANSFERS: fc.Arbitrary<Operation>[] = [
  fc.record({ name: fc.constantFrom("read", "deallocate", "durable deallocate"), from, count }),
  fc.record({ name: fc.constantFrom("write", "durable write"), from, count, seed }),
  fc.record({ name: fc.constant("flush") }),
];
const RESIZE: fc.Arbitrary<Operation> = fc.record({
  name: fc.constant("resize"),
  sectors: fc.integer({ min: 1, max: MODEL_SIZE_MOST / SECTOR }),
});

/** Random operations, for a store that has one size or several. */
export function operations(resizes: boolean, maxLength = 24, minLength = 0): fc.Arbitrary<Operation[]> {
  return fc.array(fc.oneof(...TRANSFERS, ...(resizes ? [RESIZE] : [])), { minLength, maxLength });
}

/** A store beside an array that says what it holds. */
export class ModelledStore {
  readonly store: BlockStore;
  readonly #memory: SharedMemory;
  readonly #buffer: number;
  #model: Uint8Array;

  /** @param store of MODEL_SIZE bytes: of zeros, unless told */
  constructor(memory: SharedMemory, store: BlockStore, model = new Uint8Array(MODEL_SIZE)) {
    this.#model = model;
    this.#memory = memory;
    this.#buffer = memory.allocate(MODEL_SIZE_MOST);
    this.store = store;
  }

  async run(operation: Operation): Promise<void> {
    switch (operation.name) {
      case "read":
        return this.read(operation.from, operation.count);
      case "write":
      case "durable write":
        return this.write(operation.from, operation.count, operation.seed, operation.name !== "write");
      case "deallocate":
      case "durable deallocate":
        return this.deallocate(operation.from, operation.count, operation.name !== "deallocate");
      case "flush":
        expect(await ended((completion) => this.store.flush(completion))).toBe(STORE_DONE);
        return;
      case "resize":
        this.#resize(operation.sectors * SECTOR);
    }
  }

  async read(first: number, sectors: number): Promise<void> {
    const { offset, length } = this.#range(first, sectors);
    const { u8 } = this.#memory;
    u8.fill(0xee, this.#buffer, this.#buffer + length);
    expect(await ended((completion) => this.store.read(offset, this.#buffer, length, completion))).toBe(STORE_DONE);
    const expected = this.#model.subarray(offset, offset + length);
    expect(Buffer.compare(u8.subarray(this.#buffer, this.#buffer + length), expected)).toBe(0);
  }

  async write(first: number, sectors: number, value: number, durable = false): Promise<void> {
    const { offset, length } = this.#range(first, sectors);
    this.#memory.u8.fill(value, this.#buffer, this.#buffer + length);
    this.#model.fill(value, offset, offset + length);
    const result = ended((completion) => this.store.write(offset, this.#buffer, length, durable, completion));
    expect(await result).toBe(STORE_DONE);
  }

  async deallocate(first: number, sectors: number, durable = false): Promise<void> {
    const { offset, length } = this.#range(first, sectors);
    this.#model.fill(0, offset, offset + length);
    const provisioning = provisioningOf(this.store);
    const result = ended((completion) => provisioning.deallocate(offset, length, durable, completion));
    expect(await result).toBe(STORE_DONE);
  }

  /** Every byte is what it should be, and what the store calls a hole is zeros. */
  async check(): Promise<void> {
    await this.read(0, this.store.size / SECTOR);
    for (const { offset, length, allocated } of await extents(this.store))
      if (!allocated) expect(this.#model.subarray(offset, offset + length).every((byte) => byte === 0)).toBe(true);
  }

  /** Ends the use of the store. */
  async close(): Promise<void> {
    this.#memory.free(this.#buffer, MODEL_SIZE_MOST);
    await this.store.close();
  }

  #range(first: number, sectors: number) {
    const { size } = this.store;
    const offset = Math.min(first * SECTOR, size - SECTOR);
    return { offset, length: Math.min(sectors * SECTOR, size - offset) };
  }

  #resize(size: number): void {
    const resized = new Uint8Array(size);
    resized.set(this.#model.subarray(0, size));
    this.#model = resized;
    this.store.resize?.(size);
    expect(this.store.size).toBe(size);
  }
}
