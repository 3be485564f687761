import { CRQ_ENTRY_SIZE } from "../abi/crq.ts";
import {
  ADAPTER_CLIENT_QUEUE,
  ADAPTER_COMPLETE_LIST,
  ADAPTER_FREE_COUNT,
  ADAPTER_FREE_LIST,
  ADAPTER_READY_LIST,
  ADAPTER_REMOTE_WINDOW,
  ADAPTER_RING,
  ADAPTER_RING_CURSOR,
  ADAPTER_RING_ENTRIES,
  ADAPTER_SIZE,
  ADAPTER_SLOT_COUNT,
  ADAPTER_SLOTS,
  ADAPTER_STAGED,
  ADAPTER_TABLE,
  SLOT_FREE,
  SLOT_SIZE,
  SLOT_STATE,
  STAGED_SIZE,
  TABLE_ENTRIES_MAX,
} from "../abi/records.ts";
import { SRP_DIRECT_LENGTH } from "../abi/srp.ts";
import type { SharedMemory } from "./shared-memory.ts";

export interface AdapterRecordOptions {
  /** Address of the ring: contiguous, in the server partition's own memory. */
  ring: number;
  ringEntries: number;
  slots: number;
  /** Address of the WINDOW record of the client's memory. */
  remoteWindow: number;
  /** Address of the client's QUEUE record, 0 when the window is staged. */
  clientQueue: number;
  /** Room for a STAGED record beside every ring entry. */
  staged: boolean;
}

/** An ADAPTER record with everything it points to, laid out in linear memory. */
export class AdapterRecords {
  readonly address: number;
  readonly slotCount: number;
  readonly #memory: SharedMemory;
  readonly #regions: (readonly [address: number, bytes: number])[] = [];

  constructor(memory: SharedMemory, options: AdapterRecordOptions) {
    this.#memory = memory;
    this.slotCount = options.slots;
    this.address = this.#region(ADAPTER_SIZE);
    const words = options.slots * 4;
    const fields: readonly [number, number][] = [
      [ADAPTER_RING, options.ring],
      [ADAPTER_RING_ENTRIES, options.ringEntries],
      [ADAPTER_REMOTE_WINDOW, options.remoteWindow],
      [ADAPTER_CLIENT_QUEUE, options.clientQueue],
      [ADAPTER_SLOTS, this.#region(options.slots * SLOT_SIZE)],
      [ADAPTER_SLOT_COUNT, options.slots],
      [ADAPTER_FREE_LIST, this.#region(words)],
      [ADAPTER_READY_LIST, this.#region(words)],
      [ADAPTER_COMPLETE_LIST, this.#region(words)],
      [ADAPTER_TABLE, this.#region(TABLE_ENTRIES_MAX * SRP_DIRECT_LENGTH)],
      [ADAPTER_STAGED, options.staged ? this.#region(options.ringEntries * STAGED_SIZE) : 0],
    ];
    for (const [field, value] of fields) this.set(field, value);
    this.#fillFreeList();
  }

  /** Empty ring, cursor at its start, every slot free: the state after H_REG_CRQ. */
  reset(): void {
    const ring = this.get(ADAPTER_RING);
    this.#memory.u8.fill(0, ring, ring + this.get(ADAPTER_RING_ENTRIES) * CRQ_ENTRY_SIZE);
    this.set(ADAPTER_RING_CURSOR, 0);
    if (this.get(ADAPTER_FREE_COUNT) === this.slotCount) return;
    for (let index = 0; index < this.slotCount; index++) this.#word(this.slot(index) + SLOT_STATE, SLOT_FREE);
    this.#fillFreeList();
  }

  /** Slots are left alone, which are zeros and therefore free: those that no request has needed yet take no memory. */
  #fillFreeList(): void {
    const list = this.get(ADAPTER_FREE_LIST);
    const last = this.slotCount - 1;
    // The lowest slot on top: a client with one request at a time stays in one slot's cache lines.
    for (let index = 0; index <= last; index++) this.#word(list + (last - index) * 4, this.slot(index));
    this.set(ADAPTER_FREE_COUNT, this.slotCount);
  }

  slot(index: number): number {
    return this.get(ADAPTER_SLOTS) + index * SLOT_SIZE;
  }

  get(field: number): number {
    return this.#memory.view.getUint32(this.address + field, true);
  }

  set(field: number, value: number): void {
    this.#word(this.address + field, value);
  }

  free(): void {
    for (const [address, bytes] of this.#regions) this.#memory.free(address, bytes);
  }

  #word(address: number, value: number): void {
    this.#memory.view.setUint32(address, value, true);
  }

  #region(bytes: number): number {
    const address = this.#memory.allocate(bytes);
    this.#regions.push([address, bytes]);
    return address;
  }
}
