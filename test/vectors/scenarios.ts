import { TCE_READ, TCE_WRITE } from "../../src/abi/papr.ts";
import {
  ADAPTER_COMPLETE_LIST,
  ADAPTER_READY_LIST,
  ADAPTER_STAGED,
  ANSWER_NONE,
  ANSWER_PREPARED,
  ANSWER_RSP,
  DIRECTION_IN,
  DIRECTION_OUT,
  KIND_MAD,
  KIND_SRP,
  QUEUE_CLOSED,
  QUEUE_DISABLED,
  QUEUE_ENQUEUE,
  QUEUE_IOBA,
  QUEUE_OPEN,
  QUEUE_SIGNAL_MODE,
  QUEUE_STATE,
  SLOT_ANSWER,
  SLOT_CRQ_STATUS,
  SLOT_DATA_IN_RESIDUAL,
  SLOT_DIRECTION,
  SLOT_IU,
  SLOT_IU_LENGTH,
  SLOT_KIND,
  SLOT_LIMIT_DELTA,
  SLOT_RESPONSE,
  SLOT_RESPONSE_LENGTH,
  SLOT_RSP_CODE,
  SLOT_RSP_FLAGS,
  SLOT_SCSI_STATUS,
  SLOT_SENSE_LENGTH,
  SLOT_TAG,
  STAGED_DATA,
  STAGED_DATA_LENGTH,
  STAGED_IU,
  STAGED_IU_LENGTH,
  STAGED_SIZE,
  STAGED_TABLE,
  STAGED_TABLE_LENGTH,
  WINDOW_CUT,
  WINDOW_GENERATION,
  WINDOW_STAGED,
  WINDOW_STATE,
  WINDOW_TRANSLATED,
} from "../../src/abi/records.ts";
import { SRP_RSP_DATA, SRP_RSP_DIUNDER, SRP_RSP_RSPVALID, SRP_RSP_SNSVALID } from "../../src/abi/srp.ts";
import type { CoreExports } from "../../src/core/exports.ts";
import { baseRequests, random } from "../core/requests.ts";
import { PAGE, RING_ENTRIES, type Side } from "../core/side.ts";
import { bytes } from "../target/raw-client.ts";

/** What an embedder's own calls may look like: laid out by hand, one subject each. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly staged?: boolean;
  run(side: Side, core: CoreExports): void;
}

const ENTRY = "80010000007801000000000000010200";
/** READ(10) of 4096 bytes to IOBA 0x40000, which is not mapped here. */
const READ_DIRECT = command("01", "0000", "28000000080000000800", direct(0x40000, 0x1000));

function command(
  formats: string,
  counts: string,
  cdb: string,
  descriptors: string,
  middle = "81".padEnd(24, "0"),
): string {
  return `0200000000${formats}${counts}112233445566770500000000${middle}${cdb.padEnd(32, "0")}${descriptors}`;
}

