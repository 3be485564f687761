import { expect, test } from "vitest";
import { CRQ_ENTRY_SIZE } from "../../src/abi/crq.ts";
import { H_DROPPED, H_SUCCESS } from "../../src/abi/papr.ts";
import {
  ADAPTER_COMPLETE_LIST,
  ADAPTER_COMPLETE_RESULT,
  ADAPTER_FREE_COUNT,
  ADAPTER_FREE_LIST,
  ADAPTER_READY_LIST,
  ADAPTER_STAGED,
  ANSWER_PREPARED,
  DIRECTION_OUT,
  EXTENT_COUNT_MAX,
  EXTENT_LENGTH,
  EXTENT_LINEAR,
  EXTENT_SIZE,
  QUEUE_ENQUEUE,
  SLOT_ANSWER,
  SLOT_DIRECTION,
  SLOT_EXTENT_COUNT,
  SLOT_EXTENTS,
  SLOT_RESPONSE_LENGTH,
  SLOT_RSP_FLAGS,
  SLOT_SENSE_LENGTH,
  SLOT_TRANSFER_LENGTH,
  STAGED_DATA,
  STAGED_DATA_LENGTH,
  STAGED_IU,
  STAGED_IU_LENGTH,
  STAGED_SIZE,
  STAGED_TABLE,
  STAGED_TABLE_LENGTH,
  TABLE_ENTRIES_MAX,
  WINDOW_GENERATION,
  WINDOW_STAGED,
  WINDOW_STATE,
  WINDOW_TRANSLATED,
} from "../../src/abi/records.ts";
import { Pair } from "./pair.ts";
import { baseRequests, type Random, random } from "./requests.ts";
import { CLIENT_PAGES, PAGE, PARTITION_PAGES, READ_ONLY_PAGE, RING_ENTRIES, SLOTS } from "./side.ts";

const COUNT = Number(process.env.VSCSI_FUZZ_COUNT ?? 1_000_000);
const SEED = Number(process.env.VSCSI_FUZZ_SEED ?? 20261124);
const WINDOW_PAGES = 32;
const BATCH = 48;
const TABLE_DESCRIPTOR_LENGTH = 60;

/** A hostile client, and a server that does what servers do, at random. */
class Hostilities {
  readonly pair = new Pair({ staged: true, windowPages: WINDOW_PAGES });
  readonly next: Random;
  /** Entries put on the ring, and slots whose buffer was decoded to its end. */
  entries = 0;
  sound = 0;
  /** Partition page behind each I/O page. */
  #pages: number[] = [];
  #staged = false;
  #produced = 0;
  /** Slots between drain and complete. */
  #outstanding: number[] = [];

  constructor(seed: number) {
    this.next = random(seed);
  }

  batch(index: number): void {
    if (index % 64 === 0) this.#changeTransport();
    if (index % 16 === 0) this.#mapAnew();
    this.#fillRing();
    this.#drain();
    const work = this.next(this.#outstanding.length + 1);
    for (let done = 0; done < work; done++) this.#transfer();
    this.#complete(this.next(this.#outstanding.length + 1));
    this.#checkSlots();
    this.pair.check();
  }

  /** Gives everything back: then every slot must be on the free list, once. */
  end(): void {
    this.#releaseAll();
    const { records } = this.pair.wasm;
    expect(records.get(ADAPTER_FREE_COUNT)).toBe(SLOTS);
    const list = records.get(ADAPTER_FREE_LIST);
    const free = new Set(Array.from({ length: SLOTS }, (_, index) => this.pair.wasm.get(list + index * 4)));
    expect(free).toEqual(new Set(Array.from({ length: SLOTS }, (_, index) => records.slot(index))));
    this.pair.check();
  }

  #changeTransport(): void {
    this.#releaseAll();
    this.#staged = this.next(4) === 0;
    this.pair.set(this.pair.wasm.window + WINDOW_STATE, this.#staged ? WINDOW_STAGED : WINDOW_TRANSLATED);
  }

  #mapAnew(): void {
    const { pair, next } = this;
    for (let index = 0; index < WINDOW_PAGES; index++) {
      const beyond = next(40) === 0;
      const page = beyond ? PARTITION_PAGES + next(0x80000) : next(CLIENT_PAGES);
      const rights = (next(16) === 0 ? next(4) : 3) & (page === READ_ONLY_PAGE ? 1 : 3);
      this.#pages[index] = page;
      pair.setTce(index, ((page << 12) | (next(8) === 0 ? next(1024) << 2 : 0) | rights) >>> 0, 0);
      // Far beyond; the last page of all, whose end is 2^64.
      if (next(200) === 0) pair.setTce(index, ((page << 12) | 3) >>> 0, 1 + next(0xffff));
      if (next(200) === 0) pair.setTce(index, 0xfffff003, 0xffffffff);
    }
    // The queue itself stays where answers can reach it, most of the time.
    if (next(8) !== 0) pair.setTce(pair.wasm.queuePage, 3, 0);
    pair.newGeneration(pair.wasm.window + WINDOW_GENERATION);
  }

