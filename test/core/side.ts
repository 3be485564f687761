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

const PAGE = 4096;
export const RING_ENTRIES = 256;
export const SLOTS = 64;
/** Pages of the client partition, and entries of its TCE table. */
export const CLIENT_PAGES = 24;
export const WINDOW_PAGES = 32;
/** IOBA of the client's queue, which stands on the partition's first page. */
export const QUEUE_IOBA_PAGE = WINDOW_PAGES - 1;
const GUARD = 4 * PAGE;

/** One core with its own memory: a client partition between guard pages, its window and queue, an adapter. */
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
  readonly entryScratch: number;
  readonly #tces: number;
  /** End of everything that was laid out. */
  readonly end: number;

  constructor(load: (memory: SharedMemory) => CoreExports, shared = true) {
    const memory = new SharedMemory(64, shared);
    this.memory = memory;
    this.#tces = memory.allocate(WINDOW_PAGES * 8);
    this.window = memory.allocate(WINDOW_SIZE);
    this.queue = memory.allocate(QUEUE_SIZE);
    this.entryScratch = memory.allocate(CRQ_ENTRY_SIZE * SLOTS);
    this.ring = memory.allocate(RING_ENTRIES * CRQ_ENTRY_SIZE);
    this.client = memory.allocate(GUARD * 2 + CLIENT_PAGES * PAGE, PAGE) + GUARD;
    this.data = memory.allocate(0x40000);
    this.records = new AdapterRecords(memory, {
      ring: this.ring,
      ringEntries: RING_ENTRIES,
      slots: SLOTS,
      remoteWindow: this.window,
      clientQueue: this.queue,
      staged: false,
    });
    this.end = memory.allocate(64);
    this.#word(this.window + WINDOW_STATE, WINDOW_TRANSLATED);
    this.#word(this.window + WINDOW_TCES, this.#tces);
    this.#word(this.window + WINDOW_TCE_COUNT, WINDOW_PAGES);
    this.#word(this.window + WINDOW_MEMORY, this.client);
    this.#word(this.window + WINDOW_MEMORY_SIZE, CLIENT_PAGES * PAGE);
    this.#word(this.queue + QUEUE_STATE, QUEUE_OPEN);
    this.#word(this.queue + QUEUE_WINDOW, this.window);
    this.#word(this.queue + QUEUE_IOBA, QUEUE_IOBA_PAGE * PAGE);
    this.#word(this.queue + QUEUE_LENGTH, PAGE);
    for (const [from, to] of this.guards()) memory.u8.fill(0xa5, from, to);
    this.core = load(memory);
  }

  guards(): [number, number][] {
    const end = this.client + CLIENT_PAGES * PAGE;
    return [
      [this.client - GUARD, this.client],
      [end, end + GUARD],
    ];
  }

  guardsIntact(): boolean {
    return this.guards().every(([from, to]) =>
      Buffer.from(this.memory.memory.buffer, from, to - from).equals(GUARD_BYTES),
    );
  }

  /** Everything laid out, for comparison. Made anew: the buffer may have grown. */
  bytes(): Buffer {
    return Buffer.from(this.memory.memory.buffer, 65_536, this.end - 65_536);
  }

  setTce(index: number, low: number, high: number): void {
    this.#word(this.#tces + index * 8, low);
    this.#word(this.#tces + index * 8 + 4, high);
  }

  #word(address: number, value: number): void {
    this.memory.view.setUint32(address, value, true);
  }
}

const GUARD_BYTES = Buffer.alloc(GUARD, 0xa5);