function word(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function direct(ioba: number, length: number): string {
  return `00000000${word(ioba)}00000000${word(length)}`;
}

function put(side: Side, address: number, text: string): void {
  side.memory.u8.set(bytes(text), address);
}

/** Puts an IU into a slot as drain() does, and decodes it. */
function decode(side: Side, core: CoreExports, text: string, { kind = KIND_SRP, staged = 0, length = 0 } = {}): void {
  const slot = side.records.slot(0);
  side.memory.u8.fill(0, slot + SLOT_TAG, slot + SLOT_RESPONSE);
  put(side, slot + SLOT_IU, text);
  side.set(slot + SLOT_KIND, kind);
  side.set(slot + SLOT_IU_LENGTH, length || text.length / 2);
  core.srp_decode(side.records.address, slot, staged);
}

/** I/O pages 0 to 7 are partition pages 2 to 9; 8 is page 20, 9 is read-only, 10 write-only, 11 leaves the partition. */
function mapPages(side: Side): void {
  for (let page = 0; page < 8; page++) side.map(page, page + 2, TCE_READ | TCE_WRITE);
  side.map(8, 20, TCE_READ | TCE_WRITE);
  side.map(9, 21, TCE_READ);
  side.map(10, 22, TCE_WRITE);
  side.map(11, 500, TCE_READ | TCE_WRITE);
}

function fill(side: Side, address: number, length: number, seed: number): void {
  for (let at = 0; at < length; at++) side.memory.u8[address + at] = (at * 7 + seed) & 0xff;
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "bytes-copy",
    title: "Copies of every length that a vector loop treats differently, at odd addresses",
    run(side, core) {
      fill(side, side.data, 1024, 1);
      for (const length of [0, 1, 15, 16, 63, 64, 65, 127, 128, 200])
        core.bytes_copy(side.data + 0x1000 + length * 3, side.data + length, length);
      core.bytes_copy(side.data + 0x2000, side.data, 1024);
    },
  },
  {
    name: "crq-put",
    title: "H_SEND_CRQ into a queue: interrupt, wrap-around, full, closed, disabled, unmapped",
    run(side, core) {
      const { queue, entries } = side;
      put(side, entries, ENTRY);
      core.crq_put(queue, entries);
      side.set(queue + QUEUE_SIGNAL_MODE, 1);
      core.crq_put(queue, entries);
      side.set(queue + QUEUE_ENQUEUE, PAGE - 16);
      core.crq_put(queue, entries);
      // The first entry still stands there: full.
      core.crq_put(queue, entries);
      for (const state of [QUEUE_CLOSED, QUEUE_DISABLED]) {
        side.set(queue + QUEUE_STATE, state);
        core.crq_put(queue, entries);
      }
      side.set(queue + QUEUE_STATE, QUEUE_OPEN);
      side.map(side.queuePage, 0, TCE_READ);
      core.crq_put(queue, entries);
      side.set(queue + QUEUE_IOBA, 0xfffff000);
      core.crq_put(queue, entries);
    },
  },
  {
    name: "crq-scan",
    title: "Valid entries are taken off a ring in order, around its end, at most as many as asked",
    run(side, core) {
      const { ring, entries } = side;
      core.crq_scan(ring, RING_ENTRIES, 0, entries, 8);
      for (const index of [62, 63, 0, 1, 3]) put(side, ring + index * 16, `80010000000000${word(index)}0000000000`);
      core.crq_scan(ring, RING_ENTRIES, 62, entries, 3);
      core.crq_scan(ring, RING_ENTRIES, 1, entries, 8);
      core.crq_scan(ring, RING_ENTRIES, 3, entries, 0);
      core.crq_scan(ring, RING_ENTRIES, 3, entries, 1);
    },
  },
  {
    name: "tce-translate",
    title: "Neighbouring pages are joined; rights, the window's end and the partition's end are held",
    run(side, core) {
      mapPages(side);
      const { window, data } = side;
      core.tce_translate(window, 0, 0x0123, 0x2800, TCE_READ, data, 8);
      core.tce_translate(window, 0, 7 * PAGE + 100, PAGE, TCE_WRITE, data, 8);
      core.tce_translate(window, 0, 0, 0, TCE_READ, data, 8);
      core.tce_translate(window, 0, 8 * PAGE, 2 * PAGE, TCE_READ | TCE_WRITE, data, 8);
      core.tce_translate(window, 0, 11 * PAGE, 1, TCE_READ, data, 8);
      core.tce_translate(window, 0, 7 * PAGE, 2 * PAGE, TCE_READ, data, 1);
      core.tce_translate(window, 0, 31 * PAGE, PAGE + 1, TCE_READ, data, 8);
      core.tce_translate(window, 1, 0, 1, TCE_READ, data, 8);
      core.tce_translate(window, 0xffffffff, 0xfffff000, 0x2000, TCE_READ, data, 8);
      side.set(window + WINDOW_STATE, WINDOW_CUT);
      core.tce_translate(window, 0, 0, 16, TCE_READ, data, 8);
    },
  },
  {
    name: "rdma-copy",
    title: "H_COPY_RDMA within a window, and to and from the server's own memory, across pages and against rights",
    run(side, core) {
      mapPages(side);
      const { window, data } = side;
      fill(side, data, 0x1800, 3);
      core.rdma_write(window, 0, 0x0f80, data, 0x1100);
      core.rdma_copy(0x1100, window, 0, 0x0f80, window, 0, 0x7ff0);
      core.rdma_read(window, 0, 0x7ff0, data + 0x4000, 0x1100);
      core.rdma_write(window, 0, 9 * PAGE - 16, data, 32);
      core.rdma_read(window, 0, 10 * PAGE, data, 16);
      core.rdma_copy(16, window, 0, 0, window, 0, 9 * PAGE);
      core.rdma_copy(16, window, 0, 32 * PAGE, window, 0, 0);
      core.rdma_copy(16, window, 0, 0, window, 0, 32 * PAGE - 8);
      core.rdma_write(window, 0, 32 * PAGE, data, 1);
      core.rdma_read(window, 1, 0, data, 1);
      core.rdma_copy(0, window, 0, 0, window, 0, 0);
    },
  },
  {
    name: "slot-copy",
    title: "Data to and from a slot's buffer, as it was translated and after the TCEs have changed",
    run(side, core) {
      mapPages(side);
      const { data, records, window } = side;
      const slot = records.slot(0);
      fill(side, data, 0x3000, 5);
      decode(side, core, command("01", "0000", "28000000080000000800", direct(0x7800, 0x1000)));
      core.scatter(records.address, slot, 0, data, 0x1000);
      core.scatter(records.address, slot, 0x7f0, data + 0x100, 0x20);
      core.scatter(records.address, slot, 0x800, data, 0x801);
      core.gather(records.address, slot, 0, data, 16);
      side.map(8, 12, TCE_READ | TCE_WRITE);
      side.set(window + WINDOW_GENERATION, 1);
      core.scatter(records.address, slot, 0x700, data, 0x400);
      decode(side, core, command("10", "0000", "2a000000080000000800", direct(0x9000, 0x800)));
      core.gather(records.address, slot, 0x10, data + 0x4000, 0x7f0);
      core.scatter(records.address, slot, 0, data, 16);
      side.set(window + WINDOW_STATE, WINDOW_CUT);
      core.gather(records.address, slot, 0, data, 16);
    },
  },
  {
    name: "srp-decode",
    title: "IUs of every type with direct and indirect descriptors, every fault, and tables that a port brought along",
    staged: true,
    run(side, core) {
      mapPages(side);
      const read10 = "28000000080000000800";
      const table = [0x0000, 0x3000, 0x1000].map((ioba) => direct(ioba, 0x1000)).join("");
      decode(side, core, READ_DIRECT);
      decode(side, core, command("01", "0000", read10, direct(0x800, 0x1000)));
      decode(
        side,
        core,
        command("20", "0300", "2a000000100000001800", `${direct(0x344, 0x30)}${word(0x3000)}${table}`),
      );
      decode(
        side,
        core,
        command("02", "0003", "88000000000100000000000000180000", `${direct(0x344, 0x30)}${word(0x2800)}${table}`),
      );
      put(side, side.client + 3 * PAGE, table);
      decode(side, core, command("02", "0000", "0800010800", `${direct(PAGE, 0x30)}${word(0x3000)}`));
      decode(side, core, command("00", "0000", "00", ""));
      decode(
        side,
        core,
        `010000000000000011223344556677150000000081000000000000000000010011223344556677050000000000000000`,
      );
      decode(side, core, "00".repeat(64));
      decode(side, core, `03${"00".repeat(15)}`);
      decode(side, core, `00000003000000941122334455667701000000000001100000`.slice(0, 48), { kind: KIND_MAD });
      // Faults.
      decode(side, core, "02", { length: 8 });
      decode(side, core, `c1${"00".repeat(47)}`);
      decode(side, core, `01${"00".repeat(16)}`);
      decode(side, core, command("00", "0000", "00", "", "810000000000000000030000"));
      decode(side, core, command("00", "0000", "00", "", "810000000000000000000001"));
      decode(side, core, command("00", "0000", "00", "", "810000000000000000000004"));
      decode(side, core, command("11", "0000", read10, direct(0, 16)));
      decode(side, core, command("03", "0000", read10, direct(0, 16)));
      decode(side, core, command("01", "0000", read10, direct(0, 16).slice(2)));
      decode(side, core, command("02", "0004", read10, `${direct(0x344, 0x40)}${word(0x3000)}${table}`));
      decode(side, core, command("02", "0003", read10, `${direct(0x344, 0x31)}${word(0x3000)}${table}`));
      decode(side, core, command("02", "0000", read10, `${direct(0x344, 0x2010)}${word(0x3000)}`));
      decode(side, core, command("02", "0000", read10, `${direct(11 * PAGE, 0x30)}${word(0x3000)}`));
      decode(side, core, command("01", "0000", read10, direct(9 * PAGE, 16)));
      decode(side, core, command("10", "0000", "2a000000080000000800", direct(31 * PAGE, PAGE + 16)));
      // A window whose memory is elsewhere: the port brought the table, or did not.
      const staged = side.records.get(ADAPTER_STAGED);
      side.set(side.window + WINDOW_STATE, WINDOW_STAGED);
      put(side, staged + STAGED_TABLE, table);
      side.set(staged + STAGED_TABLE_LENGTH, 0x30);
      const indirect = command("02", "0000", read10, `${direct(0x90000, 0x30)}${word(0x3000)}`);
      decode(side, core, indirect, { staged });
      side.set(staged + STAGED_TABLE_LENGTH, 0);
      decode(side, core, indirect, { staged });
      decode(side, core, indirect);
    },
  },
  {
    name: "srp-response",
    title: "Responses with and without sense, with a task management answer, and the entries that tell of them",
    run(side, core) {
      const slot = side.records.slot(0);
      const build = (fields: readonly (readonly [number, number])[]) => {
        for (const [field, value] of fields) side.set(slot + field, value);
        core.srp_build_response(slot);
        core.srp_build_entry(slot, side.entries);
      };
      put(side, slot + SLOT_TAG, "1122334455667705");
      build([[SLOT_LIMIT_DELTA, 1]]);
      put(side, slot + SLOT_TAG, "112233445566770d");
      put(side, slot + SLOT_RESPONSE + SRP_RSP_DATA, "70000500000000 0a00000000210000000000");
      build([
        [SLOT_SCSI_STATUS, 2],
        [SLOT_RSP_FLAGS, SRP_RSP_SNSVALID | SRP_RSP_DIUNDER],
        [SLOT_DATA_IN_RESIDUAL, 0x1000],
        [SLOT_SENSE_LENGTH, 18],
      ]);
      put(side, slot + SLOT_IU, "0106");
      build([[SLOT_SENSE_LENGTH, 300]]);
      build([
        [SLOT_SCSI_STATUS, 0],
        [SLOT_RSP_FLAGS, SRP_RSP_RSPVALID],
        [SLOT_DATA_IN_RESIDUAL, 0],
        [SLOT_RSP_CODE, 5],
        [SLOT_CRQ_STATUS, 0x99],
      ]);
    },
  },
  {
    name: "drain-complete",
    title:
      "A batch drained and answered: its limits, a barrier, a client that has room for no answer, and a staged window",
    staged: true,
    run: drainAndComplete,
  },
  {
    name: "hostile",
    title: "Entries and IUs of a client that keeps to no rule",
    run: hostile,
  },
];

