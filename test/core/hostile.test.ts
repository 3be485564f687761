import { expect, test } from "vitest";
import { CRQ_ENTRY_SIZE } from "../../src/abi/crq.ts";
import { H_DROPPED, H_SUCCESS } from "../../src/abi/papr.ts";
import {
  ADAPTER_COMPLETE_LIST,
  ADAPTER_COMPLETE_RESULT,
  ADAPTER_FREE_COUNT,
  ADAPTER_READY_LIST,
  ADAPTER_RING_CURSOR,
  ANSWER_RSP,
  EXTENT_LENGTH,
  EXTENT_LINEAR,
  EXTENT_SIZE,
  QUEUE_ENQUEUE,
  SLOT_ANSWER,
  SLOT_EXTENT_COUNT,
  SLOT_EXTENTS,
  SLOT_RSP_FLAGS,
  SLOT_SENSE_LENGTH,
  SLOT_TRANSFER_LENGTH,
  WINDOW_GENERATION,
} from "../../src/abi/records.ts";
import { createTwin } from "../../src/core/twin/twin.ts";
import { loadWasmCore } from "../../src/core/wasm.ts";
import { baseRequests, type Random, random } from "./requests.ts";
import { CLIENT_PAGES, QUEUE_IOBA_PAGE, RING_ENTRIES, Side, SLOTS, WINDOW_PAGES } from "./side.ts";

const COUNT = Number(process.env.VSCSI_FUZZ_COUNT ?? 1_000_000);
const SEED = Number(process.env.VSCSI_FUZZ_SEED ?? 20261124);
const PAGE = 4096;
const BATCH = 48;

/** Both cores, given the same bytes and calls. */
class Pair {
  readonly wasm = new Side((memory) => loadWasmCore(memory));
  readonly twin = new Side((memory) => createTwin(memory));
  readonly sides = [this.wasm, this.twin] as const;

  /** Calls both and expects one result. */
  call(run: (side: Side) => number, what: string): number {
    const expected = run(this.wasm);
    const found = run(this.twin);
    if (expected !== found) throw new Error(`${what}: wasm gives ${expected}, the twin ${found}`);
    return expected;
  }

  write(place: (side: Side) => number, bytes: Uint8Array): void {
    for (const side of this.sides) side.memory.u8.set(bytes, place(side));
  }

  word(place: (side: Side) => number, value: number): void {
    for (const side of this.sides) side.memory.view.setUint32(place(side), value, true);
  }
}

/** Maps the window anew. Returns the partition page behind each I/O page. */
function shuffleWindow(pair: Pair, next: Random): number[] {
  const pages: number[] = [];
  for (let index = 0; index < WINDOW_PAGES; index++) {
    // Some pages beyond the partition, some far beyond, some without a right.
    const page = next(40) === 0 ? next(0x100000) : next(CLIENT_PAGES + 1);
    const rights = next(16) === 0 ? next(4) : 3;
    pages.push(page);
    const high = next(200) === 0 ? next(3) : 0;
    for (const side of pair.sides) side.setTce(index, ((page << 12) | rights) >>> 0, high);
  }
  // The queue itself stays where answers can reach it, most of the time.
  if (next(8) !== 0) for (const side of pair.sides) side.setTce(QUEUE_IOBA_PAGE, 3, 0);
  pair.word((side) => side.window + WINDOW_GENERATION, next(1 << 30));
  return pages;
}

/** Puts a batch on the ring: valid requests, mutated ones, noise. */
function fillRing(pair: Pair, pages: readonly number[], cursor: number, next: Random): void {
  const requests = baseRequests(next);
  for (let index = 0; index < BATCH; index++) {
    // Initialization and events, the last two, end a batch: seldom, or there would be no batches.
    const chosen = requests[next(next(6) === 0 ? requests.length : requests.length - 2)];
    if (!chosen) continue;
    const { iu, entry } = chosen;
    const window = next(WINDOW_PAGES);
    const page = Math.min(pages[window] ?? 0, CLIENT_PAGES - 1);
    const place = page * PAGE + next(PAGE - 256);
    const mutations = next(3) === 0 ? 0 : next(8);
    for (let mutation = 0; mutation < mutations; mutation++) {
      const bytes = next(5) === 0 ? entry : iu;
      bytes[next(bytes.length)] = next(3) === 0 ? ([0, 0xff, 0x80, 0x7f, 1][next(5)] ?? 0) : next(256);
    }
    if (next(20) === 0) for (let at = 0; at < iu.length; at++) iu[at] = next(256);
    pair.write((side) => side.client + place, iu);
    if (next(6) !== 0) entry.writeUInt32BE(window * PAGE + (place % PAGE), 12);
    pair.write((side) => side.ring + ((cursor + index) % RING_ENTRIES) * CRQ_ENTRY_SIZE, entry);
  }
}

