import { existsSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { FileStore } from "../../src/backends/file.ts";
import { MemoryStore } from "../../src/backends/memory.ts";
import { silentLog } from "../../src/core/log.ts";
import { type BlockStore, type Provisioning, STORE_DONE } from "../../src/scsi/block-store.ts";
import { ended } from "../support/block-store.ts";
import { testMemory } from "../support/scsi-task.ts";

const SECTOR = 512;
const SIZE = 1 << 20;
const LONGEST = 2 * SIZE;
const EBADF = -9;

const memory = testMemory();
const buffer = memory.allocate(LONGEST);
/** Linux's own file system in memory, beside that of temporary files. */
const SHARED_MEMORY = "/dev/shm";
const [folder, memoryFolder] = [tmpdir(), existsSync(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir()].map((parent) => {
  const made = mkdtempSync(join(parent, "vscsi-provisioning-"));
  afterAll(() => rmSync(made, { recursive: true }));
  return made;
});

type Store = BlockStore & Required<Pick<BlockStore, "resize">>;

let images = 0;
function newImage(parent = folder): string {
  const path = join(parent ?? "", `${images++}.img`);
  writeFileSync(path, "");
  truncateSync(path, SIZE);
  return path;
}

const openFile = (path: string) => new FileStore(memory, path, false, silentLog);

const KINDS: readonly [string, () => Store][] = [
  ["memory", () => new MemoryStore(memory, SIZE)],
  ["a file", () => openFile(newImage())],
  ["a file in tmpfs", () => openFile(newImage(memoryFolder))],
];

function provisioningOf({ provisioning }: BlockStore): Provisioning {
  if (provisioning === undefined) throw new Error("the store gives nothing back");
  return provisioning;
}

/** A store beside an array that says what it should hold. */
class Modelled {
  readonly store: Store;
  #model = new Uint8Array(SIZE);

  constructor(store: Store) {
    this.store = store;
  }

  range(from: number, count: number) {
    const { size } = this.store;
    const offset = Math.min(from * SECTOR, size - SECTOR);
    return { offset, length: Math.min(count * SECTOR, size - offset) };
  }

  async write(from: number, count: number, seed: number, durable: boolean): Promise<void> {
    const { offset, length } = this.range(from, count);
    memory.u8.fill(seed, buffer, buffer + length);
    this.#model.fill(seed, offset, offset + length);
    expect(await ended((completion) => this.store.write(offset, buffer, length, durable, completion))).toBe(STORE_DONE);
  }

  async deallocate(from: number, count: number, durable: boolean): Promise<void> {
    const { offset, length } = this.range(from, count);
    this.#model.fill(0, offset, offset + length);
    const provisioning = provisioningOf(this.store);
    const result = ended((completion) => provisioning.deallocate(offset, length, durable, completion));
    expect(await result).toBe(STORE_DONE);
  }

  async flush(): Promise<void> {
    expect(await ended((completion) => this.store.flush(completion))).toBe(STORE_DONE);
  }

  resize(sectors: number): void {
    const size = sectors * SECTOR;
    const resized = new Uint8Array(size);
    resized.set(this.#model.subarray(0, size));
    this.#model = resized;
    this.store.resize(size);
    expect(this.store.size).toBe(size);
  }

  /** Every byte is what it should be, and what the store calls a hole is zeros. */
  async check(): Promise<void> {
    const { size } = this.store;
    memory.u8.fill(0xee, buffer, buffer + size);
    expect(await ended((completion) => this.store.read(0, buffer, size, completion))).toBe(STORE_DONE);
    expect(Buffer.compare(memory.u8.subarray(buffer, buffer + size), this.#model)).toBe(0);
    for (const { offset, length, allocated } of extents(this.store))
      if (!allocated) expect(this.#model.subarray(offset, offset + length).every((byte) => byte === 0)).toBe(true);
  }
}

/** The extents of a whole store; they must lead to its end. */
function extents(store: BlockStore) {
  const found: { offset: number; length: number; allocated: boolean }[] = [];
  for (let offset = 0; offset < store.size; ) {
    const extent = provisioningOf(store).extentAt(offset, store.size - offset);
    expect(extent.length).toBeGreaterThan(0);
    found.push({ offset, ...extent });
    offset += extent.length;
    expect(offset).toBeLessThanOrEqual(store.size);
  }
  return found;
}

function allocatedBytes(store: BlockStore): number {
  return extents(store).reduce((sum, { length, allocated }) => sum + (allocated ? length : 0), 0);
}

const from = fc.nat(SIZE / SECTOR - 1);
/** Within a piece of storage, and over several. */
const count = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 100, max: 600 }));
const durable = fc.boolean();
type Operation =
  | { name: "write"; from: number; count: number; seed: number; durable: boolean }
  | { name: "deallocate"; from: number; count: number; durable: boolean }
  | { name: "flush" }
  | { name: "resize"; sectors: number };
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ name: fc.constant("write" as const), from, count, seed: fc.integer({ min: 1, max: 255 }), durable }),
  fc.record({ name: fc.constant("deallocate" as const), from, count, durable }),
  fc.record({ name: fc.constant("flush" as const) }),
  fc.record({ name: fc.constant("resize" as const), sectors: fc.integer({ min: 1, max: LONGEST / SECTOR }) }),
);

