import { CRQ_ENTRY_SIZE, CRQ_EVENT_PARTNER_DEREGISTERED, CRQ_FREE, CRQ_TRANSPORT_EVENT } from "../../abi/crq.ts";
import { H_CLOSED, H_DEST_PARM, H_IN_PROGRESS, H_PERMISSION, H_SOURCE_PARM, H_SUCCESS } from "../../abi/papr.ts";
import {
  ADAPTER_COMPLETE_LIST,
  ADAPTER_COMPLETE_RESULT,
  ADAPTER_ENTRY,
  ADAPTER_FREE_COUNT,
  ADAPTER_STAGED,
  ANSWER_NONE,
  SLOT_ADDRESS_HIGH,
  SLOT_ADDRESS_LOW,
  SLOT_ANSWER,
  SLOT_RESPONSE,
  SLOT_RESPONSE_LENGTH,
  SLOT_STAGED_DATA,
  SLOT_STAGED_DATA_LENGTH,
  SLOT_TRANSFER_LENGTH,
  STAGED_DATA,
  STAGED_DATA_LENGTH,
  STAGED_IU,
  STAGED_IU_LENGTH,
  STAGED_SIZE,
  STAGED_TABLE,
  STAGED_TABLE_LENGTH,
  WINDOW_SIZE,
  WINDOW_STAGED,
  WINDOW_STATE,
} from "../../abi/records.ts";
import { SRP_IU_MAX } from "../../abi/srp.ts";
import { AdapterRecords } from "../../core/adapter-records.ts";
import type { CrqLink, CrqListener } from "../../core/crq-link.ts";
import type { CoreExports } from "../../core/exports.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import type { DataArea } from "./data-area.ts";
import { DataOutBuffers } from "./data-out-buffers.ts";
import { ExtentWalk } from "./extent-walk.ts";
import type { Outbox } from "./outbox.ts";
import {
  ENTRY_AREA_LENGTH,
  ENTRY_AREA_POSITION,
  ENTRY_DATA_LENGTH,
  ENTRY_IU_LENGTH,
  ENTRY_SIZE,
  ENTRY_TABLE_LENGTH,
  READ_DONE_ID,
  READ_DONE_SIZE,
  READ_DONE_STATUS,
  READ_IOBA,
  READ_LENGTH,
  READ_SIZE,
  RESPOND_AREA_TAKEN,
  RESPOND_ENTRY,
  RESPOND_SIZE,
  WIRE_AREA_THRESHOLD,
  WIRE_DATA_AHEAD_MAX,
  WIRE_FREE,
  WIRE_READ,
  WIRE_REGISTER,
  WIRE_RESPOND,
  WIRE_SEND,
  WIRE_TABLE_MAX,
  WIRE_WRITE,
  WIRE_WRITE_AREA,
  WRITE_AREA_LENGTH,
  WRITE_AREA_POSITION,
  WRITE_AREA_SIZE,
  WRITE_SIZE,
} from "./wire.ts";

/** Entries of our own ring: more than any client may have outstanding, its MAD and pings included. */
const RING_ENTRIES = 512;

/** A copy from the guest's memory, made of one or more READ messages. */
interface Fetch {
  slot: number;
  left: number;
  failed: boolean;
}

interface PendingRead {
  fetch: Fetch;
  destination: number;
  length: number;
}

/** One client adapter of a QEMU guest, as its server adapter sees it. The guest's memory is reached by messages. */
export class QemuLink implements CrqLink {
  readonly memory: SharedMemory;
  readonly core: CoreExports;
  readonly unitAddress: number;
  readonly slotCount: number;
  readonly #records: AdapterRecords;
  readonly #ring: number;
  readonly #staged: number;
  readonly #dataOut: DataOutBuffers;
  readonly #reads = new Map<number, PendingRead>();
  readonly #walk = new ExtentWalk();
  #nextRead = 1;
  #outbox: Outbox | undefined;
  #area: DataArea | undefined;
  #epoch = 0;
  #listener: CrqListener | undefined;
  #registered = false;
  #signal = false;
  #enqueue = 0;

