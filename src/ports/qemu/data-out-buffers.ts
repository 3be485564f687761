import type { SharedMemory } from "../../core/shared-memory.ts";

const SMALLEST = 4096;
/** Bytes for one adapter. A guest chooses how much data comes along, and linear memory is everybody's. */
export const DATA_OUT_MAXIMUM = 0x200_0000;

/**
 * Buffers for data-out that came along with entries. Each belongs to a place of the ring until the entry there has been taken
 * and its data moved on, which is before the next message is looked at.
 */
export class DataOutBuffers {
  readonly #memory: SharedMemory;
  readonly #isTaken: (index: number) => boolean;
  /** By place of the ring; size 0 where there is none. */
  readonly #address: Uint32Array;
  readonly #size: Uint32Array;
  #total = 0;

  /** @param isTaken whether the entry at a place of the ring has been taken */
  constructor(memory: SharedMemory, ringEntries: number, isTaken: (index: number) => boolean) {
    this.#memory = memory;
    this.#isTaken = isTaken;
    this.#address = new Uint32Array(ringEntries);
    this.#size = new Uint32Array(ringEntries);
  }

  /**
   * Linear address of room for `bytes` bytes that belong to the place `index` of the ring, whose entry has been taken.
   * @returns 0 when there is none: the data are then to be fetched when they are needed
   */
  roomFor(index: number, bytes: number): number {
    if (bytes <= (this.#size[index] ?? 0)) return this.#address[index] ?? 0;
    let size = SMALLEST;
    while (size < bytes) size *= 2;
    if (this.#total + size > DATA_OUT_MAXIMUM && this.#moveIdle(index, size)) return this.#address[index] ?? 0;
    this.#freeAt(index);
    if (this.#total + size > DATA_OUT_MAXIMUM) this.#freeIdle();
    if (this.#total + size > DATA_OUT_MAXIMUM) return 0;
    try {
      this.#address[index] = this.#memory.allocate(size);
    } catch {
      // Linear memory has run out.
      return 0;
    }
    this.#size[index] = size;
    this.#total += size;
    return this.#address[index] ?? 0;
  }

  /** Gives all of them back. */
  free(): void {
    for (const index of this.#size.keys()) this.#freeAt(index);
  }

  /** Gives `index` the buffer of another place that does not need it. @returns false when none of that size is there */
  #moveIdle(index: number, size: number): boolean {
    const from = this.#size.findIndex((other, at) => other >= size && this.#isTaken(at));
    if (from < 0) return false;
    const [address, kept] = [this.#address[from] ?? 0, this.#size[from] ?? 0];
    this.#address[from] = this.#address[index] ?? 0;
    this.#size[from] = this.#size[index] ?? 0;
    this.#address[index] = address;
    this.#size[index] = kept;
    return true;
  }

  #freeIdle(): void {
    for (const index of this.#size.keys()) if (this.#isTaken(index)) this.#freeAt(index);
  }

  #freeAt(index: number): void {
    const size = this.#size[index] ?? 0;
    if (size === 0) return;
    this.#memory.free(this.#address[index] ?? 0, size);
    this.#size[index] = 0;
    this.#total -= size;
  }
}
