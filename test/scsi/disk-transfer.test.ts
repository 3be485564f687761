import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OPERATION_READ, OPERATION_WRITE } from "../../src/abi/records.ts";
import { deviceWithDisk } from "../support/disk.ts";
import { HandStore } from "../support/hand-store.ts";
import { run, testMemory } from "../support/scsi-task.ts";

const memory = testMemory();
const BLOCK = 512;
const BLOCKS = 2048;

function bytes32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

/** A READ or WRITE of each length of CDB, byte 1 as given. */
const CDBS = {
  6: (write: boolean, lba: number, count: number) => [
    write ? 0x0a : 0x08,
    lba >> 16,
    (lba >> 8) & 0xff,
    lba & 0xff,
    count & 0xff,
    0,
  ],
  10: (write: boolean, lba: number, count: number, flags = 0) => [
    write ? 0x2a : 0x28,
    flags,
    ...bytes32(lba),
    0,
    count >> 8,
    count & 0xff,
    0,
  ],
  12: (write: boolean, lba: number, count: number, flags = 0) => [
    write ? 0xaa : 0xa8,
    flags,
    ...bytes32(lba),
    ...bytes32(count),
    0,
    0,
  ],
  16: (write: boolean, lba: number, count: number, flags = 0) => [
    write ? 0x8a : 0x88,
    flags,
    0,
    0,
    0,
    0,
    ...bytes32(lba),
    ...bytes32(count),
    0,
    0,
  ],
} as const;
const SIZES = [6, 10, 12, 16] as const;

function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + seed) & 0xff);
}

test.each(SIZES)("WRITE(%i) is what READ(%i) reads", (size) => {
  const device = deviceWithDisk(memory);
  const dataOut = pattern(3 * BLOCK, size);
  expect(run(device, memory, CDBS[size](true, 7, 3), { dataOut }).status).toBe(0);
  expect(run(device, memory, CDBS[size](false, 7, 3)).dataIn).toEqual(dataOut);
  expect(run(device, memory, CDBS[10](false, 8, 1)).dataIn).toEqual(dataOut.subarray(BLOCK, 2 * BLOCK));
});

test("what the port's core decoded is taken as it is", () => {
  const device = deviceWithDisk(memory);
  const dataOut = pattern(BLOCK, 1);
  const decoded = { operation: OPERATION_WRITE, lba: 9, blocks: 1 };
  run(device, memory, CDBS[10](true, 9, 1), { dataOut, decoded });
  const read = run(device, memory, CDBS[10](false, 9, 1), { decoded: { ...decoded, operation: OPERATION_READ } });
  expect(read.dataIn).toEqual(dataOut);
  const beyond = { operation: OPERATION_READ, lba: 2 ** 40, blocks: 1 };
  expect(run(device, memory, CDBS[16](false, 0, 1), { decoded: beyond }).senseText).toBe("05/21/00");
});

test("READ(6) of length 0 reads 256 blocks", () => {
  expect(run(deviceWithDisk(memory), memory, CDBS[6](false, 0, 0)).dataInCount).toBe(256 * BLOCK);
});

describe("range", () => {
  const device = deviceWithDisk(memory);
  test.each([
    ["the last block", BLOCKS - 1, 1, ""],
    ["one block behind the end", BLOCKS, 1, "05/21/00"],
    ["across the end", BLOCKS - 1, 2, "05/21/00"],
    ["nothing, right behind the last block", BLOCKS, 0, ""],
    ["nothing, further out", BLOCKS + 1, 0, "05/21/00"],
    ["the largest LBA", 0xffffffff, 1, "05/21/00"],
  ])("%s", (_name, lba, count, sense) => {
    const read = run(device, memory, CDBS[10](false, lba, count));
    expect([read.senseText, read.status]).toEqual([sense, sense === "" ? 0 : 2]);
  });
});

test.each([0x20, 0x80, 0xe0])("protection %i is refused", (flags) => {
  const device = deviceWithDisk(memory);
  expect(run(device, memory, CDBS[10](false, 0, 1, flags)).senseText).toBe("05/24/00");
  expect(run(device, memory, CDBS[16](true, 0, 1, flags), { dataOut: pattern(BLOCK, 0) }).senseText).toBe("05/24/00");
});

test("a read-only disk refuses every write", () => {
  const device = deviceWithDisk(memory, { readOnly: true });
  for (const size of SIZES)
    expect(run(device, memory, CDBS[size](true, 0, 1), { dataOut: pattern(BLOCK, 0) }).senseText).toBe("07/27/00");
  expect(run(device, memory, CDBS[10](false, 0, 1)).status).toBe(0);
});

