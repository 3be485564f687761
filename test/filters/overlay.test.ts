import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { silentLog } from "../../src/core/log.ts";
import { type Backend, openBackend } from "../../src/filters/open-backend.ts";
import { OverlayStore } from "../../src/filters/overlay/overlay-store.ts";
import { extents, MODEL_SIZE, ModelledStore, operations } from "../support/modelled-store.ts";
import { testMemory } from "../support/scsi-task.ts";
import { StoreCalls } from "../support/store-calls.ts";

const RUNS = 100;
const OPERATIONS_A_RUN = 100;
const CLUSTER = 4096;

const memory = testMemory();
const folder = mkdtempSync(join(tmpdir(), "vscsi-overlay-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What every base holds: no sector like another. */
const CONTENT = Uint8Array.from({ length: MODEL_SIZE }, (_, at) => (at * 7 + (at >>> 9) * 13) & 0xff);

let files = 0;
const newPath = (suffix: string) => join(folder, `${files++}.${suffix}`);
function newBase(content: Uint8Array = CONTENT): string {
  const path = newPath("img");
  writeFileSync(path, content);
  return path;
}

async function open(backend: Backend, readOnly = false): Promise<OverlayStore> {
  const store = await openBackend(backend, { memory, readOnly, log: silentLog, blockSize: 512 });
  if (!(store instanceof OverlayStore)) throw new Error("no overlay");
  return store;
}

test(`${RUNS * OPERATIONS_A_RUN} random operations agree with an array, across a restart, and leave the base alone`, {
  timeout: 120_000,
}, async () => {
  const base = newBase();
  const run = async (first: Parameters<ModelledStore["run"]>[0][]) => {
    const overlay = { path: newPath("overlay") };
    const model = Uint8Array.from(CONTENT);
    for (const part of [first.slice(0, first.length / 2), first.slice(first.length / 2)]) {
      const modelled = new ModelledStore(memory, await open({ type: "file", path: base, overlay }), model);
      for (const operation of part) await modelled.run(operation);
      await modelled.check();
      await modelled.close();
    }
    rmSync(overlay.path);
  };
  await fc.assert(fc.asyncProperty(operations(false, OPERATIONS_A_RUN, OPERATIONS_A_RUN), run), { numRuns: RUNS });
  expect(Buffer.compare(readFileSync(base), CONTENT)).toBe(0);
});

test("changes that are thrown away: they are there until it is closed, and leave no file", async () => {
  const path = newBase();
  const directory = mkdtempSync(join(folder, "away-"));
  const backend: Backend = { type: "file", path, overlay: { keep: false, directory } };
  await fc.assert(
    fc.asyncProperty(operations(false), async (list) => {
      const modelled = new ModelledStore(memory, await open(backend), Uint8Array.from(CONTENT));
      expect(readdirSync(directory)).toEqual([]);
      for (const operation of list) await modelled.run(operation);
      await modelled.check();
      await modelled.close();
    }),
    { numRuns: 20 },
  );
  expect(Buffer.compare(readFileSync(path), CONTENT)).toBe(0);
});

test("a disk that ends within a cluster", async () => {
  const size = CLUSTER * 3 + 512;
  const content = CONTENT.slice(0, size);
  const overlay = { path: newPath("overlay") };
  const store = await open({ type: "file", path: newBase(content), overlay });
  const calls = new StoreCalls(memory, store);
  expect(await calls.write(size - 512, new Uint8Array(512).fill(1))).toBe(0);
  expect(await calls.write(CLUSTER * 2 + 512, new Uint8Array(512).fill(2))).toBe(0);
  content.fill(1, size - 512).fill(2, CLUSTER * 2 + 512, CLUSTER * 2 + 1024);
  expect(await calls.read(0, size)).toEqual(content);
  expect(store.changedBytes).toBe(CLUSTER * 2);
  await store.close();
});

test("holes are those of whoever has the cluster", async () => {
  const path = newPath("img");
  writeFileSync(path, CONTENT.subarray(0, MODEL_SIZE / 2));
  truncateSync(path, MODEL_SIZE);
  const store = await open({ type: "file", path, overlay: { path: newPath("overlay") } });
  const calls = new StoreCalls(memory, store);
  await calls.deallocate(CLUSTER * 4, CLUSTER * 2);
  await calls.write(MODEL_SIZE - CLUSTER, new Uint8Array(CLUSTER).fill(1));
  const half = MODEL_SIZE / 2;
  expect(await extents(store)).toEqual([
    { offset: 0, length: CLUSTER * 4, allocated: true },
    { offset: CLUSTER * 4, length: CLUSTER * 2, allocated: false },
    { offset: CLUSTER * 6, length: half - CLUSTER * 6, allocated: true },
    { offset: half, length: half - CLUSTER, allocated: false },
    { offset: MODEL_SIZE - CLUSTER, length: CLUSTER, allocated: true },
  ]);
  await store.close();
});

test("an overlay takes storage for what was written only", async () => {
  const path = newPath("overlay");
  const store = await open({ type: "file", path: newBase(), overlay: { path } });
  await new StoreCalls(memory, store).write(0, new Uint8Array(CLUSTER).fill(1), true);
  await store.close();
  const { size, blocks } = statSync(path);
  expect(size).toBeGreaterThan(MODEL_SIZE);
  expect(blocks * 512).toBeLessThan(MODEL_SIZE / 8);
});

test("a base below overlays: several overlays may share it, nobody may write to it", async () => {
  const path = newBase();
  const first = await open({ type: "file", path, overlay: { path: newPath("overlay") } });
  const second = await open({ type: "file", path, overlay: { keep: false } });
  const context = { memory, log: silentLog, blockSize: 512, readOnly: false };
  await expect(openBackend({ type: "file", path }, context)).rejects.toThrow(/lies below an overlay/);
  await first.close();
  await second.close();
  await (await openBackend({ type: "file", path }, context)).close();
});
