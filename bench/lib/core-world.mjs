// A core with the smallest world that its functions need: a client partition with its window and queue, and an adapter.
// Two worlds have everything at the same addresses, so that one image of their memory serves WebAssembly, JavaScript and C.
import { CRQ_COMMAND, CRQ_ENTRY_SIZE, CRQ_FORMAT_SRP } from "../../dist/abi/crq.js";
import { TCE_PAGE_SIZE as PAGE, TCE_RIGHTS } from "../../dist/abi/papr.js";
import * as records from "../../dist/abi/records.js";
import { READ_10 } from "../../dist/abi/scsi.js";
import * as srp from "../../dist/abi/srp.js";
import { AdapterRecords } from "../../dist/core/adapter-records.js";
import { loadCore } from "../../dist/core/core.js";
import { SharedMemory } from "../../dist/core/shared-memory.js";

export const RING_ENTRIES = 256;
const SLOTS = 320;
const CLIENT_PAGES = 2048;
/** I/O page p shows partition page p; from here on I/O pages show every second one, so that no two of them join. */
export const SCATTERED_PAGE = CLIENT_PAGES;
const WINDOW_PAGES = CLIENT_PAGES + CLIENT_PAGES / 2;
/** Layout of the client's memory, in pages: its queue, IUs of 256 bytes each, an indirect table, data. */
const QUEUE_PAGE = 0;
const IU_PAGE = 1;
const TABLE_PAGE = 20;
export const DATA_PAGE = 256;

/** A descriptor. @typedef {{ ioba: number, length: number }} Segment */

export class CoreWorld {
  /** @param {"wasm" | "js"} kind */
  constructor(kind) {
    const memory = new SharedMemory();
    this.memory = memory;
    this.tces = memory.allocate(WINDOW_PAGES * 8);
    this.window = memory.allocate(records.WINDOW_SIZE);
    this.queue = memory.allocate(records.QUEUE_SIZE);
    this.entries = memory.allocate(RING_ENTRIES * CRQ_ENTRY_SIZE);
    this.ring = memory.allocate(RING_ENTRIES * CRQ_ENTRY_SIZE, PAGE);
    this.client = memory.allocate(CLIENT_PAGES * PAGE, PAGE);
    /** Memory of the server's own, for data. */
    this.data = memory.allocate(0x21_0000, PAGE);
    this.extents = memory.allocate(records.EXTENT_COUNT_MAX * records.EXTENT_SIZE);
    this.records = new AdapterRecords(memory, {
      ring: this.ring,
      ringEntries: RING_ENTRIES,
      slots: SLOTS,
      remoteWindow: this.window,
      clientQueue: this.queue,
      staged: false,
    });
    this.end = memory.allocate(64);
    this.core = loadCore(memory, kind);
    this.#set(this.window + records.WINDOW_STATE, records.WINDOW_TRANSLATED);
    this.#set(this.window + records.WINDOW_TCES, this.tces);
    this.#set(this.window + records.WINDOW_TCE_COUNT, WINDOW_PAGES);
    this.#set(this.window + records.WINDOW_MEMORY, this.client);
    this.#set(this.window + records.WINDOW_MEMORY_SIZE, CLIENT_PAGES * PAGE);
    this.#set(this.queue + records.QUEUE_STATE, records.QUEUE_OPEN);
    this.#set(this.queue + records.QUEUE_WINDOW, this.window);
    this.#set(this.queue + records.QUEUE_IOBA, QUEUE_PAGE * PAGE);
    this.#set(this.queue + records.QUEUE_LENGTH, PAGE);
    for (let page = 0; page < CLIENT_PAGES; page++) this.#map(page, page);
    for (let page = 0; page < CLIENT_PAGES / 2; page++) this.#map(SCATTERED_PAGE + page, page * 2);
  }

  get adapter() {
    return this.records.address;
  }

  /** Everything laid out, for the C process and for comparison: the memory itself. */
  image() {
    return this.memory.u8.subarray(0, this.end);
  }

  /** A copy of bytes, to be written back before a sample. @returns {[number, Uint8Array]} */
  saved(address, length) {
    return [address, this.memory.u8.slice(address, address + length)];
  }

