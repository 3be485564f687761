import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeIntent, encodeIntent, INTENT_NAME } from "../../../src/scsi/disk/atomic/intent.ts";
import { resumeAtomicWrite } from "../../../src/scsi/disk/atomic/recovery.ts";
import { cdb10, writeAtomicCdb } from "../../support/block-cdbs.ts";
import { deviceWithDisk, makeDisk } from "../../support/disk.ts";
import { FakeTask, run, testMemory } from "../../support/scsi-task.ts";
import { ThinStore } from "../../support/thin-store.ts";
import { MemoryState } from "../../support/unit-state.ts";

const memory = testMemory();
const BLOCK = 512;
const DATA = Uint8Array.from({ length: 4 * BLOCK }, (_, at) => (at * 13) & 0xff);

function made(physicalBlockSize = BLOCK) {
  const store = new ThinStore(memory, 1 << 20);
  const state = new MemoryState();
  return { store, state, device: deviceWithDisk(memory, { state, physicalBlockSize }, store) };
}

test("written, on stable storage, and nothing is left aside", () => {
  const { store, state, device } = made();
  expect(run(device, memory, writeAtomicCdb(9, 4), { dataOut: DATA })).toMatchObject({ status: 0, dataOutCount: 2048 });
  expect(store.bytes.slice(9 * BLOCK, 13 * BLOCK)).toEqual(DATA);
  expect(store.flushes).toBe(1);
  expect(state.kept.get(INTENT_NAME)).toEqual(new Uint8Array());
});

test("what is refused", () => {
  const { device } = made();
  const big = new Uint8Array(257 * BLOCK);
  expect(run(device, memory, writeAtomicCdb(2040, 257), { dataOut: big }).senseText).toBe("05/21/00");
  expect(run(device, memory, writeAtomicCdb(0, 257), { dataOut: big }).senseText).toBe("05/24/00");
  expect(run(device, memory, writeAtomicCdb(0, 4, 2), { dataOut: DATA }).senseText).toBe("05/24/00");
  expect(run(device, memory, writeAtomicCdb(0, 5), { dataOut: DATA }).senseText).toBe("0b/4b/00");
  expect(run(device, memory, writeAtomicCdb(0, 0)).status).toBe(0);
});

test("physical blocks are written whole, as VPD page B0 says", () => {
  const { device } = made(4096);
  const limits = run(device, memory, [0x12, 1, 0xb0, 0, 64, 0]).dataIn;
  expect([new DataView(limits.buffer).getUint32(48), new DataView(limits.buffer).getUint32(52)]).toEqual([8, 8]);
  const write = (first: number, count: number) =>
    run(device, memory, writeAtomicCdb(first, count), { dataOut: new Uint8Array(count * BLOCK) }).senseText;
  expect([write(8, 16), write(8, 12), write(4, 8)]).toEqual(["", "05/24/00", "05/24/00"]);
});

test("a disk whose state ends with the daemon does not have it, and says so in VPD page B0", () => {
  const device = deviceWithDisk(memory);
  expect(run(device, memory, writeAtomicCdb(0, 1), { dataOut: new Uint8Array(BLOCK) }).senseText).toBe("05/20/00");
  const limits = run(device, memory, [0x12, 1, 0xb0, 0, 64, 0]).dataIn;
  expect(new DataView(limits.buffer).getUint32(44)).toBe(0);
});

test("what can't be kept aside is not begun", () => {
  const { store, state, device } = made();
  state.failure = new Error("no space");
  expect(run(device, memory, writeAtomicCdb(9, 4), { dataOut: DATA }).senseText).toBe("04/44/00");
  expect(store.bytes.every((byte) => byte === 0)).toBe(true);
});

test.each([0, 1, 2])(
  "the daemon's end after %i operations of the store: all of it after the next start",
  (operations) => {
    const { store, state, device } = made();
    store.byHand = true;
    run(device, memory, writeAtomicCdb(9, 4), { dataOut: DATA });
    for (let done = 0; done < operations; done++) store.next();
    // What was written to the medium by then may have got there in part.
    if (operations > 0) store.bytes.fill(0, 10 * BLOCK, 11 * BLOCK);
    if (operations === 2) store.bytes.set(DATA, 9 * BLOCK);
    store.byHand = false;
    const next = makeDisk(store, { state });
    resumeAtomicWrite(next, memory);
    expect(store.bytes.slice(9 * BLOCK, 13 * BLOCK)).toEqual(DATA);
    expect(state.kept.get(INTENT_NAME)).toEqual(new Uint8Array());
  },
);

test("commands wait for what a former daemon left, and come after it", () => {
  const { store, state, device } = made();
  store.byHand = true;
  run(device, memory, writeAtomicCdb(9, 4), { dataOut: DATA });
  store.pending.length = 0;
  const disk = makeDisk(store, { state });
  resumeAtomicWrite(disk, memory);
  const write = new FakeTask(memory, cdb10(0x2a, 10, 1), { dataOut: new Uint8Array(BLOCK).fill(1) });
  disk.execute(write);
  expect(store.pending.length).toBe(1);
  while (store.pending.length > 0) store.next();
  expect([write.status, store.bytes[9 * BLOCK + 1], store.bytes[10 * BLOCK]]).toEqual([0, 13, 1]);
});

test("that of another medium is put away", () => {
  const { store, state } = made();
  const intent = { medium: "file /another 1048576", offset: 0, data: DATA };
  state.save(INTENT_NAME, encodeIntent(intent));
  resumeAtomicWrite(makeDisk(store, { state }), memory);
  expect(store.bytes.every((byte) => byte === 0)).toBe(true);
  expect(state.kept.get(INTENT_NAME)).toEqual(new Uint8Array());
});

test("nothing comes between: other writes to the disk wait", () => {
  const { store, device } = made();
  store.byHand = true;
  const atomic = run(device, memory, writeAtomicCdb(9, 4), { dataOut: DATA });
  const write = run(device, memory, cdb10(0x2a, 10, 1), { dataOut: new Uint8Array(BLOCK).fill(1) });
  expect(store.pending.length).toBe(1);
  while (store.pending.length > 0) store.next();
  expect([atomic.status, write.status, store.bytes[10 * BLOCK]]).toEqual([0, 0, 1]);
});

test("an intent is what was encoded, and other bytes are none", () => {
  const intent = fc.record({
    medium: fc.string({ unit: "binary-ascii" }),
    offset: fc.nat(),
    data: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  });
  fc.assert(
    fc.property(intent, (value) => {
      expect(decodeIntent(encodeIntent(value))).toEqual(value);
    }),
  );
  const any = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(any, (bytes) => {
      expect(() => decodeIntent(bytes)).not.toThrow();
    }),
  );
});
