import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { type Backend, openStore } from "../../src/backends/open-store.ts";
import { silentLog } from "../../src/core/log.ts";
import { type BlockStore, STORE_DONE, STORE_PENDING } from "../../src/scsi/block-store.ts";
import { ended } from "../support/block-store.ts";
import { testMemory } from "../support/scsi-task.ts";

const SIZE = 1 << 20;
const LONGEST = 300_000;

const memory = testMemory();
const buffer = memory.allocate(LONGEST);
const folder = mkdtempSync(join(tmpdir(), "vscsi-stores-"));
afterAll(() => rmSync(folder, { recursive: true }));

let images = 0;
function newImage(): string {
  const path = join(folder, `${images++}.img`);
  writeFileSync(path, "");
  truncateSync(path, SIZE);
  return path;
}

function open(backend: Backend, readOnly = false): Promise<BlockStore> {
  return openStore(backend, { memory, readOnly, log: silentLog, blockSize: 512 });
}

interface Operation {
  name: string;
  sector: number;
  sectors: number;
  seed: number;
}

const KINDS: readonly [string, () => Backend][] = [
  ["memory", () => ({ type: "memory", size: SIZE })],
  ["file", () => ({ type: "file", path: newImage() })],
];

describe.each(KINDS)("%s", (kind, backend) => {
  test("tells its kind and size", async () => {
    const store = await open(backend());
    expect([store.kind, store.size, store.readOnly]).toEqual([kind, SIZE, false]);
    await store.close();
  });

  test("random operations agree with an array", async () => {
    const operation = fc.record({
      name: fc.constantFrom("read", "read now", "write", "durable write", "flush"),
      sector: fc.nat(SIZE / 512 - 1),
      // Long enough to cross a chunk of the memory store.
      sectors: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 500, max: 580 })),
      seed: fc.integer({ min: 1, max: 255 }),
    });
    const run = async (operations: Operation[]) => {
      const store = await open(backend());
      const model = new Uint8Array(SIZE);
      for (const { name, sector, sectors, seed } of operations) {
        const offset = sector * 512;
        const length = Math.min(sectors * 512, SIZE - offset);
        const written = name === "write" || name === "durable write";
        memory.u8.fill(written ? seed : 0xee, buffer, buffer + length);
        const result = await ended((completion) => {
          if (name === "flush") return store.flush(completion);
          const now = name === "read now" ? store.readNow?.(offset, buffer, length) : STORE_PENDING;
          if (now !== STORE_PENDING) return now ?? expect.unreachable();
          if (name.startsWith("read")) return store.read(offset, buffer, length, completion);
          return store.write(offset, buffer, length, name === "durable write", completion);
        });
        expect(result).toBe(STORE_DONE);
        if (written) model.fill(seed, offset, offset + length);
        if (name.startsWith("read"))
          expect(
            Buffer.compare(memory.u8.subarray(buffer, buffer + length), model.subarray(offset, offset + length)),
          ).toBe(0);
      }
      await store.close();
    };
    await fc.assert(fc.asyncProperty(fc.array(operation, { maxLength: 20 }), run), { numRuns: 30 });
  });

  test("neighbours of what is written keep their bytes", async () => {
    const store = await open(backend());
    memory.u8.fill(0xaa, buffer, buffer + 1536);
    await ended((completion) => store.write(0, buffer, 1536, false, completion));
    memory.u8.fill(0xbb, buffer, buffer + 512);
    await ended((completion) => store.write(512, buffer, 512, false, completion));
    await ended((completion) => store.read(0, buffer, 1536, completion));
    expect([511, 512, 1023, 1024].map((at) => memory.u8[buffer + at])).toEqual([0xaa, 0xbb, 0xbb, 0xaa]);
    await store.close();
  });
});

test("null reads zeros and forgets writes", async () => {
  const store = await open({ type: "null", size: SIZE });
  memory.u8.fill(1, buffer, buffer + 512);
  expect(await ended((completion) => store.write(0, buffer, 512, true, completion))).toBe(STORE_DONE);
  expect(await ended((completion) => store.read(0, buffer, 512, completion))).toBe(STORE_DONE);
  expect(memory.u8.subarray(buffer, buffer + 512).every((byte) => byte === 0)).toBe(true);
  expect(await ended((completion) => store.flush(completion))).toBe(STORE_DONE);
  await store.close();
});

test("memory: holes take no linear memory, and a closed store gives back what it took", async () => {
  const before = memory.memory.buffer.byteLength;
  const store = await open({ type: "memory", size: 2 ** 40 });
  await ended((completion) => store.read(2 ** 39, buffer, LONGEST, completion));
  expect(memory.memory.buffer.byteLength).toBe(before);
  await ended((completion) => store.write(2 ** 39, buffer, 512, false, completion));
  await store.close();
  const taken = memory.memory.buffer.byteLength;
  for (let round = 0; round < 100; round++) {
    const next = await open({ type: "memory", size: SIZE });
    await ended((completion) => next.write(0, buffer, 512, false, completion));
    await next.close();
  }
  expect(memory.memory.buffer.byteLength).toBe(taken);
});
