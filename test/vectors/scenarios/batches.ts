import {
  ADAPTER_COMPLETE_LIST,
  ADAPTER_READY_LIST,
  ADAPTER_STAGED,
  ANSWER_NONE,
  ANSWER_PREPARED,
  ANSWER_RSP,
  DIRECTION_IN,
  DIRECTION_OUT,
  QUEUE_ENQUEUE,
  QUEUE_SIGNAL_MODE,
  SLOT_ANSWER,
  SLOT_DIRECTION,
  SLOT_LIMIT_DELTA,
  SLOT_RESPONSE,
  SLOT_RESPONSE_LENGTH,
  STAGED_DATA,
  STAGED_DATA_LENGTH,
  STAGED_IU,
  STAGED_IU_LENGTH,
  STAGED_SIZE,
  WINDOW_CUT,
  WINDOW_STAGED,
  WINDOW_STATE,
  WINDOW_TRANSLATED,
} from "../../../src/abi/records.ts";
import type { CoreExports } from "../../../src/core/exports.ts";
import { baseRequests, random } from "../../core/requests.ts";
import { PAGE, RING_ENTRIES, type Side } from "../../core/side.ts";
import { command, direct, ENTRY, mapPages, put, READ_DIRECT, type Scenario } from "./scenario.ts";

export const BATCHES: readonly Scenario[] = [
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
