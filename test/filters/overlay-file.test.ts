import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { StoreOpenError } from "../../src/backends/open-file.ts";
import { silentLog } from "../../src/core/log.ts";
import { type Backend, openBackend } from "../../src/filters/open-backend.ts";
import { decodeHeader, encodeHeader, type OverlayHeader } from "../../src/filters/overlay/header.ts";
import { overlayLayout } from "../../src/filters/overlay/layout.ts";
import { testMemory } from "../support/scsi-task.ts";
import { StoreCalls } from "../support/store-calls.ts";

const SIZE = 1 << 20;
const memory = testMemory();
const folder = mkdtempSync(join(tmpdir(), "vscsi-overlay-file-"));
afterAll(() => rmSync(folder, { recursive: true }));

const base = join(folder, "base.img");
const path = join(folder, "changes.overlay");
/** A good overlay with one cluster. */
let good: Buffer;

function open(backend: Backend = { type: "file", path: base, overlay: { path } }, readOnly = false) {
  return openBackend(backend, { memory, readOnly, log: silentLog, blockSize: 512 });
}

function withHeader(change: Partial<OverlayHeader>): Buffer {
  const header = headerOf(good);
  const bytes = Buffer.from(good);
  const next = { ...header, generation: header.generation + 1, ...change };
  encodeHeader(next).copy(bytes, (next.generation % 2) * 4096);
  return bytes;
}

function headerOf(bytes: Buffer): OverlayHeader {
  const headers = [bytes.subarray(0, 512), bytes.subarray(4096, 4608)].map(decodeHeader);
  const found = headers
    .flatMap((header) => ("fault" in header ? [] : [header]))
    .sort((a, b) => b.generation - a.generation)[0];
  if (found === undefined) throw new Error("no header");
  return found;
}

beforeAll(async () => {
  writeFileSync(base, Buffer.alloc(SIZE, "base"));
  const store = await open();
  await new StoreCalls(memory, store).write(0, new Uint8Array(4096).fill(1));
  await store.close();
  good = readFileSync(path);
});

const { flushedMap, recentMap, fileSize } = overlayLayout(SIZE, 12);

function edited(edit: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(good);
  edit(bytes);
  return bytes;
}

const FAULTS: readonly [string, () => Buffer, RegExp][] = [
  ["an empty file", () => Buffer.alloc(0), /has no whole sector/],
  ["something else", () => Buffer.alloc(SIZE, "x"), /is no overlay/],
  ["a raw disk", () => readFileSync(base), /is no overlay/],
  ["both headers damaged", () => edited((bytes) => void bytes.fill(9, 100, 101).fill(9, 4196, 4197)), /is damaged/],
  ["a later version", () => edited((bytes) => later(bytes)), /version 2, and this program knows version 1/],
  ["clusters of 1 byte", () => withHeader({ clusterShift: 0 }), /what no overlay has/],
  ["clusters of 2 GiB", () => withHeader({ clusterShift: 31 }), /what no overlay has/],
  ["another size of base", () => withHeader({ baseSize: SIZE * 2 }), /over 2097152 bytes, and .*base\.img has 1048576/],
  ["a size of 2^53 - 1", () => withHeader({ baseSize: Number.MAX_SAFE_INTEGER }), /over 9007199254740991 bytes/],
  ["another base", () => withHeader({ samples: new Uint8Array(256) }), /another disk than .*differ at byte 0/],
  ["cut off", () => good.subarray(0, fileSize - 4096), /is cut off: \d+ bytes belong to it/],
  ["cut off in its map", () => good.subarray(0, flushedMap + 512), /is cut off/],
  [
    "clusters behind the end",
    () => edited((bytes) => void bytes.writeUInt8(1, recentMap + SIZE / 4096 / 8)),
    /clusters behind its end/,
  ],
];

function later(bytes: Buffer): void {
  for (const at of [0, 4096]) {
    const header = bytes.subarray(at, at + 512);
    header.writeUInt32LE(2, 8);
    header.writeUInt32LE(0, 12);
    header.writeUInt32LE(crc32(header), 12);
  }
}

test.each(FAULTS)("%s is refused with its reason, and the base stays free", async (_name, bytes, reason) => {
  writeFileSync(path, bytes());
  await expect(open()).rejects.toThrow(reason);
  await expect(open()).rejects.toBeInstanceOf(StoreOpenError);
  writeFileSync(path, good);
  await (await open({ type: "file", path: base })).close();
});

test("bytes changed anywhere before the data: refused, or readable", async () => {
  const change = fc.record({ at: fc.nat(recentMap + 4096), value: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
      writeFileSync(
        path,
        edited((bytes) => changes.forEach(({ at, value }) => void bytes.writeUInt8(value, at))),
      );
      try {
        const store = await open();
        expect(await new StoreCalls(memory, store).read(0, SIZE)).toBeInstanceOf(Uint8Array);
        await store.close();
      } catch (error) {
        expect(error).toBeInstanceOf(StoreOpenError);
      }
    }),
    { numRuns: 60 },
  );
});

test("one header is damaged: the other one holds", async () => {
  const newest = (headerOf(good).generation % 2) * 4096;
  writeFileSync(
    path,
    edited((bytes) => void bytes.fill(7, newest + 200, newest + 300)),
  );
  const store = await open();
  expect(await new StoreCalls(memory, store).read(0, 4096)).toEqual(new Uint8Array(4096).fill(1));
  await store.close();
});

test("a base that was changed since is refused", async () => {
  writeFileSync(path, good);
  const changed = Buffer.alloc(SIZE, "base");
  changed[SIZE - 1] = 0;
  writeFileSync(base, changed);
  await expect(open()).rejects.toThrow(/or that was changed since: they differ at byte 1044480/);
  writeFileSync(base, Buffer.alloc(SIZE, "base"));
});

test("a unit that is only read needs an overlay that is there, and leaves it as it is", async () => {
  writeFileSync(path, good);
  const store = await open(undefined, true);
  expect(await new StoreCalls(memory, store).read(0, 4096)).toEqual(new Uint8Array(4096).fill(1));
  await store.close();
  expect(readFileSync(path).equals(good)).toBe(true);
  rmSync(path);
  await expect(open(undefined, true)).rejects.toThrow(/there is no overlay/);
});

test("an overlay whose file can't be made names it", async () => {
  const overlay = { path: join(folder, "nowhere", "changes.overlay") };
  await expect(open({ type: "file", path: base, overlay })).rejects.toThrow(/nowhere.*can't be made: ENOENT/);
});
