import { CRQ_ENTRY_SIZE } from "../../src/abi/crq.ts";
import {
  QUEUE_IOBA,
  QUEUE_LENGTH,
  QUEUE_OPEN,
  QUEUE_SIZE,
  QUEUE_STATE,
  QUEUE_WINDOW,
  WINDOW_MEMORY,
  WINDOW_MEMORY_SIZE,
  WINDOW_SIZE,
  WINDOW_STATE,
  WINDOW_TCE_COUNT,
  WINDOW_TCES,
  WINDOW_TRANSLATED,
} from "../../src/abi/records.ts";
import { AdapterRecords } from "../../src/core/adapter-records.ts";
import type { CoreExports } from "../../src/core/exports.ts";
import { SharedMemory } from "../../src/core/shared-memory.ts";

export const PAGE = 4096;
export const RING_ENTRIES = 64;
/** Fewer than the ring's entries, so that slots can run out. */
export const SLOTS = 40;
/** Pages of the client partition that tests map. More follow that no TCE points to. */
export const CLIENT_PAGES = 24;
const HIDDEN_PAGES = 4;
/** Pages of the partition in all. */
export const PARTITION_PAGES = CLIENT_PAGES + HIDDEN_PAGES;
/** This one is never mapped for writing. */
export const READ_ONLY_PAGE = 1;
/** Bytes of `Side.data`. */
export const DATA_BYTES = 0x40000;
const GUARD = HIDDEN_PAGES * PAGE;
const GUARD_BYTE = 0xa5;
const GUARD_BYTES = Buffer.alloc(GUARD, GUARD_BYTE);
/** Linear memory below is the modules' own. */
const FIRST_ADDRESS = 65_536;

export interface SideOptions {
  shared?: boolean;
  windowPages?: number;
  staged?: boolean;
}

/**
 * One core with its own memory: a client partition between guard pages, its window and queue, an adapter. Two sides
 * made with the same options have everything at the same addresses.
 */
export class Side {
  readonly memory: SharedMemory;
  readonly core: CoreExports;
  readonly window: number;
  readonly queue: number;
  readonly records: AdapterRecords;
  readonly ring: number;
  /** Linear address of the client partition's memory. */
  readonly client: number;
  /** Memory of the server's own, for data. */
  readonly data: number;
  /** Room for a ring's worth of entries. */
  readonly entries: number;
  /** I/O page of the client's queue; the queue itself stands on the partition's first page. */
  readonly queuePage: number;
  readonly #tces: number;
  /** End of everything that was laid out. */
  readonly #end: number;

  constructor(load: (memory: SharedMemory) => CoreExports, options: SideOptions = {}) {
    const { shared = true, windowPages = 32, staged = false } = options;
    const memory = new SharedMemory(64, shared);
    this.memory = memory;
    this.#tces = memory.allocate(windowPages * 8);
    this.window = memory.allocate(WINDOW_SIZE);
    this.queue = memory.allocate(QUEUE_SIZE);
    this.entries = memory.allocate(RING_ENTRIES * CRQ_ENTRY_SIZE);
    this.ring = memory.allocate(RING_ENTRIES * CRQ_ENTRY_SIZE);
    this.client = memory.allocate(PARTITION_PAGES * PAGE + 2 * GUARD, PAGE) + GUARD;
    this.data = memory.allocate(DATA_BYTES);
    this.records = new AdapterRecords(memory, {
      ring: this.ring,
      ringEntries: RING_ENTRIES,
      slots: SLOTS,
      remoteWindow: this.window,
      clientQueue: this.queue,
      staged,
    });
    this.#end = memory.allocate(64);
    this.queuePage = windowPages - 1;
    this.set(this.window + WINDOW_STATE, WINDOW_TRANSLATED);
    this.set(this.window + WINDOW_TCES, this.#tces);
    this.set(this.window + WINDOW_TCE_COUNT, windowPages);
    this.set(this.window + WINDOW_MEMORY, this.client);
    this.set(this.window + WINDOW_MEMORY_SIZE, PARTITION_PAGES * PAGE);
    this.set(this.queue + QUEUE_STATE, QUEUE_OPEN);
    this.set(this.queue + QUEUE_WINDOW, this.window);
    this.set(this.queue + QUEUE_IOBA, this.queuePage * PAGE);
    this.set(this.queue + QUEUE_LENGTH, PAGE);
    this.map(this.queuePage, 0, 3);
    for (const [from, to] of this.#guards()) memory.u8.fill(GUARD_BYTE, from, to);
    this.core = load(memory);
  }

  get(address: number): number {
    return this.memory.view.getUint32(address, true);
  }

  set(address: number, value: number): void {
    this.memory.view.setUint32(address, value, true);
  }

  /** Sets a TCE to a page of the partition. */
  map(ioPage: number, page: number, rights: number): void {
    this.setTce(ioPage, ((page << 12) | rights) >>> 0, 0);
  }

  /** Sets a TCE to any two words. */
  setTce(ioPage: number, low: number, high: number): void {
    this.set(this.#tces + ioPage * 8, low);
    this.set(this.#tces + ioPage * 8 + 4, high);
  }

  /** True while nothing was written around the partition, to its unmapped pages or to the read-only one. */
  guardsIntact(): boolean {
    return this.#guards().every(([from, to]) => {
      const expected = GUARD_BYTES.subarray(0, to - from);
      return Buffer.from(this.memory.memory.buffer, from, to - from).equals(expected);
    });
  }

  /** Everything laid out, for comparison. Made anew: the buffer may have grown. */
  bytes(): Buffer {
    return Buffer.from(this.memory.memory.buffer, FIRST_ADDRESS, this.#end - FIRST_ADDRESS);
  }

  #guards(): [number, number][] {
    const hidden = this.client + CLIENT_PAGES * PAGE;
    const readOnly = this.client + READ_ONLY_PAGE * PAGE;
    return [
      [this.client - GUARD, this.client],
      [readOnly, readOnly + PAGE],
      [hidden, hidden + GUARD],
      [hidden + GUARD, hidden + 2 * GUARD],
    ];
  }
}
