import type { SharedMemory } from "../../core/shared-memory.ts";
import { DataBuffers } from "../../scsi/data-buffers.ts";

/** Bytes for one adapter. A guest chooses how much data comes along, and linear memory is everybody's. */
export const DATA_OUT_MAXIMUM = 0x200_0000;

/**
 * Buffers for data-out that came along with entries. Each belongs to a place of the ring until the entry there has been taken
 * and its data moved on, which is before the next message is looked at.
 */
export class DataOutBuffers {
  readonly #buffers: DataBuffers;
  readonly #isTaken: (index: number) => boolean;
  /** By place of the ring; address 0 where there is none. */
  readonly #address: Uint32Array;
  readonly #size: Uint32Array;
  /** No place before this one, and behind the last that was given a buffer, has any. */
  #oldest = 0;

  /** @param isTaken whether the entry at a place of the ring has been taken */
  constructor(memory: SharedMemory, ringEntries: number, isTaken: (index: number) => boolean) {
    this.#buffers = new DataBuffers(memory, DATA_OUT_MAXIMUM);
    this.#isTaken = isTaken;
    this.#address = new Uint32Array(ringEntries);
    this.#size = new Uint32Array(ringEntries);
  }

  /**
   * Linear address of room for `bytes` bytes that belong to the place `index` of the ring, whose entry has been taken.
   * @returns 0 when there is none: the data are then to be fetched when they are needed
   */
  roomFor(index: number, bytes: number): number {
    for (; this.#oldest !== index && this.#isTaken(this.#oldest); this.#oldest = (this.#oldest + 1) % this.#size.length)
      this.#giveBack(this.#oldest);
    this.#giveBack(index);
    const address = this.#buffers.take(bytes);
    this.#address[index] = address;
    this.#size[index] = this.#buffers.sizeFor(bytes);
    return address;
  }

  /** Gives all of them back. */
  free(): void {
    for (const index of this.#address.keys()) this.#giveBack(index);
    this.#buffers.close();
  }

  #giveBack(index: number): void {
    const address = this.#address[index] ?? 0;
    if (address !== 0) this.#buffers.give(address, this.#size[index] ?? 0);
    this.#address[index] = 0;
  }
}
