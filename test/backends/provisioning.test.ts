import { existsSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { FileStore } from "../../src/backends/file.ts";
import { MemoryStore } from "../../src/backends/memory.ts";
import { silentLog } from "../../src/core/log.ts";
import type { BlockStore } from "../../src/scsi/block-store.ts";
import { ended } from "../support/block-store.ts";
import {
  extents,
  MODEL_SIZE,
  ModelledStore,
  type Operation,
  operations,
  provisioningOf,
  SECTOR,
} from "../support/modelled-store.ts";
import { testMemory } from "../support/scsi-task.ts";

const SECTORS = MODEL_SIZE / SECTOR;
const EBADF = -9;

const memory = testMemory();
/** Linux's own file system in memory, beside that of temporary files. */
const SHARED_MEMORY = "/dev/shm";
const [folder, memoryFolder] = [tmpdir(), existsSync(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir()].map((parent) => {
  const made = mkdtempSync(join(parent, "vscsi-provisioning-"));
  afterAll(() => rmSync(made, { recursive: true }));
  return made;
});

let images = 0;
function newImage(parent = folder): string {
  const path = join(parent ?? "", `${images++}.img`);
  writeFileSync(path, "");
  truncateSync(path, MODEL_SIZE);
  return path;
}

const openFile = (path: string) => new FileStore(memory, path, false, silentLog);

const KINDS: readonly [string, () => BlockStore][] = [
  ["memory", () => new MemoryStore(memory, MODEL_SIZE)],
  ["a file", () => openFile(newImage())],
  ["a file in tmpfs", () => openFile(newImage(memoryFolder))],
];

async function allocatedBytes(store: BlockStore): Promise<number> {
  return (await extents(store)).reduce((sum, { length, allocated }) => sum + (allocated ? length : 0), 0);
}

describe.each(KINDS)("%s", (_kind, open) => {
  test("random operations agree with an array, and holes are zeros", async () => {
    const run = async (list: Operation[]) => {
      const modelled = new ModelledStore(memory, open());
      for (const operation of list) await modelled.run(operation);
      await modelled.check();
      await modelled.close();
    };
    await fc.assert(fc.asyncProperty(operations(true), run), { numRuns: 60 });
  });

  test("whole pieces are given back, parts of pieces are zeros", async () => {
    const store = open();
    const { granularity } = provisioningOf(store);
    const piece = granularity / SECTOR;
    const modelled = new ModelledStore(memory, store);
    expect(await allocatedBytes(store), "a new store is a hole").toBe(0);
    await modelled.write(0, 4 * piece, 7, true);
    expect(await allocatedBytes(store)).toBe(4 * granularity);
    await modelled.deallocate(1, 3 * piece - 2);
    expect(await allocatedBytes(store)).toBe(3 * granularity);
    await modelled.check();
    await modelled.deallocate(0, SECTORS, true);
    expect(await extents(store)).toEqual([{ offset: 0, length: MODEL_SIZE, allocated: false }]);
    await modelled.close();
  });
});

test("a file's blocks go back to the file system", async () => {
  const path = newImage();
  const modelled = new ModelledStore(memory, openFile(path));
  const bytes = () => statSync(path).blocks * 512;
  await modelled.write(0, SECTORS, 9, true);
  expect(bytes()).toBeGreaterThanOrEqual(MODEL_SIZE);
  await modelled.deallocate(0, SECTORS / 2, true);
  expect(bytes()).toBeLessThan(MODEL_SIZE * 0.6);
  await modelled.check();
  await modelled.close();
});

test("several ranges at once, and writes between them", async () => {
  const modelled = new ModelledStore(memory, openFile(newImage()));
  await modelled.write(0, SECTORS, 5);
  const ranges = Array.from({ length: 40 }, (_, index) => modelled.deallocate(index * 50, 30, index % 3 === 0));
  for (let index = 0; index < 40; index++) await modelled.write(index * 50 + 30, 10, index + 1);
  await Promise.all(ranges);
  await modelled.check();
  await modelled.close();
});

test("what can't be given back is told, and the next range is tried", async () => {
  const failures: object[] = [];
  const log = { ...silentLog, error: (fields: object) => void failures.push(fields) };
  const path = newImage();
  const store = new FileStore(memory, path, true, log);
  const provisioning = provisioningOf(store);
  expect(await extents(store)).toEqual([{ offset: 0, length: MODEL_SIZE, allocated: false }]);
  const results = [0, 4096].map((offset) => ended((then) => provisioning.deallocate(offset, 4096, true, then)));
  expect(await Promise.all(results)).toEqual([EBADF, EBADF]);
  expect(failures).toEqual([0, 4096].map((offset) => ({ path, operation: "deallocate", offset, error: "EBADF" })));
  await store.close();
});