  /** A READ(10) in the client's memory; its IOBA. One segment makes a direct descriptor unless `inline` is given. */
  writeCommand(index, segments, inline) {
    const at = this.#clearIu(index);
    const { view } = this.memory;
    const indirect = inline !== undefined;
    view.setUint8(at, srp.SRP_CMD);
    view.setUint8(at + srp.SRP_CMD_FORMATS, indirect ? srp.SRP_DESCRIPTOR_INDIRECT : srp.SRP_DESCRIPTOR_DIRECT);
    view.setUint8(at + srp.SRP_LUN, 0x81);
    view.setUint8(at + srp.SRP_CMD_CDB, READ_10);
    view.setUint32(at + srp.SRP_CMD_CDB + 2, index * 8);
    view.setUint16(at + srp.SRP_CMD_CDB + 7, 8);
    const descriptor = at + srp.SRP_CMD_LENGTH;
    if (!indirect) {
      this.#descriptors(descriptor, segments);
      return this.iuIoba(index);
    }
    view.setUint8(at + srp.SRP_CMD_DATA_IN_COUNT, inline);
    view.setUint32(descriptor + srp.SRP_INDIRECT_ADDRESS + 4, TABLE_PAGE * PAGE);
    view.setUint32(descriptor + srp.SRP_INDIRECT_TABLE_BYTES, segments.length * srp.SRP_DIRECT_LENGTH);
    view.setUint32(
      descriptor + srp.SRP_INDIRECT_TOTAL,
      segments.reduce((sum, { length }) => sum + length, 0),
    );
    this.#descriptors(descriptor + srp.SRP_INDIRECT_LENGTH, segments.slice(0, inline));
    this.#descriptors(this.client + TABLE_PAGE * PAGE, segments);
    return this.iuIoba(index);
  }

  writeLogin(index) {
    const at = this.#clearIu(index);
    this.memory.view.setUint8(at, srp.SRP_LOGIN_REQ);
    this.memory.view.setUint32(at + srp.SRP_LOGIN_IU_LENGTH, srp.SRP_IU_MAX);
    return this.iuIoba(index);
  }

  /** The entry that announces an IU, at `address`. */
  writeEntry(address, ioba, length) {
    const { view } = this.memory;
    view.setUint32(address, ((CRQ_COMMAND << 24) | (CRQ_FORMAT_SRP << 16)) >>> 0);
    view.setUint32(address + 4, length);
    view.setUint32(address + 8, 0);
    view.setUint32(address + 12, ioba);
  }

  iuIoba(index) {
    return IU_PAGE * PAGE + index * srp.SRP_IU_MAX;
  }

  /** A slot with an IU in it, ready to be decoded. */
  slotWith(ioba, length) {
    const slot = this.records.slot(0);
    const { u8 } = this.memory;
    u8.copyWithin(slot + records.SLOT_IU, this.client + ioba, this.client + ioba + length);
    this.#set(slot + records.SLOT_IU_LENGTH, length);
    this.#set(slot + records.SLOT_KIND, records.KIND_SRP);
    return slot;
  }

  /** A slot whose data-in buffer is `count` equal pieces with gaps of a page between them. */
  slotWithExtents(index, linear, length, count) {
    const slot = this.records.slot(index);
    this.#set(slot + records.SLOT_DIRECTION, records.DIRECTION_IN);
    this.#set(slot + records.SLOT_TRANSFER_LENGTH, length);
    this.#set(slot + records.SLOT_EXTENT_COUNT, count);
    for (let piece = 0; piece < count; piece++) {
      const extent = slot + records.SLOT_EXTENTS + piece * records.EXTENT_SIZE;
      this.#set(extent + records.EXTENT_LINEAR, linear + piece * (length / count + (count > 1 ? PAGE : 0)));
      this.#set(extent + records.EXTENT_LENGTH, length / count);
    }
    return slot;
  }

  #clearIu(index) {
    const at = this.client + this.iuIoba(index);
    this.memory.u8.fill(0, at, at + srp.SRP_IU_MAX);
    this.memory.view.setUint32(at + srp.SRP_TAG + 4, index + 1);
    return at;
  }

  #descriptors(at, segments) {
    for (const [index, { ioba, length }] of segments.entries()) {
      const entry = at + index * srp.SRP_DIRECT_LENGTH;
      this.memory.view.setUint32(entry + srp.SRP_DIRECT_ADDRESS + 4, ioba);
      this.memory.view.setUint32(entry + srp.SRP_DIRECT_BYTES, length);
    }
  }

  #map(ioPage, page) {
    this.#set(this.tces + ioPage * 8, (page * PAGE) | TCE_RIGHTS);
  }

  #set(address, value) {
    this.memory.view.setUint32(address, value, true);
  }
}
