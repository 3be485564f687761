import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { silentLog } from "../../src/core/log.ts";
import { type Backend, openBackend } from "../../src/filters/open-backend.ts";
import { encodeHeader } from "../../src/filters/overlay/header.ts";
import { newHeader } from "../../src/filters/overlay/kept-overlay.ts";
import { overlayLayout } from "../../src/filters/overlay/layout.ts";
import { overlayIn } from "../../src/filters/overlay/open-overlay.ts";
import { OverlayStore } from "../../src/filters/overlay/overlay-store.ts";
import { randomFrom } from "../../src/filters/random.ts";
import { requires } from "../support/requires.ts";
import { testMemory } from "../support/scsi-task.ts";
import { StoreCalls } from "../support/store-calls.ts";
import { UnsteadyStore } from "../support/unsteady-store.ts";

const MIB = 1 << 20;
const SIZE = 4 * MIB;
const SEED = Number(process.env.VSCSI_SEED ?? 20_261_125);
const memory = testMemory();
const folder = mkdtempSync(join(tmpdir(), "vscsi-merge-"));
afterAll(() => rmSync(folder, { recursive: true }));
const CONTENT = Buffer.alloc(SIZE, "a base like no other. ");

let files = 0;
function newBackend() {
  const path = join(folder, `${files++}.img`);
  writeFileSync(path, CONTENT);
  const overlay = { path: `${path}.overlay` };
  return { type: "file", path, overlay } as const;
}

async function open(backend: Backend): Promise<OverlayStore> {
  const store = await openBackend(backend, { memory, readOnly: false, log: silentLog, blockSize: 512 });
  if (!(store instanceof OverlayStore)) throw new Error("no overlay");
  return store;
}

async function merged(store: OverlayStore): Promise<void> {
  store.beginMerge();
  await expect.poll(() => store.merge?.state, { timeout: 20_000, interval: 5 }).not.toBe("merging");
}

/** Writes at random, and to the model, too. */
async function change(calls: StoreCalls, model: Uint8Array, random: () => number): Promise<void> {
  const offset = Math.floor(random() * (model.length / 512)) * 512;
  const length = Math.min(model.length - offset, 512 * (1 + Math.floor(random() * 40)));
  const value = Math.floor(random() * 256);
  const released = random() < 0.2;
  model.fill(released ? 0 : value, offset, offset + length);
  const durable = random() < 0.1;
  const result = released
    ? calls.deallocate(offset, length)
    : calls.write(offset, new Uint8Array(length).fill(value), durable);
  expect(await result).toBe(0);
}

test("a merged base is what the disk was, the overlay is empty, and goes on", async () => {
  const backend = newBackend();
  const random = randomFrom(SEED);
  const model = Uint8Array.from(CONTENT);
  const store = await open(backend);
  const calls = new StoreCalls(memory, store);
  for (let count = 0; count < 200; count++) await change(calls, model, random);
  const before = statSync(backend.overlay.path).blocks;
  await merged(store);
  expect(store.merge).toMatchObject({ state: "merged" });
  expect(store.merge?.done).toBe(store.merge?.total);
  expect(store.changedBytes).toBe(0);
  expect(statSync(backend.overlay.path).blocks).toBeLessThan(before / 4);
  expect(Buffer.compare(readFileSync(backend.path), model)).toBe(0);
  const after = Uint8Array.from(model);
  for (let count = 0; count < 20; count++) await change(calls, model, random);
  expect(Buffer.compare(readFileSync(backend.path), after)).toBe(0);
  await store.close();
  const again = await open(backend);
  expect(Buffer.compare((await new StoreCalls(memory, again).read(0, SIZE)) as Uint8Array, model)).toBe(0);
  await again.close();
});

test.skipIf(!requires("qemu-img"))("qemu-img finds the merged base equal to a copy of the disk", async () => {
  const backend = newBackend();
  const store = await open(backend);
  const calls = new StoreCalls(memory, store);
  await calls.write(MIB - 512, new Uint8Array(MIB).fill(7));
  await calls.deallocate(3 * MIB, MIB / 2);
  const copy = join(folder, "copy.img");
  writeFileSync(copy, (await calls.read(0, SIZE)) as Uint8Array);
  await merged(store);
  await store.close();
  const { status, stdout } = spawnSync("qemu-img", ["compare", "-f", "raw", "-F", "raw", backend.path, copy]);
  expect([status, stdout.toString()]).toEqual([0, "Images are identical.\n"]);
});

