import { H_PARAMETER, H_SUCCESS, TCE_PAGE_SHIFT, TCE_PAGE_SIZE, TCE_RIGHTS } from "../abi/papr.ts";
import {
  WINDOW_GENERATION,
  WINDOW_MEMORY,
  WINDOW_MEMORY_SIZE,
  WINDOW_SIZE,
  WINDOW_STATE,
  WINDOW_TCE_COUNT,
  WINDOW_TCES,
  WINDOW_TRANSLATED,
} from "../abi/records.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import type { Partition } from "./partition.ts";

const TCE_BYTES = 8;
/** Windows end below 4 GiB, so that every legal IOBA fits the low word. */
const WINDOW_BYTES_MAXIMUM = 0x1_0000_0000;

/** A TCE as H_GET_TCE gives it, in two words. */
export interface Tce {
  readonly high: number;
  readonly low: number;
}

/**
 * One TCE table and the WINDOW records that look at it: the owner's pane and, for a client, the server's remote pane,
 * which the hypervisor cuts and arms on its own. [LoPAR] ch_address_map, Translation Control Entries.
 */
export class TceWindow {
  readonly liobn: number;
  readonly partition: Partition;
  /** Bytes of I/O space; the first IOBA is 0. */
  readonly size: number;
  /** Address of the owner's WINDOW record. */
  readonly record: number;
  readonly #memory: SharedMemory;
  readonly #table: number;
  readonly #records: number[] = [];

  constructor(memory: SharedMemory, partition: Partition, liobn: number, size: number) {
    if (size <= 0 || size % TCE_PAGE_SIZE !== 0 || size > WINDOW_BYTES_MAXIMUM) {
      throw new RangeError(`a DMA window is a multiple of 4 KiB and at most 4 GiB, not ${size} bytes`);
    }
    this.#memory = memory;
    this.partition = partition;
    this.liobn = liobn;
    this.size = size;
    this.#table = memory.allocate((size / TCE_PAGE_SIZE) * TCE_BYTES);
    this.record = this.addRecord();
    memory.view.setUint32(this.record + WINDOW_STATE, WINDOW_TRANSLATED, true);
  }

  /** Another WINDOW record on the same table, cut until somebody arms it. @returns its address */
  addRecord(): number {
    const record = this.#memory.allocate(WINDOW_SIZE);
    const { view } = this.#memory;
    view.setUint32(record + WINDOW_TCES, this.#table, true);
    view.setUint32(record + WINDOW_TCE_COUNT, this.size / TCE_PAGE_SIZE, true);
    view.setUint32(record + WINDOW_MEMORY, this.partition.memoryAddress, true);
    view.setUint32(record + WINDOW_MEMORY_SIZE, this.partition.memorySize, true);
    this.#records.push(record);
    return record;
  }

  /** Whether [ioba, ioba + length) lies in the window without wrapping. */
  covers(high: number, low: number, length: number): boolean {
    return high === 0 && (low >>> 0) + length <= this.size;
  }

  /** Whether `count` entries from the IOBA's page on exist. The low 12 bits of an IOBA are ignored. */
  coversEntries(high: number, low: number, count: number): boolean {
    return high === 0 && (low >>> TCE_PAGE_SHIFT) + Math.max(count, 1) <= this.size / TCE_PAGE_SIZE;
  }

  /** Whether every page of the range has both rights and points into the partition. */
  mapped(ioba: number, length: number): boolean {
    if (!this.covers(0, ioba, length)) return false;
    for (let page = ioba; page < ioba + length; page += TCE_PAGE_SIZE) {
      const { high, low } = this.get(page);
      if ((low & TCE_RIGHTS) !== TCE_RIGHTS || !this.#legal(high, low)) return false;
    }
    return true;
  }

  /** The entry of an IOBA that {@link coversEntries}. */
  get(low: number): Tce {
    const entry = this.#entry(low);
    const { view } = this.#memory;
    return { high: view.getUint32(entry + 4, true), low: view.getUint32(entry, true) };
  }

  /**
   * Stores one value in `count` entries that {@link coversEntries}; a value without rights unmaps.
   * @returns H_SUCCESS; H_PARAMETER when the value has rights to a page outside the partition
   */
  set(low: number, count: number, tceHigh: number, tceLow: number): number {
    if (!this.#legal(tceHigh, tceLow)) return H_PARAMETER;
    const { view } = this.#memory;
    const first = this.#entry(low);
    for (let entry = first; entry < first + count * TCE_BYTES; entry += TCE_BYTES) {
      view.setUint32(entry, tceLow, true);
      view.setUint32(entry + 4, tceHigh, true);
    }
    this.#changed();
    return H_SUCCESS;
  }

  /** Clears the whole table: the partition is gone. */
  invalidate(): void {
    this.#memory.zero(this.#table, (this.size / TCE_PAGE_SIZE) * TCE_BYTES);
    this.#changed();
  }

  #entry(low: number): number {
    return this.#table + (low >>> TCE_PAGE_SHIFT) * TCE_BYTES;
  }

  #legal(high: number, low: number): boolean {
    if ((low & TCE_RIGHTS) === 0) return true;
    const page = (low & -TCE_PAGE_SIZE) >>> 0;
    return high === 0 && page + TCE_PAGE_SIZE <= this.partition.memorySize;
  }

  #changed(): void {
    const { view } = this.#memory;
    for (const record of this.#records) {
      view.setUint32(record + WINDOW_GENERATION, view.getUint32(record + WINDOW_GENERATION, true) + 1, true);
    }
  }
}
