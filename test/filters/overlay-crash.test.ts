import { expect, test } from "vitest";
import { silentLog } from "../../src/core/log.ts";
import { encodeHeader } from "../../src/filters/overlay/header.ts";
import { newHeader } from "../../src/filters/overlay/kept-overlay.ts";
import { overlayLayout } from "../../src/filters/overlay/layout.ts";
import { overlayIn } from "../../src/filters/overlay/open-overlay.ts";
import type { OverlayStore } from "../../src/filters/overlay/overlay-store.ts";
import { type Random, randomFrom } from "../../src/filters/random.ts";
import { testMemory } from "../support/scsi-task.ts";
import { StoreCalls } from "../support/store-calls.ts";
import { UnsteadyStore } from "../support/unsteady-store.ts";

const SECTOR = 512;
const SECTORS = 128;
const SIZE = SECTORS * SECTOR;
const RUNS = 300;
const SEED = Number(process.env.VSCSI_SEED ?? 20_261_125);

const memory = testMemory();
const CONTENT = Uint8Array.from({ length: SIZE }, (_, at) => 200 + ((at >>> 9) % 50));

function boot(number: number): Uint8Array {
  return new Uint8Array(16).fill(number);
}

/** The file of an overlay without changes. */
async function newFile(): Promise<Uint8Array> {
  const header = await newHeader(memory, new UnsteadyStore(memory, CONTENT));
  const bytes = new Uint8Array(overlayLayout(header.baseSize, header.clusterShift).fileSize);
  bytes.set(encodeHeader(header));
  return bytes;
}

function openOver(file: UnsteadyStore, bootId: Uint8Array, late?: Random): Promise<OverlayStore> {
  return overlayIn(file, new UnsteadyStore(memory, CONTENT, late), bootId, {
    memory,
    log: silentLog,
    openBase: async () => new UnsteadyStore(memory, CONTENT),
  });
}

/** What each sector may hold: the flushed value, and all that was written to it since. */
class Expectation {
  readonly #may = Array.from({ length: SECTORS }, (_, sector) => new Set([CONTENT[sector * SECTOR] ?? 0]));
  readonly now = Array.from({ length: SECTORS }, (_, sector) => CONTENT[sector * SECTOR] ?? 0);

  begins(first: number, count: number, value: number): void {
    for (let sector = first; sector < first + count; sector++) this.#may[sector]?.add(value);
  }

  wrote(first: number, count: number, value: number): void {
    this.now.fill(value, first, first + count);
  }

  /** @param now what was there when the flush began */
  flushed(now: readonly number[]): void {
    for (const [sector, value] of now.entries()) this.settle(sector, value);
  }

  settle(sector: number, value: number): void {
    this.#may[sector] = new Set([value]);
  }

  allows(sector: number, value: number): boolean {
    return this.#may[sector]?.has(value) ?? false;
  }
}

function same(found: Uint8Array | number, wanted: Uint8Array): boolean {
  return typeof found !== "number" && Buffer.compare(found, wanted) === 0;
}

async function contentOf(store: OverlayStore): Promise<Uint8Array> {
  const content = await new StoreCalls(memory, store).read(0, SIZE);
  if (typeof content === "number") throw new Error(`can't be read: ${content}`);
  return content;
}

/** Random operations, one after the other, some flushed; the last one may be cut short. */
async function work(calls: StoreCalls, expected: Expectation, random: Random, stop: () => boolean): Promise<void> {
  for (let value = 1; value < 40 && !stop(); value++) {
    const first = Math.floor(random() * SECTORS);
    const count = Math.min(SECTORS - first, 1 + Math.floor(random() * 20));
    const kind = random();
    const durable = kind > 0.85;
    if (kind < 0.15) {
      const before = [...expected.now];
      if ((await calls.flush()) === 0) expected.flushed(before);
      continue;
    }
    const written = kind < 0.3 ? 0 : value;
    expected.begins(first, count, written);
    const offset = first * SECTOR;
    const result =
      written === 0
        ? await calls.deallocate(offset, count * SECTOR)
        : await calls.write(offset, new Uint8Array(count * SECTOR).fill(written), durable);
    if (result !== 0) return;
    expected.wrote(first, count, written);
    // Durable is this write alone: what was written before may be lost, except in these sectors.
    if (durable) for (let sector = first; sector < first + count; sector++) expected.settle(sector, written);
  }
}

