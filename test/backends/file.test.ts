import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { FileStore } from "../../src/backends/file.ts";
import { FlushQueue } from "../../src/backends/flush-queue.ts";
import { StoreOpenError } from "../../src/backends/open-file.ts";
import { silentLog } from "../../src/core/log.ts";
import { STORE_DONE, STORE_PENDING, type StoreCompletion } from "../../src/scsi/block-store.ts";
import { ended } from "../support/block-store.ts";
import { testMemory } from "../support/scsi-task.ts";

/** fdatasync as the test wants it: how often it was called, and whether the disk behind the page cache fails. */
const disk = vi.hoisted(() => ({ flushes: 0, broken: false }));

vi.mock(import("node:fs"), async (original) => {
  const fs = await original();
  const fdatasync = (fd: number, callback: (error: NodeJS.ErrnoException | null) => void) => {
    disk.flushes++;
    if (disk.broken) setImmediate(callback, Object.assign(new Error("EIO: i/o error"), { code: "EIO", errno: -5 }));
    else fs.fdatasync(fd, callback);
  };
  return { ...fs, fdatasync: fdatasync as typeof fs.fdatasync };
});

const EIO = -5;
const EBADF = -9;
const NOBODY = 65534;
const NEVER = { storeDone: () => expect.unreachable("the operation ended at once") };

const memory = testMemory();
const buffer = memory.allocate(1 << 20);
const folder = mkdtempSync(join(tmpdir(), "vscsi-file-"));
const logged: { level: string; fields: object; message: string }[] = [];
const log = {
  ...silentLog,
  warn: (fields: object, message: string) => void logged.push({ level: "warn", fields, message }),
  error: (fields: object, message: string) => void logged.push({ level: "error", fields, message }),
};

afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  logged.splice(0);
  Object.assign(disk, { flushes: 0, broken: false });
});

let images = 0;
function image(size = 1 << 20): string {
  const path = join(folder, `${images++}.img`);
  writeFileSync(path, "");
  truncateSync(path, size);
  return path;
}

function open(path: string, readOnly = false): FileStore {
  return new FileStore(memory, path, readOnly, log);
}

test("what is not in the page cache is read on another thread", async () => {
  const path = image();
  const content = Buffer.alloc(1 << 20, "cold or not ");
  writeFileSync(path, content);
  const store = open(path);
  // dd(1) tells how to drop a file from the cache.
  const dropFromCache = () =>
    spawnSync("dd", [`of=${path}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0"], { stdio: "ignore" });
  dropFromCache();
  const results: number[] = [];
  const read = (completion: StoreCompletion) => {
    const result = store.read(4096, buffer, 300_000, completion);
    results.push(result);
    return result;
  };
  expect(await ended(read)).toBe(STORE_DONE);
  expect(await ended(read)).toBe(STORE_DONE);
  expect(results).toEqual([STORE_PENDING, STORE_DONE]);
  expect(Buffer.compare(memory.u8.subarray(buffer, buffer + 300_000), content.subarray(4096, 304_096))).toBe(0);
  dropFromCache();
  // Asked for, it is on its way into the cache: when it is there is the disk's to say.
  expect(store.readNow(4096, buffer, 300_000)).toBe(STORE_PENDING);
  await ended(read);
  expect(store.readNow(4096, buffer, 300_000)).toBe(STORE_DONE);
  await store.close();
});

test("a file that shrinks under us: -EIO for what is gone, logged with path and offset", async () => {
  const path = image();
  const store = open(path);
  truncateSync(path, 4096);
  expect(store.read(0, buffer, 4096, NEVER)).toBe(STORE_DONE);
  expect(store.read(2048, buffer, 4096, NEVER)).toBe(EIO);
  expect(store.readNow(2048, buffer, 4096)).toBe(EIO);
  expect(logged[0]?.fields).toEqual({ path, offset: 4096 });
  await store.close();
});

test("two writers of one file are refused, under whatever name; readers are welcome", async () => {
  const path = image();
  const link = join(folder, "link");
  symlinkSync(path, link);
  const writer = open(path);
  expect(() => open(link)).toThrow(/served for writing already/);
  await open(path, true).close();
  expect(() => open(path), "a reader's end is not the writer's").toThrow(StoreOpenError);
  await writer.close();
  await open(path).close();
});

test("a part of a sector at the end is not served, and that is said", async () => {
  const store = open(image(1024 + 100));
  expect(store.size).toBe(1024);
  expect(logged.map(({ level }) => level)).toEqual(["warn"]);
  await store.close();
});

test("opening errors name the path and what to do", () => {
  const missing = join(folder, "missing.img");
  expect(() => open(missing)).toThrow(`${missing}: can't be opened (ENOENT): make it first`);
  expect(() => open(image(0))).toThrow(/no whole sector.*truncate/);
  const directory = join(folder, "directory");
  mkdirSync(directory);
  expect(() => open(directory)).toThrow(/EISDIR.*name an image file/);
  expect(() => open(directory, true)).toThrow(/neither a file nor a block device/);
  expect(() => open("/dev/null")).toThrow(/neither a file nor a block device/);
});

/** Does something without the rights of root, who may write to every file. */
function unprivileged(work: () => void): void {
  const { seteuid } = process;
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) seteuid?.(NOBODY);
  try {
    work();
  } finally {
    if (isRoot) seteuid?.(0);
  }
}

test("a file without the right to write", () => {
  const path = image();
  chmodSync(path, 0o444);
  chmodSync(folder, 0o755);
  unprivileged(() => expect(() => open(path)).toThrow(/EACCES.*read-only/));
});

test("a read-only store is not written to, even when asked", async () => {
  const path = image();
  const store = open(path, true);
  expect(store.readOnly).toBe(true);
  expect(store.write(0, buffer, 512, false, NEVER)).toBe(EBADF);
  await store.close();
});

test("a durable write ends after fdatasync, a plain one without", async () => {
  const store = open(image());
  expect(store.write(0, buffer, 512, false, NEVER)).toBe(STORE_DONE);
  expect(disk.flushes).toBe(0);
  const ended = new Promise((storeDone) => {
    expect(store.write(512, buffer, 512, true, { storeDone })).toBe(STORE_PENDING);
  });
  expect([await ended, disk.flushes]).toEqual([STORE_DONE, 1]);
  await store.close();
});

test("after a failed flush the store says at its end that writes may be lost", async () => {
  const store = open(image());
  const flushed = () => new Promise((storeDone) => store.flush({ storeDone }));
  disk.broken = true;
  expect(await flushed()).toBe(EIO);
  disk.broken = false;
  expect(await flushed()).toBe(STORE_DONE);
  expect(logged.map(({ level }) => level)).toEqual(["error"]);
  await expect(store.close()).rejects.toThrow(/may be lost/);
});

test("a failed flush is told to its caller, the next one is its own", async () => {
  const failures: string[] = [];
  const queue = new FlushQueue(1 << 20, (error) => {
    failures.push(error.code ?? "");
    return EIO;
  });
  const flushed = () => new Promise((resolve) => queue.flush({ storeDone: resolve }));
  expect(await Promise.all([flushed(), flushed()])).toEqual([EIO, EIO]);
  expect(await flushed()).toBe(EIO);
  expect(failures).toEqual(["EBADF", "EBADF", "EBADF"]);
});