describe.each(KINDS)("%s", (_kind, open) => {
  test("random operations agree with an array, and holes are zeros", async () => {
    const run = async (operations: Operation[]) => {
      const modelled = new Modelled(open());
      for (const step of operations) {
        if (step.name === "write") await modelled.write(step.from, step.count, step.seed, step.durable);
        else if (step.name === "deallocate") await modelled.deallocate(step.from, step.count, step.durable);
        else if (step.name === "flush") await modelled.flush();
        else modelled.resize(step.sectors);
      }
      await modelled.check();
      await modelled.store.close();
    };
    await fc.assert(fc.asyncProperty(fc.array(operation, { maxLength: 24 }), run), { numRuns: 60 });
  });

  test("whole pieces are given back, parts of pieces are zeros", async () => {
    const store = open();
    const { granularity } = provisioningOf(store);
    const piece = granularity / SECTOR;
    const modelled = new Modelled(store);
    expect(allocatedBytes(store), "a new store is a hole").toBe(0);
    await modelled.write(0, 4 * piece, 7, false);
    await modelled.flush();
    expect(allocatedBytes(store)).toBe(4 * granularity);
    await modelled.deallocate(1, 3 * piece - 2, false);
    expect(allocatedBytes(store)).toBe(3 * granularity);
    await modelled.check();
    await modelled.deallocate(0, SIZE / SECTOR, true);
    expect(extents(store)).toEqual([{ offset: 0, length: SIZE, allocated: false }]);
    await store.close();
  });
});

test("a file's blocks go back to the file system", async () => {
  const path = newImage();
  const modelled = new Modelled(openFile(path));
  const blocks = () => statSync(path).blocks;
  await modelled.write(0, SIZE / SECTOR, 9, true);
  expect(blocks()).toBeGreaterThanOrEqual(SIZE / 512);
  await modelled.deallocate(0, SIZE / SECTOR / 2, true);
  expect(blocks()).toBeLessThan((SIZE / 512) * 0.6);
  await modelled.check();
  await modelled.store.close();
});

test("several ranges at once, and writes between them", async () => {
  const store = openFile(newImage());
  const modelled = new Modelled(store);
  await modelled.write(0, SIZE / SECTOR, 5, false);
  const ranges = Array.from({ length: 40 }, (_, index) => modelled.deallocate(index * 50, 30, index % 3 === 0));
  for (let index = 0; index < 40; index++) await modelled.write(index * 50 + 30, 10, index + 1, false);
  await Promise.all(ranges);
  await modelled.check();
  await store.close();
});

test("what can't be given back is told, and the next range is tried", async () => {
  const path = newImage();
  const store = new FileStore(memory, path, true, silentLog);
  const provisioning = provisioningOf(store);
  expect(extents(store)).toEqual([{ offset: 0, length: SIZE, allocated: false }]);
  const results = [0, 1].map((at) => ended((then) => provisioning.deallocate(at * 4096, 4096, true, then)));
  expect(await Promise.all(results)).toEqual([EBADF, EBADF]);
  await store.close();
});