  /** Puts a batch on the ring, as far as it has room: valid requests, mutated ones, noise. */
  #fillRing(): void {
    const { pair, next } = this;
    const requests = baseRequests(next);
    for (let count = 0; count < BATCH; count++) {
      const index = this.#produced % RING_ENTRIES;
      const place = pair.wasm.ring + index * CRQ_ENTRY_SIZE;
      if (pair.wasm.memory.u8[place] !== 0) return;
      // Initialization and events, the last two, end a batch: seldom, or there would be no batches.
      const chosen = requests[next(next(6) === 0 ? requests.length : requests.length - 2)];
      if (!chosen) continue;
      const { iu, entry } = chosen;
      this.#mutate(iu, entry);
      const ioPage = next(WINDOW_PAGES);
      const mapped = this.#pages[ioPage] ?? 0;
      const page = mapped < CLIENT_PAGES && mapped !== READ_ONLY_PAGE ? mapped : READ_ONLY_PAGE + 1;
      const offset = next(PAGE - iu.length);
      pair.write(pair.wasm.client + page * PAGE + offset, iu);
      if (next(6) !== 0) entry.writeUInt32BE(ioPage * PAGE + offset, 12);
      if (this.#staged) this.#stage(index, iu, entry);
      // A header of 0 would be no entry but a hole that the consumer waits at.
      entry[0] ||= 1;
      pair.write(place, entry);
      this.#produced++;
      this.entries++;
    }
  }