test(`power fails ${RUNS} times: what was flushed is there, and no other sector has changed`, async () => {
  const random = randomFrom(SEED);
  for (let run = 0; run < RUNS; run++) {
    const expected = new Expectation();
    let file = new UnsteadyStore(memory, await newFile());
    // Twice in a row: the second one begins with what the first one left.
    for (let life = 1; life <= 2; life++) {
      const store = await openOver(file, boot(life));
      const content = await contentOf(store);
      for (let sector = 0; sector < SECTORS; sector++) {
        const bytes = content.subarray(sector * SECTOR, (sector + 1) * SECTOR);
        const value = bytes[0] ?? 0;
        const told = `seed ${SEED}, run ${run}, life ${life}, sector ${sector}`;
        expect(
          bytes.every((byte) => byte === value),
          told,
        ).toBe(true);
        expect(expected.allows(sector, value), told).toBe(true);
        expected.settle(sector, value);
        expected.now[sector] = value;
      }
      const operations = Math.floor(random() * 40);
      let done = 0;
      await work(new StoreCalls(memory, store), expected, random, () => done++ >= operations);
      file = new UnsteadyStore(memory, file.afterPowerFailure(random));
    }
  }
});

test("the process dies, and the machine goes on: nothing that was acknowledged is lost", async () => {
  const random = randomFrom(SEED);
  for (let run = 0; run < RUNS; run++) {
    const expected = new Expectation();
    const file = new UnsteadyStore(memory, await newFile());
    for (let life = 1; life <= 3; life++) {
      const store = await openOver(file, boot(1));
      const content = await contentOf(store);
      expect(Array.from({ length: SECTORS }, (_, sector) => content[sector * SECTOR])).toEqual(expected.now);
      await work(new StoreCalls(memory, store), expected, random, () => false);
    }
  }
});

test("operations that meet in clusters, over stores that answer late and in any order", async () => {
  const random = randomFrom(SEED);
  for (let run = 0; run < 60; run++) {
    const file = new UnsteadyStore(memory, await newFile(), random);
    const store = await openOver(file, boot(1), random);
    const calls = new StoreCalls(memory, store);
    const model = Uint8Array.from(CONTENT);
    for (let round = 0; round < 6; round++) {
      // No two of a round have a sector in common, but nearly all have clusters: who comes last is not the question.
      const operations: Promise<unknown>[] = [];
      for (let sector = Math.floor(random() * 3); sector < SECTORS; ) {
        const count = Math.min(SECTORS - sector, 1 + Math.floor(random() * 11));
        const [offset, length] = [sector * SECTOR, count * SECTOR];
        sector += count + Math.floor(random() * 3);
        const value = 1 + Math.floor(random() * 100);
        const kind = random();
        if (kind < 0.2) {
          operations.push(
            calls
              .read(offset, length)
              .then((read) => expect(same(read, model.slice(offset, offset + length))).toBe(true)),
          );
        } else if (kind < 0.4) {
          operations.push(calls.deallocate(offset, length));
          operations.push(Promise.resolve().then(() => model.fill(0, offset, offset + length)));
        } else {
          operations.push(calls.write(offset, new Uint8Array(length).fill(value), kind > 0.9));
          operations.push(Promise.resolve().then(() => model.fill(value, offset, offset + length)));
        }
        if (random() < 0.1) operations.push(calls.flush());
      }
      await Promise.all(operations);
      expect(same(await calls.read(0, SIZE), model), `seed ${SEED}, run ${run}, round ${round}`).toBe(true);
    }
    await store.close();
  }
});

test("a full disk: the error reaches whoever writes, and what was there stays readable", async () => {
  const file = new UnsteadyStore(memory, await newFile());
  const store = await openOver(file, boot(1));
  const calls = new StoreCalls(memory, store);
  expect(await calls.write(0, new Uint8Array(SECTOR).fill(1))).toBe(0);
  file.failure = -28;
  expect(await calls.write(SECTOR * 40, new Uint8Array(SECTOR).fill(2))).toBe(-28);
  expect(await calls.deallocate(SECTOR * 41, SECTOR * 30)).toBe(-28);
  file.failure = 0;
  const content = await contentOf(store);
  expect([content[0], content[SECTOR], content[SECTOR * 40], content[SECTOR * 50]]).toEqual([1, 201, 240, 200]);
  expect(await calls.write(SECTOR * 40, new Uint8Array(SECTOR).fill(3), true)).toBe(0);
  expect((await contentOf(store))[SECTOR * 40]).toBe(3);
  await store.close();
});

test("after a flush that failed no other one succeeds: the map never tells of data that may be lost", async () => {
  const file = new UnsteadyStore(memory, await newFile());
  const store = await openOver(file, boot(1));
  const calls = new StoreCalls(memory, store);
  await calls.write(0, new Uint8Array(SECTOR).fill(1));
  file.failure = -5;
  expect(await calls.flush()).toBe(-5);
  file.failure = 0;
  expect(await calls.flush()).toBe(-5);
  await expect(store.close()).rejects.toThrow(/can't be flushed/);
});