test("the unit goes on meanwhile: nothing is lost, and what was written may stay in the overlay", async () => {
  const backend = newBackend();
  const random = randomFrom(SEED);
  const model = Uint8Array.from(CONTENT);
  const store = await open(backend);
  const calls = new StoreCalls(memory, store);
  for (let count = 0; count < 100; count++) await change(calls, model, random);
  let changes = 0;
  for (let round = 0; round < 5; round++) {
    store.beginMerge();
    for (; store.merge?.state === "merging"; changes++) {
      await change(calls, model, random);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(store.merge).toMatchObject({ state: "merged" });
    expect(Buffer.compare((await calls.read(0, SIZE)) as Uint8Array, model)).toBe(0);
  }
  expect(changes).toBeGreaterThan(10);
  await merged(store);
  expect(Buffer.compare(readFileSync(backend.path), model)).toBe(0);
  await store.close();
});

/** Header and maps of an overlay without changes over a base. */
async function newFile(base: Uint8Array): Promise<Uint8Array> {
  const header = await newHeader(memory, new UnsteadyStore(memory, base));
  const bytes = new Uint8Array(overlayLayout(header.baseSize, header.clusterShift).fileSize);
  bytes.set(encodeHeader(header));
  return bytes;
}

test.each([
  ["the power fails", true],
  ["the process dies", false],
])("%s in the middle of merges: the disk is as it was, and the next merge ends it", async (_what, power) => {
  const random = randomFrom(SEED);
  const size = MIB + 8192;
  const seen = { merging: 0, merged: 0 };
  for (let run = 0; run < 25; run++) {
    const content = CONTENT.subarray(0, size);
    const model = Uint8Array.from(content);
    let base = new UnsteadyStore(memory, content, random);
    let file = new UnsteadyStore(memory, await newFile(content), random);
    for (let life = 1; life <= 4; life++) {
      const disk = base;
      disk.readOnly = true;
      const openBase = async (readOnly: boolean) => {
        disk.readOnly = readOnly;
        return disk;
      };
      const boot = new Uint8Array(16).fill(power ? life : 1);
      const store = await overlayIn(file, disk, boot, { memory, log: silentLog, openBase });
      const calls = new StoreCalls(memory, store);
      const told = `seed ${SEED}, run ${run}, life ${life}`;
      expect(Buffer.compare((await calls.read(0, size)) as Uint8Array, model), told).toBe(0);
      for (let count = 0; count < 6; count++) await change(calls, model, random);
      expect(await calls.flush()).toBe(0);
      if (life === 4) {
        await merged(store);
        expect(store.merge, told).toMatchObject({ state: "merged" });
        expect(Buffer.compare(disk.cached, model), told).toBe(0);
        expect(store.changedBytes).toBe(0);
        await store.close();
      } else {
        store.beginMerge();
        for (let turns = Math.floor(random() * 600); turns > 0; turns--) await new Promise((go) => setImmediate(go));
        seen[store.merge?.state === "merging" ? "merging" : "merged"]++;
        // What the old one still does is nobody's any more.
        const left = (from: UnsteadyStore) => (power ? from.afterPowerFailure(random) : Uint8Array.from(from.cached));
        base = new UnsteadyStore(memory, left(disk), random);
        file = new UnsteadyStore(memory, left(file), random);
      }
    }
  }
  // Otherwise the failures came too early or too late to test anything.
  expect(Math.min(seen.merging, seen.merged)).toBeGreaterThan(5);
});

test("a base that can't be written: the merge fails with the reason, and the unit goes on", async () => {
  const backend = newBackend();
  const store = await open(backend);
  const calls = new StoreCalls(memory, store);
  await calls.write(0, new Uint8Array(4096).fill(9));
  // Another overlay keeps it from being written.
  const other = await open({ ...backend, overlay: { keep: false } });
  await merged(store);
  expect(store.merge).toMatchObject({ state: "failed", error: expect.stringMatching(/lies below an overlay/) });
  expect(((await calls.read(0, 8192)) as Uint8Array)[0]).toBe(9);
  expect(((await calls.read(0, 8192)) as Uint8Array)[4096]).toBe(CONTENT[4096]);
  expect(() => other.beginMerge()).toThrow(/thrown away can't be merged/);
  await other.close();
  await merged(store);
  expect(store.merge).toMatchObject({ state: "merged" });
  await store.close();
});

test("discarded: the disk is its base, the storage is given back, also after a restart", async () => {
  const backend = newBackend();
  const store = await open(backend);
  const calls = new StoreCalls(memory, store);
  await calls.write(512, new Uint8Array(MIB).fill(9));
  await store.discard();
  expect(store.changedBytes).toBe(0);
  expect(Buffer.compare((await calls.read(0, SIZE)) as Uint8Array, CONTENT)).toBe(0);
  expect(statSync(backend.overlay.path).blocks * 512).toBeLessThan(MIB / 4);
  await store.close();
  const again = await open(backend);
  expect(Buffer.compare((await new StoreCalls(memory, again).read(0, SIZE)) as Uint8Array, CONTENT)).toBe(0);
  await again.close();
});