function checkExtents(side: Side, slot: number): void {
  const { view } = side.memory;
  const count = view.getUint32(slot + SLOT_EXTENT_COUNT, true);
  const end = side.client + CLIENT_PAGES * PAGE;
  for (let index = 0; index < count; index++) {
    const extent = slot + SLOT_EXTENTS + index * EXTENT_SIZE;
    const linear = view.getUint32(extent + EXTENT_LINEAR, true);
    const length = view.getUint32(extent + EXTENT_LENGTH, true);
    if (linear < side.client || linear + length > end || length === 0)
      throw new Error(`an extent leaves the partition: ${linear}+${length}, partition ${side.client} to ${end}`);
  }
}

/** Data phases with offsets and lengths in and out of bounds, and an answer of every kind. */
function useSlot(pair: Pair, index: number, next: Random): number {
  const slotOf = (side: Side) => side.memory.view.getUint32(side.records.get(ADAPTER_READY_LIST) + index * 4, true);
  for (const side of pair.sides) checkExtents(side, slotOf(side));
  const size = pair.call(
    (side) => side.memory.view.getUint32(slotOf(side) + SLOT_TRANSFER_LENGTH, true),
    "transfer length",
  );
  const offset = next(8) === 0 ? next(0x40000) : next(Math.min(size, 0x8000) + 1);
  const length = next(8) === 0 ? next(0x20000) : next(Math.min(size, 0x8000) + 1);
  if (next(2) === 0)
    pair.call((side) => side.core.scatter(side.records.address, slotOf(side), offset, side.data, length), "scatter");
  else pair.call((side) => side.core.gather(side.records.address, slotOf(side), offset, side.data, length), "gather");
  const answer = next(3);
  pair.word((side) => slotOf(side) + SLOT_ANSWER, answer === 2 ? ANSWER_RSP : answer);
  pair.word((side) => slotOf(side) + SLOT_RSP_FLAGS, next(64));
  pair.word((side) => slotOf(side) + SLOT_SENSE_LENGTH, next(300));
  return pair.wasm.memory.view.getUint32(slotOf(pair.wasm) + SLOT_EXTENT_COUNT, true) > 0 ? 1 : 0;
}

function completeAll(pair: Pair, count: number, next: Random): void {
  for (const side of pair.sides) {
    const ready = side.records.get(ADAPTER_READY_LIST);
    const { u8 } = side.memory;
    u8.copyWithin(side.records.get(ADAPTER_COMPLETE_LIST), ready, ready + count * 4);
  }
  const done = pair.call((side) => side.core.complete(side.records.address, count), "complete");
  const result = pair.call(
    (side) => side.memory.view.getInt32(side.records.address + ADAPTER_COMPLETE_RESULT, true),
    "complete result",
  );
  expect(done === count).toBe(result === H_SUCCESS);
  // Whatever was refused is given up, as a server does whose client is gone.
  for (const side of pair.sides) {
    const list = side.records.get(ADAPTER_COMPLETE_LIST);
    for (let index = done; index < count; index++)
      side.core.slot_release(side.records.address, side.memory.view.getUint32(list + index * 4, true));
  }
  // The client takes its answers, or not; a full queue is part of the game.
  if (result === H_DROPPED || next(3) !== 0) {
    for (const side of pair.sides) side.memory.u8.fill(0, side.client, side.client + PAGE);
    pair.word((side) => side.queue + QUEUE_ENQUEUE, 0);
  }
}

test(`${COUNT} hostile entries and IUs: no trap, nothing outside the windows, no lost slot, no difference`, {
  timeout: 600_000,
}, () => {
  console.log(`VSCSI_FUZZ_SEED=${SEED} VSCSI_FUZZ_COUNT=${COUNT}`);
  const next = random(SEED);
  const pair = new Pair();
  let entries = 0;
  let sound = 0;
  let pages: number[] = [];
  for (let batch = 0; entries < COUNT; batch++) {
    if (batch % 16 === 0) pages = shuffleWindow(pair, next);
    let cursor = pair.wasm.memory.view.getUint32(pair.wasm.records.address + ADAPTER_RING_CURSOR, true);
    fillRing(pair, pages, cursor, next);
    for (let left = BATCH; left > 0; ) {
      const count = pair.call((side) => side.core.drain(side.records.address, BATCH), "drain");
      if (count === 0) {
        // A mutation made the header 0: a hole that a consumer waits at. Step over it, as a new registration would.
        cursor = pair.wasm.memory.view.getUint32(pair.wasm.records.address + ADAPTER_RING_CURSOR, true);
        pair.word((side) => side.records.address + ADAPTER_RING_CURSOR, (cursor + 1) % RING_ENTRIES);
        left--;
        continue;
      }
      for (let index = 0; index < count; index++) sound += useSlot(pair, index, next);
      completeAll(pair, count, next);
      left -= count;
    }
    entries += BATCH;
    for (const side of pair.sides) {
      expect(side.records.get(ADAPTER_FREE_COUNT)).toBe(SLOTS);
      expect(side.guardsIntact()).toBe(true);
    }
    expect(pair.wasm.bytes().equals(pair.twin.bytes())).toBe(true);
  }
  expect(entries).toBeGreaterThanOrEqual(COUNT);
  // The hostile must not be so hostile that nothing is decoded to its end.
  expect(sound).toBeGreaterThan(COUNT / 40);
});