function drainAndComplete(side: Side, core: CoreExports): void {
  const { records, ring, window, queue } = side;
  const adapter = records.address;
  mapPages(side);
  const ready = (index: number) => side.get(records.get(ADAPTER_READY_LIST) + index * 4);
  const answer = (index: number, slot: number, kind: number) => {
    side.set(slot + SLOT_ANSWER, kind);
    side.set(records.get(ADAPTER_COMPLETE_LIST) + index * 4, slot);
  };
  core.drain(adapter, 8);
  put(side, side.client + 2 * PAGE + 0x200, command("01", "0000", "28000000080000000800", direct(0x1000, 0x200)));
  put(side, side.client + 2 * PAGE + 0x300, "000000030000009411223344556677010000000000011000");
  const entries = [
    "80010000007801000000000000000200",
    "80020000001e00180000000000000300",
    "800600f5000000000000000000000000",
    "80010000007800000000000000000200",
    "80010000007801010000000000000200",
    "800100000078010000000000000ff000",
    "ff020000000000000000000000000000",
    "c0010000000000000000000000000000",
  ];
  for (const [index, entry] of entries.entries()) put(side, ring + index * 16, entry);
  core.drain(adapter, 4);
  const [read, mad, ping, short] = [ready(0), ready(1), ready(2), ready(3)];
  core.scatter(adapter, read, 0, side.data, 0x200);
  answer(0, read, ANSWER_RSP);
  side.set(read + SLOT_LIMIT_DELTA, 1);
  answer(1, mad, ANSWER_PREPARED);
  put(side, mad + SLOT_RESPONSE, "000000030000009411223344556677010000000000011000");
  side.set(mad + SLOT_RESPONSE_LENGTH, 24);
  answer(2, ping, ANSWER_NONE);
  side.set(queue + QUEUE_SIGNAL_MODE, 1);
  core.complete(adapter, 3);
  core.slot_release(adapter, short);
  core.slot_release(adapter, short);
  core.drain(adapter, 8);
  const [long, lost, event] = [ready(0), ready(1), ready(2)];
  core.drain(adapter, 8);
  for (const slot of [long, lost, event, ready(0)]) core.slot_release(adapter, slot);

  // No room in the client's queue, then some; then the client is gone.
  put(side, ring + 8 * 16, entries[0] ?? "");
  core.drain(adapter, 8);
  answer(0, ready(0), ANSWER_RSP);
  side.set(queue + QUEUE_ENQUEUE, 0);
  core.complete(adapter, 1);
  side.memory.u8.fill(0, side.client, side.client + PAGE);
  core.complete(adapter, 1);
  put(side, ring + 9 * 16, entries[0] ?? "");
  core.drain(adapter, 8);
  answer(0, ready(0), ANSWER_RSP);
  side.set(window + WINDOW_STATE, WINDOW_CUT);
  core.complete(adapter, 1);
  core.slot_release(adapter, ready(0));

  // The client's memory is elsewhere.
  side.set(window + WINDOW_STATE, WINDOW_STAGED);
  put(side, ring + 10 * 16, ENTRY);
  const staged = records.get(ADAPTER_STAGED) + 10 * STAGED_SIZE;
  put(side, staged + STAGED_IU, READ_DIRECT.padEnd(512, "0"));
  side.set(staged + STAGED_IU_LENGTH, 0x100);
  side.set(staged + STAGED_DATA, side.data);
  side.set(staged + STAGED_DATA_LENGTH, 0x1000);
  core.drain(adapter, 8);
  answer(0, ready(0), ANSWER_RSP);
  core.complete(adapter, 1);
  core.slot_release(adapter, ready(0));
  side.set(window + WINDOW_STATE, WINDOW_TRANSLATED);
}

