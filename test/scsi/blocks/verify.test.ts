import { describe, expect, test } from "vitest";
import { cdb10, cdb12, cdb16 } from "../../support/block-cdbs.ts";
import { deviceWithDisk } from "../../support/disk.ts";
import { run, testMemory } from "../../support/scsi-task.ts";
import { ThinStore } from "../../support/thin-store.ts";

const memory = testMemory();
const BLOCK = 512;
const DATA = Uint8Array.from({ length: 2 * BLOCK }, (_, at) => (at * 7) & 0xff);
const BYTE_CHECK = 0x02;
const BYTE_CHECK_ONE = 0x06;

function written() {
  const device = deviceWithDisk(memory);
  run(device, memory, cdb10(0x2a, 5, 2), { dataOut: DATA });
  return device;
}

describe.each([
  ["VERIFY(10)", (flags: number, lba = 5, count = 2) => cdb10(0x2f, lba, count, flags)],
  ["VERIFY(12)", (flags: number, lba = 5, count = 2) => cdb12(0xaf, lba, count, flags)],
  ["VERIFY(16)", (flags: number, lba = 5, count = 2) => cdb16(0x8f, lba, count, flags)],
])("%s", (_name, verify) => {
  test("BYTCHK 00b only reads, 01b compares with as many blocks, 11b with one", () => {
    const device = written();
    expect(run(device, memory, verify(0))).toMatchObject({ status: 0, dataInCount: 0 });
    expect(run(device, memory, verify(BYTE_CHECK), { dataOut: DATA }).status).toBe(0);
    expect(run(device, memory, verify(BYTE_CHECK), { dataOut: DATA.with(1023, 0x55) }).senseText).toBe("0e/1d/00");
    const first = DATA.slice(0, BLOCK);
    run(device, memory, cdb10(0x2a, 6, 1), { dataOut: first });
    expect(run(device, memory, verify(BYTE_CHECK_ONE), { dataOut: first }).status).toBe(0);
    expect(run(device, memory, verify(BYTE_CHECK_ONE), { dataOut: first.with(0, 0x55) }).senseText).toBe("0e/1d/00");
  });

  test("what is refused", () => {
    const device = written();
    expect(run(device, memory, verify(0x04)).senseText).toBe("05/24/00");
    expect(run(device, memory, verify(0x20)).senseText).toBe("05/24/00");
    expect(run(device, memory, verify(0, 2047, 2)).senseText).toBe("05/21/00");
    expect(run(device, memory, verify(BYTE_CHECK), { dataOut: DATA.slice(0, BLOCK) }).senseText).toBe("0b/4b/00");
    expect(run(device, memory, verify(0), { noBuffer: true }).status).toBe(0x08);
  });
});

test("a long comparison goes in pieces, and finds the last byte", () => {
  const device = deviceWithDisk(memory);
  const data = Uint8Array.from({ length: 2048 * BLOCK }, (_, at) => (at >> 9) & 0xff);
  run(device, memory, cdb16(0x8a, 0, 2048), { dataOut: data });
  expect(run(device, memory, cdb16(0x8f, 0, 2048, BYTE_CHECK), { dataOut: data }).status).toBe(0);
  const wrong = data.with(data.length - 1, 1);
  expect(run(device, memory, cdb16(0x8f, 0, 2048, BYTE_CHECK), { dataOut: wrong }).senseText).toBe("0e/1d/00");
});

describe.each([
  ["WRITE AND VERIFY(10)", (flags: number, count = 2) => cdb10(0x2e, 5, count, flags)],
  ["WRITE AND VERIFY(12)", (flags: number, count = 2) => cdb12(0xae, 5, count, flags)],
  ["WRITE AND VERIFY(16)", (flags: number, count = 2) => cdb16(0x8e, 5, count, flags)],
])("%s", (_name, writeAndVerify) => {
  test.each([0, BYTE_CHECK, 0x10])("flags %i: on stable storage, and what was sent", (flags) => {
    const store = new ThinStore(memory, 1 << 20);
    const device = deviceWithDisk(memory, {}, store);
    expect(run(device, memory, writeAndVerify(flags), { dataOut: DATA })).toMatchObject({
      status: 0,
      dataOutCount: 1024,
    });
    expect(store.bytes.slice(5 * BLOCK, 7 * BLOCK)).toEqual(DATA);
    expect(store.flushes).toBe(1);
  });

  test("a medium that does not keep what was written is found out", () => {
    const store = new ThinStore(memory, 1 << 20);
    const device = deviceWithDisk(memory, {}, store);
    store.byHand = true;
    const task = run(device, memory, writeAndVerify(BYTE_CHECK), { dataOut: DATA });
    store.next();
    store.bytes[5 * BLOCK + 700] = 0x5a;
    store.next();
    store.next();
    expect([task.ends, task.senseText]).toEqual([1, "0e/1d/00"]);
  });

  test("the whole blocks of a short data-out are written", () => {
    const store = new ThinStore(memory, 1 << 20);
    const dataOut = DATA.slice(0, BLOCK + 100);
    const task = run(deviceWithDisk(memory, {}, store), memory, writeAndVerify(0), { dataOut });
    expect(task).toMatchObject({ status: 0, dataOutCount: 2 * BLOCK });
    expect(store.bytes.slice(5 * BLOCK, 7 * BLOCK)).toEqual(
      Uint8Array.from([...DATA.slice(0, BLOCK), ...new Array(BLOCK).fill(0)]),
    );
  });
});