  #mutate(iu: Buffer, entry: Buffer): void {
    const { next } = this;
    const mutations = next(3) === 0 ? 0 : next(8);
    for (let mutation = 0; mutation < mutations; mutation++) {
      const bytes = next(5) === 0 ? entry : iu;
      bytes[next(bytes.length)] = next(3) === 0 ? ([0, 0xff, 0x80, 0x7f, 1][next(5)] ?? 0) : next(256);
    }
    if (next(20) === 0) for (let at = 0; at < iu.length; at++) iu[at] = next(256);
    if (next(50) === 0) for (let at = 0; at < entry.length; at++) entry[at] = next(256);
  }

  /** What a port brings along, or failed to. */
  #stage(index: number, iu: Buffer, entry: Buffer): void {
    const { pair, next } = this;
    const staged = pair.wasm.records.get(ADAPTER_STAGED) + index * STAGED_SIZE;
    const length = entry.readUInt16BE(6);
    const table = iu.readUInt32BE(TABLE_DESCRIPTOR_LENGTH) % (TABLE_ENTRIES_MAX * 16 + 1);
    pair.set(staged + STAGED_IU_LENGTH, next(16) === 0 ? 0 : Math.min(length, iu.length));
    pair.write(staged + STAGED_IU, iu);
    pair.set(staged + STAGED_TABLE_LENGTH, next(16) === 0 ? 0 : table);
    for (let at = 0; at < 128; at += 4) pair.set(staged + STAGED_TABLE + next(64) * 16 + (at & 12), next(0x10000));
    pair.set(staged + STAGED_DATA, pair.wasm.data);
    pair.set(staged + STAGED_DATA_LENGTH, next(PAGE));
  }

  #drain(): void {
    const { records } = this.pair.wasm;
    const max = this.next(BATCH + 8);
    const count = this.pair.call("drain", (core) => core.drain(records.address, max));
    expect(count).toBeLessThanOrEqual(Math.min(max, SLOTS));
    for (let index = 0; index < count; index++) {
      const slot = this.pair.wasm.get(records.get(ADAPTER_READY_LIST) + index * 4);
      if (this.#checkExtents(slot) > 0) this.sound++;
      this.#outstanding.push(slot);
    }
  }

  #checkExtents(slot: number): number {
    const side = this.pair.wasm;
    const end = side.client + CLIENT_PAGES * PAGE;
    const count = side.get(slot + SLOT_EXTENT_COUNT);
    if (count > EXTENT_COUNT_MAX) throw new Error(`${count} extents`);
    let sum = 0;
    for (let index = 0; index < count; index++) {
      const extent = slot + SLOT_EXTENTS + index * EXTENT_SIZE;
      const linear = side.get(extent + EXTENT_LINEAR);
      const length = side.get(extent + EXTENT_LENGTH);
      const inside = this.#staged ? linear === 0 : linear >= side.client && linear + length <= end;
      if (!inside || length === 0) throw new Error(`an extent leaves the partition: ${linear}+${length}`);
      sum += length;
    }
    if (count > 0 && sum !== side.get(slot + SLOT_TRANSFER_LENGTH)) throw new Error("extents and length disagree");
    return count;
  }

  /** A data phase with offset and length in or out of bounds. */
  #transfer(): void {
    const { pair, next } = this;
    const slot = this.#outstanding[next(this.#outstanding.length)] ?? 0;
    const adapter = pair.wasm.records.address;
    const size = pair.wasm.get(slot + SLOT_TRANSFER_LENGTH);
    const offset = next(8) === 0 ? next(0x40000) : next(Math.min(size, 0x4000) + 1);
    const length = next(8) === 0 ? next(0x20000) : next(Math.min(size, 0x4000) + 1);
    const { data } = pair.wasm;
    const out = pair.wasm.get(slot + SLOT_DIRECTION) === DIRECTION_OUT;
    pair.call("data_in_address", (core) => core.data_in_address(adapter, slot, length));
    if (next(8) === 0 ? out : !out) pair.call("scatter", (core) => core.scatter(adapter, slot, offset, data, length));
    else pair.call("gather", (core) => core.gather(adapter, slot, offset, data, length));
  }

  #complete(count: number): void {
    const { pair, next } = this;
    const { records, queue, client } = pair.wasm;
    for (let index = 0; index < count; index++) this.#prepareAnswer(this.#outstanding[index] ?? 0, index);
    const done = pair.call("complete", (core) => core.complete(records.address, count));
    const result = pair.call("complete result", () =>
      pair.wasm.memory.view.getInt32(records.address + ADAPTER_COMPLETE_RESULT, true),
    );
    if ((done === count) !== (result === H_SUCCESS)) throw new Error(`complete: ${done} of ${count}, ${result}`);
    for (const slot of this.#outstanding.splice(0, done)) if (this.#staged) this.#release(slot);
    // A full queue is waited for, some of the time; anything else means that the client is gone.
    if (result !== H_SUCCESS && (result !== H_DROPPED || next(4) === 0))
      for (const slot of this.#outstanding.splice(0, 1)) this.#release(slot);
    if (next(3) === 0) {
      for (const side of [pair.wasm, pair.twin]) side.memory.u8.fill(0, client, client + PAGE);
      pair.set(queue + QUEUE_ENQUEUE, 0);
    }
  }

  #prepareAnswer(slot: number, index: number): void {
    const { pair, next } = this;
    const answer = next(3);
    pair.set(pair.wasm.records.get(ADAPTER_COMPLETE_LIST) + index * 4, slot);
    pair.set(slot + SLOT_ANSWER, answer);
    pair.set(slot + SLOT_RSP_FLAGS, next(64));
    pair.set(slot + SLOT_SENSE_LENGTH, next(300));
    if (answer === ANSWER_PREPARED) pair.set(slot + SLOT_RESPONSE_LENGTH, next(257));
  }

  #release(slot: number): void {
    const { address } = this.pair.wasm.records;
    this.pair.wasm.core.slot_release(address, slot);
    this.pair.twin.core.slot_release(address, slot);
  }

  #releaseAll(): void {
    for (const slot of this.#outstanding.splice(0)) this.#release(slot);
  }

  #checkSlots(): void {
    const free = this.pair.wasm.records.get(ADAPTER_FREE_COUNT);
    if (free + this.#outstanding.length !== SLOTS)
      throw new Error(`a slot is lost: ${free} free, ${this.#outstanding.length} outstanding of ${SLOTS}`);
  }
}

test(`${COUNT} hostile entries and IUs: no trap, nothing outside the windows, no lost slot, no difference`, {
  timeout: 600_000,
}, () => {
  console.log(`VSCSI_FUZZ_SEED=${SEED} VSCSI_FUZZ_COUNT=${COUNT}`);
  const hostilities = new Hostilities(SEED);
  for (let index = 0; hostilities.entries < COUNT; index++) hostilities.batch(index);
  hostilities.end();
  // The hostile must not be so hostile that nothing is decoded to its end.
  expect(hostilities.sound).toBeGreaterThan(COUNT / 40);
});