/** Few of the many that the differential test makes: enough to see another implementation's own mistakes. */
function hostile(side: Side, core: CoreExports): void {
  const next = random(20261125);
  const { records, ring } = side;
  mapPages(side);
  for (let batch = 0, produced = 0; batch < 6; batch++) {
    for (let count = 0; count < 10; count++, produced++) {
      const made = baseRequests(next)[next(9)];
      if (made === undefined) continue;
      const { iu, entry } = made;
      for (let changes = next(6); changes > 0; changes--) iu[next(96)] = next(256);
      if (next(4) === 0) entry[1 + next(15)] = next(256);
      const at = next(12) * 256;
      side.memory.u8.set(iu, side.client + 2 * PAGE + at);
      entry.writeUInt32BE(at, 12);
      side.memory.u8.set(entry, ring + (produced % RING_ENTRIES) * 16);
    }
    for (let count = core.drain(records.address, 16); count > 0; count = core.drain(records.address, 16)) {
      for (let index = 0; index < count; index++) {
        const slot = side.get(records.get(ADAPTER_READY_LIST) + index * 4);
        transfer(side, core, slot, next);
        side.set(slot + SLOT_ANSWER, ANSWER_RSP);
        side.set(records.get(ADAPTER_COMPLETE_LIST) + index * 4, slot);
      }
      core.complete(records.address, count);
    }
  }
}

function transfer(side: Side, core: CoreExports, slot: number, next: (bound: number) => number): void {
  const direction = side.get(slot + SLOT_DIRECTION);
  const { address } = side.records;
  if (direction === DIRECTION_IN) core.scatter(address, slot, next(512), side.data, next(1024));
  if (direction === DIRECTION_OUT) core.gather(address, slot, next(512), side.data, next(1024));
}
