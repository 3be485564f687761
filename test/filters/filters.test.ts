import { expect, test } from "vitest";
import { MemoryStore } from "../../src/backends/memory.ts";
import { silentLog } from "../../src/core/log.ts";
import { DelayFilter } from "../../src/filters/delay.ts";
import { ErrorFilter, type ErrorOptions } from "../../src/filters/error.ts";
import { type Backend, openBackend } from "../../src/filters/open-backend.ts";
import { STORE_DONE, STORE_PENDING } from "../../src/scsi/block-store.ts";
import { HandClock } from "../support/hand-clock.ts";
import { testMemory } from "../support/scsi-task.ts";
import { StoreCalls } from "../support/store-calls.ts";

const SIZE = 1 << 20;
const BLOCK = 512;
const EIO = -5;
const memory = testMemory();
const buffer = memory.allocate(4096);

function withErrors(options: ErrorOptions): StoreCalls {
  return new StoreCalls(memory, new ErrorFilter(new MemoryStore(memory, SIZE), options, BLOCK));
}

async function readsThatFail(calls: StoreCalls, count: number): Promise<number[]> {
  const failed: number[] = [];
  for (let index = 0; index < count; index++) if ((await calls.read(index * BLOCK, BLOCK)) === EIO) failed.push(index);
  return failed;
}

test("delay: an operation begins when its time has passed, and not before", () => {
  const clock = new HandClock();
  const store = new DelayFilter(new MemoryStore(memory, SIZE), { write: 50, read: 10 }, clock);
  const results: string[] = [];
  const completion = (name: string) => ({ storeDone: (result: number) => void results.push(`${name} ${result}`) });
  memory.u8.fill(7, buffer, buffer + BLOCK);
  expect(store.write(0, buffer, BLOCK, false, completion("write"))).toBe(STORE_PENDING);
  expect(store.read(0, buffer + BLOCK, BLOCK, completion("read"))).toBe(STORE_PENDING);
  expect(store.flush(completion("flush"))).toBe(STORE_DONE);
  expect(clock.next).toBe(10);
  clock.step();
  // The read came first: it does not see what the write has not written yet.
  expect([results, memory.u8[buffer + BLOCK]]).toEqual([["read 0"], 0]);
  expect(clock.next).toBe(40);
  clock.step();
  expect(results).toEqual(["read 0", "write 0"]);
});

test("delay: letting go of storage is a write", () => {
  const clock = new HandClock();
  const store = new DelayFilter(new MemoryStore(memory, SIZE), { write: 5 }, clock);
  const results: number[] = [];
  const completion = { storeDone: (result: number) => void results.push(result) };
  expect(store.provisioning?.deallocate(0, SIZE, false, completion)).toBe(STORE_PENDING);
  clock.step();
  expect(results).toEqual([STORE_DONE]);
});

test("error: everything fails unless told otherwise", async () => {
  const calls = withErrors({});
  expect([await calls.read(0, BLOCK), await calls.write(0, new Uint8Array(BLOCK)), await calls.flush()]).toEqual([
    EIO,
    EIO,
    EIO,
  ]);
});

test("error: what fails was not done", async () => {
  const calls = withErrors({ operations: ["write"], errno: "ENOSPC" });
  expect(await calls.write(0, new Uint8Array(BLOCK).fill(1))).toBe(-28);
  expect(await calls.deallocate(0, BLOCK)).toBe(-28);
  expect(await calls.read(0, BLOCK)).toEqual(new Uint8Array(BLOCK));
});

test("error: a range of blocks, its edges, and operations that touch it", async () => {
  const calls = withErrors({ blocks: [2, 3] });
  expect(await readsThatFail(calls, 6)).toEqual([2, 3]);
  expect(await calls.read(0, BLOCK * 3)).toBe(EIO);
  expect(await calls.read(BLOCK * 4, BLOCK)).toBeInstanceOf(Uint8Array);
  expect(await calls.flush()).toBe(STORE_DONE);
});

test("error: after some, and so many", async () => {
  expect(await readsThatFail(withErrors({ after: 3, count: 2 }), 10)).toEqual([3, 4]);
});

test("error: the seed decides which ones, the same ones each time", async () => {
  const first = await readsThatFail(withErrors({ rate: 0.1, seed: 7 }), 1000);
  expect(first.length).toBeGreaterThan(60);
  expect(first.length).toBeLessThan(150);
  expect(await readsThatFail(withErrors({ rate: 0.1, seed: 7 }), 1000)).toEqual(first);
  expect(await readsThatFail(withErrors({ rate: 0.1, seed: 8 }), 1000)).not.toEqual(first);
});

test("filters of a backend are asked in their order, before what is below", async () => {
  const filters: Backend["filters"] = [
    { type: "error", operations: ["read"], count: 1 },
    { type: "error", operations: ["read"], count: 1, errno: "ENODEV" },
  ];
  const context = { memory, log: silentLog, blockSize: BLOCK, readOnly: false };
  const store = await openBackend({ type: "memory", size: SIZE, filters }, context);
  const calls = new StoreCalls(memory, store);
  expect([await calls.read(0, BLOCK), await calls.read(0, BLOCK)]).toEqual([EIO, -19]);
  expect(await calls.read(0, BLOCK)).toBeInstanceOf(Uint8Array);
  store.resize?.(SIZE * 2);
  expect([store.kind, store.size]).toEqual(["memory", SIZE * 2]);
  await store.close();
});
