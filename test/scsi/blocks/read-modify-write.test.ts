import { describe, expect, test } from "vitest";
import { cdb10, cdb16, compareAndWriteCdb } from "../../support/block-cdbs.ts";
import { deviceWithDisk } from "../../support/disk.ts";
import { FakeTask, NEXUS, run, testMemory } from "../../support/scsi-task.ts";
import { ThinStore } from "../../support/thin-store.ts";

const memory = testMemory();
const BLOCK = 512;

function block(value: number, count = 1): Uint8Array {
  return new Uint8Array(count * BLOCK).fill(value);
}

function halves(compared: Uint8Array, written: Uint8Array): Uint8Array {
  return Uint8Array.from([...compared, ...written]);
}

function made() {
  const store = new ThinStore(memory, 1 << 20);
  return { store, device: deviceWithDisk(memory, {}, store) };
}

describe("COMPARE AND WRITE", () => {
  test("writes the second half when the first is what is there", () => {
    const { store, device } = made();
    const dataOut = halves(block(0, 2), block(7, 2));
    expect(run(device, memory, compareAndWriteCdb(3, 2), { dataOut })).toMatchObject({ status: 0, dataOutCount: 2048 });
    expect(store.bytes.slice(3 * BLOCK, 5 * BLOCK)).toEqual(block(7, 2));
    expect(store.flushes).toBe(0);
  });

  test("a miscompare tells the offset of the first difference, and writes nothing", () => {
    const { store, device } = made();
    const dataOut = halves(block(0, 2).with(513, 1), block(7, 2));
    const task = run(device, memory, compareAndWriteCdb(3, 2), { dataOut });
    expect(task.senseText).toBe("0e/1d/00");
    expect([(task.sense[0] ?? 0) & 0x80, [...task.sense.subarray(3, 7)]]).toEqual([0x80, [0, 0, 2, 1]]);
    expect(store.bytes.every((byte) => byte === 0)).toBe(true);
  });

  test("FUA brings it to stable storage", () => {
    const { store, device } = made();
    run(device, memory, compareAndWriteCdb(3, 1, 0x08), { dataOut: halves(block(0), block(1)) });
    expect(store.flushes).toBe(1);
  });

  test("what is refused, and nothing to do", () => {
    const { device } = made();
    expect(run(device, memory, compareAndWriteCdb(0, 0)).status).toBe(0);
    // 256 blocks, which the CDB's byte can't tell: not done, and not said to be.
    expect(run(device, memory, compareAndWriteCdb(0, 256), { dataOut: block(0, 512) }).senseText).toBe("05/24/00");
    expect(run(device, memory, compareAndWriteCdb(2047, 2), { dataOut: block(0, 4) }).senseText).toBe("05/21/00");
    expect(run(device, memory, compareAndWriteCdb(0, 1), { dataOut: block(0, 1) }).senseText).toBe("05/24/00");
    expect(run(device, memory, compareAndWriteCdb(0, 1), { dataOut: block(0, 4) }).senseText).toBe("05/24/00");
    expect(run(device, memory, compareAndWriteCdb(0, 1, 0x20), { dataOut: block(0, 2) }).senseText).toBe("05/24/00");
  });

  test("nothing comes between the comparison and the write, on a store that takes its time", () => {
    const { store, device } = made();
    store.byHand = true;
    const swap = new FakeTask(memory, compareAndWriteCdb(3, 1), { dataOut: halves(block(0), block(1)) });
    const other = new FakeTask(memory, compareAndWriteCdb(3, 1), { dataOut: halves(block(0), block(2)) });
    const write = new FakeTask(memory, cdb10(0x2a, 3, 1), { dataOut: block(9) });
    const elsewhere = new FakeTask(memory, cdb10(0x2a, 4, 1), { dataOut: block(4) });
    for (const task of [swap, other, write, elsewhere]) device.execute(task);
    // The comparison's read, and the write that touches other blocks.
    expect(store.pending.length).toBe(2);
    while (store.pending.length > 0) store.next();
    expect([swap.status, other.senseText, write.status, elsewhere.status]).toEqual([0, "0e/1d/00", 0, 0]);
    expect([swap.ends, other.ends, write.ends, elsewhere.ends]).toEqual([1, 1, 1, 1]);
    expect(store.bytes.slice(3 * BLOCK, 5 * BLOCK)).toEqual(halves(block(9), block(4)));
  });

  test("it waits for the writes that are under way on its blocks", () => {
    const { store, device } = made();
    store.byHand = true;
    const write = run(device, memory, cdb10(0x2a, 2, 2), { dataOut: block(5, 2) });
    const swap = run(device, memory, compareAndWriteCdb(3, 1), { dataOut: halves(block(5), block(6)) });
    expect(store.pending.length).toBe(1);
    while (store.pending.length > 0) store.next();
    expect([write.status, swap.status]).toEqual([0, 0]);
    expect(store.bytes[3 * BLOCK]).toBe(6);
  });

  test("one that waits leaves at once when it is aborted, and lets the next one in", () => {
    const { store, device } = made();
    store.byHand = true;
    const write = run(device, memory, cdb10(0x2a, 3, 1), { dataOut: block(5) });
    const swap = run(device, memory, compareAndWriteCdb(3, 1), { dataOut: halves(block(0), block(6)) });
    const read = run(device, memory, cdb10(0x28, 3, 1));
    expect(store.pending.length).toBe(1);
    let told = 0;
    device.abortTasks(
      memory,
      swap.lunOffset,
      (task) => task === swap,
      () => told++,
    );
    expect([swap.ends, told]).toEqual([1, 1]);
    expect(store.pending.length).toBe(2);
    device.abortTasks(
      memory,
      swap.lunOffset,
      (task) => task.nexus === NEXUS,
      () => told++,
    );
    while (store.pending.length > 0) store.next();
    expect([write.ends, read.ends, told]).toEqual([1, 1, 2]);
    expect(run(device, memory, cdb10(0x28, 3, 1)).ends).toBe(0);
  });

  test("a postponed read that is aborted leaves, and the blocks are free afterwards", () => {
    const { store, device } = made();
    store.byHand = true;
    const swap = run(device, memory, compareAndWriteCdb(3, 1), { dataOut: halves(block(0), block(6)) });
    const read = run(device, memory, cdb10(0x28, 3, 1));
    device.abortTasks(
      memory,
      read.lunOffset,
      (task) => task === read,
      () => {},
    );
    expect(read.ends).toBe(1);
    while (store.pending.length > 0) store.next();
    expect([swap.status, store.bytes[3 * BLOCK]]).toEqual([0, 6]);
    store.byHand = false;
    expect(run(device, memory, cdb10(0x28, 3, 1)).dataIn).toEqual(block(6));
  });
});

describe("ORWRITE(16)", () => {
  test("lays its bits over what is there, piece by piece", () => {
    const { store, device } = made();
    store.bytes.fill(0x0f);
    const dataOut = block(0xa0, 1500);
    expect(run(device, memory, cdb16(0x8b, 10, 1500), { dataOut }).status).toBe(0);
    expect(store.bytes.slice(10 * BLOCK, 1510 * BLOCK)).toEqual(block(0xaf, 1500));
    expect([store.bytes[10 * BLOCK - 1], store.bytes[1510 * BLOCK]]).toEqual([0x0f, 0x0f]);
  });

  test("what is refused", () => {
    const { device } = made();
    expect(run(device, memory, cdb16(0x8b, 2047, 2), { dataOut: block(1, 2) }).senseText).toBe("05/21/00");
    expect(run(device, memory, cdb16(0x8b, 0, 2), { dataOut: block(1) }).senseText).toBe("0b/4b/00");
    expect(run(device, memory, cdb16(0x8b, 0, 0)).status).toBe(0);
  });
});