  constructor(memory: SharedMemory, core: CoreExports, unitAddress: number, slots: number) {
    this.memory = memory;
    this.core = core;
    this.unitAddress = unitAddress;
    this.slotCount = slots;
    this.#ring = memory.allocate(RING_ENTRIES * CRQ_ENTRY_SIZE);
    this.#dataOut = new DataOutBuffers(memory, RING_ENTRIES, (index) => this.#isFree(index));
    const remoteWindow = memory.allocate(WINDOW_SIZE);
    memory.view.setUint32(remoteWindow + WINDOW_STATE, WINDOW_STAGED, true);
    this.#records = new AdapterRecords(memory, {
      ring: this.#ring,
      ringEntries: RING_ENTRIES,
      slots,
      remoteWindow,
      clientQueue: 0,
      staged: true,
    });
    this.#staged = this.#records.get(ADAPTER_STAGED);
  }

  get adapter(): number {
    return this.#records.address;
  }

  /** Requests that were taken from the ring and have not ended, answered or not. */
  get requestsUnderWay(): number {
    return this.slotCount - this.#records.get(ADAPTER_FREE_COUNT);
  }

  get completeResult(): number {
    return this.memory.view.getInt32(this.adapter + ADAPTER_COMPLETE_RESULT, true);
  }

  listen(listener: CrqListener): void {
    this.#listener = listener;
  }

  register(): number {
    this.#records.reset();
    this.#enqueue = 0;
    this.#registered = true;
    if (!this.#outbox) return H_CLOSED;
    this.#outbox.begin(WIRE_REGISTER, this.unitAddress, this.#epoch, 0);
    return H_SUCCESS;
  }

  free(): number {
    this.#registered = false;
    this.#reads.clear();
    this.#outbox?.begin(WIRE_FREE, this.unitAddress, this.#epoch, 0);
    return H_SUCCESS;
  }

  signal(enable: boolean): number {
    this.#signal = enable;
    return H_SUCCESS;
  }

  /** An INIT goes no further than the bridge, which knows what the guest waits for (qemu/PROTOCOL.md). */
  send(entry: number): number {
    const outbox = this.#outbox;
    if (!outbox) return H_CLOSED;
    const at = outbox.begin(WIRE_SEND, this.unitAddress, this.#epoch, CRQ_ENTRY_SIZE);
    outbox.buffer.set(this.memory.u8.subarray(entry, entry + CRQ_ENTRY_SIZE), at);
    return H_SUCCESS;
  }

  readClient(slot: number, iobaHigh: number, iobaLow: number, destination: number, length: number): number {
    if (!this.#outbox) return H_CLOSED;
    this.#read({ slot, left: 1, failed: false }, iobaHigh, iobaLow, destination, length);
    return H_IN_PROGRESS;
  }

  writeClient(_slot: number, iobaHigh: number, iobaLow: number, source: number, length: number): number {
    const outbox = this.#outbox;
    if (!outbox) return H_CLOSED;
    const at = outbox.begin(WIRE_WRITE, this.unitAddress, this.#epoch, WRITE_SIZE + length);
    outbox.buffer.writeUInt32LE(iobaLow, at);
    outbox.buffer.writeUInt32LE(iobaHigh, at + 4);
    outbox.buffer.set(this.memory.u8.subarray(source, source + length), at + WRITE_SIZE);
    return H_SUCCESS;
  }

  gather(slot: number, offset: number, destination: number, length: number): number {
    const { view } = this.memory;
    if (offset + length > view.getUint32(slot + SLOT_TRANSFER_LENGTH, true)) return H_SOURCE_PARM;
    if (offset + length <= view.getUint32(slot + SLOT_STAGED_DATA_LENGTH, true)) {
      this.core.bytes_copy(destination, view.getUint32(slot + SLOT_STAGED_DATA, true) + offset, length);
      return H_SUCCESS;
    }
    if (!this.#outbox) return H_CLOSED;
    const fetch: Fetch = { slot, left: 0, failed: false };
    this.#walk.begin(view, slot, offset);
    for (let done = 0, piece = 0; done < length; done += piece) {
      piece = this.#walk.next(length - done);
      if (piece === 0) break;
      fetch.left++;
      this.#read(fetch, this.#walk.high, this.#walk.low, destination + done, piece);
    }
    return fetch.left > 0 ? H_IN_PROGRESS : H_SUCCESS;
  }

  scatter(slot: number, offset: number, source: number, length: number): number {
    const { view } = this.memory;
    if (offset + length > view.getUint32(slot + SLOT_TRANSFER_LENGTH, true)) return H_DEST_PARM;
    if (!this.#outbox) return H_CLOSED;
    const position = length < WIRE_AREA_THRESHOLD ? -1 : (this.#area?.write(this.memory, source, length) ?? -1);
    this.#walk.begin(view, slot, offset);
    for (let done = 0, piece = 0; done < length; done += piece) {
      piece = this.#walk.next(length - done);
      if (piece === 0) break;
      if (position >= 0) this.#writeFromArea(position + done, piece);
      else this.writeClient(slot, this.#walk.high, this.#walk.low, source + done, piece);
    }
    return H_SUCCESS;
  }

  /** The guest's memory is another process's. */
  dataInAddress(): number {
    return 0;
  }

  complete(count: number): number {
    const { core, memory, adapter } = this;
    const list = memory.view.getUint32(adapter + ADAPTER_COMPLETE_LIST, true);
    // ANSWER_NONE slots are freed by the core; the others are built, sent here, and freed here.
    const done = core.complete(adapter, count);
    for (let index = 0; index < done; index++) {
      const slot = memory.view.getUint32(list + index * 4, true);
      if (memory.view.getUint32(slot + SLOT_ANSWER, true) === ANSWER_NONE) continue;
      this.#respond(slot);
      core.slot_release(adapter, slot);
    }
    return done;
  }

  close(): void {
    this.#registered = false;
    this.#reads.clear();
    this.#outbox?.flush();
    this.#records.free();
    this.memory.free(this.#ring, RING_ENTRIES * CRQ_ENTRY_SIZE);
    this.#dataOut.free();
  }

  /** A bridge with this unit has connected. */
  connected(outbox: Outbox, area: DataArea | undefined, epoch: number): void {
    this.#outbox = outbox;
    this.#area = area;
    this.#epoch = epoch;
    if (this.#registered) outbox.begin(WIRE_REGISTER, this.unitAddress, epoch, 0);
  }

  /** The bridge is gone, and with it whatever was under way. */
  disconnected(): void {
    if (!this.#outbox) return;
    this.#outbox = undefined;
    this.#area = undefined;
    this.#partnerGone();
  }

  /** The guest's side began anew: messages of the old epoch mean nothing. */
  reset(epoch: number): void {
    this.#epoch = epoch;
    this.#partnerGone();
  }

  /** Tells the server adapter of what was put on its ring. */
  interrupt(): void {
    if (this.#signal) this.#listener?.interrupt();
  }

  /** Takes an ENTRY message. @returns false when it is malformed or the ring is full */
  receiveEntry(message: Buffer, body: number, size: number): boolean {
    if (size < ENTRY_SIZE) return false;
    const iu = message.readUInt32LE(body + ENTRY_IU_LENGTH);
    const table = message.readUInt32LE(body + ENTRY_TABLE_LENGTH);
    const sent = message.readUInt32LE(body + ENTRY_DATA_LENGTH);
    const data = sent + message.readUInt32LE(body + ENTRY_AREA_LENGTH);
    if (iu > SRP_IU_MAX || table > WIRE_TABLE_MAX || data > WIRE_DATA_AHEAD_MAX) return false;
    if (size !== ENTRY_SIZE + iu + table + sent || (sent > 0 && data > sent)) return false;
    if (!this.#registered) return true;
    const { view, u8 } = this.memory;
    const index = this.#enqueue;
    if (!this.#isFree(index)) return false;
    const staged = this.#staged + index * STAGED_SIZE;
    const from = body + ENTRY_SIZE;
    view.setUint32(staged + STAGED_IU_LENGTH, iu, true);
    view.setUint32(staged + STAGED_TABLE_LENGTH, table, true);
    u8.set(message.subarray(from, from + iu), staged + STAGED_IU);
    if (table > 0) u8.set(message.subarray(from + iu, from + iu + table), staged + STAGED_TABLE);
    // Without room the data stay with the guest, to be fetched when the command is executed.
    const address = data > 0 ? this.#dataOut.roomFor(index, data) : 0;
    if (address !== 0) {
      if (sent > 0) this.memory.u8.set(message.subarray(from + iu + table, from + iu + table + sent), address);
      else if (!this.#area?.read(this.memory, message.readUInt32LE(body + ENTRY_AREA_POSITION), data, address))
        return false;
      this.memory.view.setUint32(staged + STAGED_DATA, address, true);
    }
    this.memory.view.setUint32(staged + STAGED_DATA_LENGTH, address === 0 ? 0 : data, true);
    this.#put(message, body);
    return true;
  }

  /** Takes a READ_DONE message. @returns false when it is malformed or answers nothing */
  receiveReadDone(message: Buffer, body: number, size: number): boolean {
    if (size < READ_DONE_SIZE) return false;
    const id = message.readUInt32LE(body + READ_DONE_ID);
    const read = this.#reads.get(id);
    // Forgotten by free or a reset meanwhile.
    if (!read) return true;
    this.#reads.delete(id);
    const { fetch, destination, length } = read;
    const bytes = size - READ_DONE_SIZE;
    if (message.readUInt32LE(body + READ_DONE_STATUS) !== 0 || bytes !== length) fetch.failed = true;
    else this.memory.u8.set(message.subarray(body + READ_DONE_SIZE, body + size), destination);
    if (--fetch.left === 0) this.#listener?.copyDone(fetch.slot, fetch.failed ? H_PERMISSION : H_SUCCESS);
    return true;
  }

  #partnerGone(): void {
    this.#reads.clear();
    if (!this.#registered) return;
    const event = Buffer.alloc(CRQ_ENTRY_SIZE);
    event[0] = CRQ_TRANSPORT_EVENT;
    event[1] = CRQ_EVENT_PARTNER_DEREGISTERED;
    // In a full ring the event overwrites the last entry. [LoPAR] H_FREE_CRQ.
    if (!this.#isFree(this.#enqueue)) this.#enqueue = (this.#enqueue + RING_ENTRIES - 1) % RING_ENTRIES;
    this.#put(event, 0);
    this.interrupt();
  }

  /** The entry at a place of our ring has been taken, or none was there. */
  #isFree(index: number): boolean {
    return this.memory.u8[this.#ring + index * CRQ_ENTRY_SIZE] === CRQ_FREE;
  }

  /** Puts an entry on our ring, its valid byte last. */
  #put(bytes: Buffer, at: number): void {
    const place = this.#ring + this.#enqueue * CRQ_ENTRY_SIZE;
    this.memory.u8.set(bytes.subarray(at + 1, at + CRQ_ENTRY_SIZE), place + 1);
    Atomics.store(this.memory.u8, place, bytes[at] ?? 0);
    this.#enqueue = (this.#enqueue + 1) % RING_ENTRIES;
  }

  #respond(slot: number): void {
    const outbox = this.#outbox;
    if (!outbox) return;
    const { memory, adapter } = this;
    const { view } = memory;
    const length = view.getUint32(slot + SLOT_RESPONSE_LENGTH, true);
    const entry = adapter + ADAPTER_ENTRY;
    this.core.srp_build_entry(slot, entry);
    const at = outbox.begin(WIRE_RESPOND, this.unitAddress, this.#epoch, RESPOND_SIZE + length);
    outbox.buffer.writeUInt32LE(view.getUint32(slot + SLOT_ADDRESS_LOW, true), at);
    outbox.buffer.writeUInt32LE(view.getUint32(slot + SLOT_ADDRESS_HIGH, true), at + 4);
    outbox.buffer.set(memory.u8.subarray(entry, entry + CRQ_ENTRY_SIZE), at + RESPOND_ENTRY);
    outbox.buffer.writeUInt32LE(this.#area?.taken ?? 0, at + RESPOND_AREA_TAKEN);
    outbox.buffer.writeUInt32LE(0, at + RESPOND_AREA_TAKEN + 4);
    outbox.buffer.set(memory.u8.subarray(slot + SLOT_RESPONSE, slot + SLOT_RESPONSE + length), at + RESPOND_SIZE);
  }

  /** The piece of the buffer that the walk is at comes from the data area. */
  #writeFromArea(position: number, length: number): void {
    const outbox = this.#outbox;
    if (!outbox) return;
    const at = outbox.begin(WIRE_WRITE_AREA, this.unitAddress, this.#epoch, WRITE_AREA_SIZE);
    outbox.buffer.writeUInt32LE(this.#walk.low, at);
    outbox.buffer.writeUInt32LE(this.#walk.high, at + 4);
    outbox.buffer.writeUInt32LE(position >>> 0, at + WRITE_AREA_POSITION);
    outbox.buffer.writeUInt32LE(length, at + WRITE_AREA_LENGTH);
  }

  #read(fetch: Fetch, high: number, low: number, destination: number, length: number): void {
    const outbox = this.#outbox;
    if (!outbox) return;
    const id = this.#nextRead;
    this.#nextRead = (id + 1) >>> 0;
    this.#reads.set(id, { fetch, destination, length });
    const at = outbox.begin(WIRE_READ, this.unitAddress, this.#epoch, READ_SIZE);
    outbox.buffer.writeUInt32LE(id, at);
    outbox.buffer.writeUInt32LE(length, at + READ_LENGTH);
    outbox.buffer.writeUInt32LE(low, at + READ_IOBA);
    outbox.buffer.writeUInt32LE(high, at + READ_IOBA + 4);
  }
}