test("data-out that is too short: its whole blocks are written, and the count says what was asked for", () => {
  const device = deviceWithDisk(memory);
  const dataOut = pattern(2 * BLOCK + 100, 3);
  const task = run(device, memory, CDBS[10](true, 0, 4), { dataOut });
  expect([task.status, task.dataOutCount]).toEqual([0, 4 * BLOCK]);
  const after = run(device, memory, CDBS[10](false, 0, 4)).dataIn;
  expect(after.subarray(0, 2 * BLOCK)).toEqual(dataOut.subarray(0, 2 * BLOCK));
  expect(after.subarray(2 * BLOCK).every((byte) => byte === 0)).toBe(true);
});

test("a read tells all it has, whatever room the initiator has", () => {
  const task = run(deviceWithDisk(memory), memory, CDBS[10](false, 0, 4), { dataInLength: BLOCK });
  expect([task.status, task.dataInCount]).toEqual([0, 4 * BLOCK]);
});

describe("durability", () => {
  test.each([
    ["WRITE(10)", CDBS[10](true, 0, 1), false],
    ["WRITE(10) with FUA", CDBS[10](true, 0, 1, 0x08), true],
    ["WRITE(16) with FUA", CDBS[16](true, 0, 1, 0x08), true],
    ["WRITE(6) whose LBA has the bit of FUA", CDBS[6](true, 0x80000, 1), false],
  ])("%s", (_name, cdb, durable) => {
    const store = new HandStore();
    run(deviceWithDisk(memory, {}, store), memory, cdb, { dataOut: pattern(BLOCK, 0) });
    expect(store.pending[0]?.durable).toBe(durable);
  });

  test.each([0x35, 0x91])("SYNCHRONIZE CACHE %i ends when the flush has", (opcode) => {
    const store = new HandStore();
    const task = run(deviceWithDisk(memory, {}, store), memory, [opcode]);
    expect([task.ends, store.pending[0]?.name]).toEqual([0, "flush"]);
    store.end();
    expect([task.ends, task.status]).toEqual([1, 0]);
  });
});

describe("a store that fails", () => {
  const READ = CDBS[10](false, 0, 1);
  const WRITE = CDBS[10](true, 0, 1);
  const [EIO, ENXIO, ENOSPC] = [-5, -6, -28];
  test.each([
    ["read", READ, EIO, "03/11/00"],
    ["write", WRITE, EIO, "03/0c/00"],
    ["write without space", WRITE, ENOSPC, "07/27/07"],
    ["flush", [0x35], EIO, "03/0c/00"],
    ["read, otherwise", READ, ENXIO, "04/44/00"],
  ])("%s: at once and later", (_name, cdb, errno, sense) => {
    const store = new HandStore();
    const device = deviceWithDisk(memory, {}, store);
    const later = run(device, memory, cdb, { dataOut: pattern(BLOCK, 0) });
    store.end(errno);
    store.answer = errno;
    const atOnce = run(device, memory, cdb, { dataOut: pattern(BLOCK, 0) });
    expect([later, atOnce].map((task) => [task.senseText, task.ends, task.dataInCount])).toEqual(
      Array(2).fill([sense, 1, 0]),
    );
  });
});

test("random reads and writes agree with an array", () => {
  const operation = fc.record({
    write: fc.boolean(),
    size: fc.constantFrom(...SIZES),
    lba: fc.nat(BLOCKS - 1),
    count: fc.integer({ min: 1, max: 20 }),
    seed: fc.nat(255),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 20 }), (operations) => {
      const device = deviceWithDisk(memory);
      const model = new Uint8Array(BLOCKS * BLOCK);
      for (const { write, size, lba, count, seed } of operations) {
        const fits = lba + count <= BLOCKS;
        const dataOut = write ? pattern(count * BLOCK, seed) : new Uint8Array();
        const task = run(device, memory, CDBS[size](write, lba, count), { dataOut });
        expect(task.senseText).toBe(fits ? "" : "05/21/00");
        if (fits && write) model.set(dataOut, lba * BLOCK);
        if (fits && !write)
          expect(Buffer.compare(task.dataIn, model.subarray(lba * BLOCK, (lba + count) * BLOCK))).toBe(0);
      }
    }),
    { numRuns: 30 },
  );
});
