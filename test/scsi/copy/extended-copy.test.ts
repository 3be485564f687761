import { describe, expect, test } from "vitest";
import { MemoryStore } from "../../../src/backends/memory.ts";
import { silentLog } from "../../../src/core/log.ts";
import type { BlockStore } from "../../../src/scsi/block-store.ts";
import { parseDesignators } from "../../../src/scsi/copy/designators.ts";
import { Disk } from "../../../src/scsi/disk/disk.ts";
import { Medium } from "../../../src/scsi/medium.ts";
import { RESET_OCCURRED } from "../../../src/scsi/sense.ts";
import { ScsiTargetDevice } from "../../../src/scsi/target-device.ts";
import { FIRST_KEY, IBM } from "../../support/disk.ts";
import { HandClock } from "../../support/hand-clock.ts";
import { HandStore } from "../../support/hand-store.ts";
import { type FakeTask, makeNexus, NEXUS, run, testMemory } from "../../support/scsi-task.ts";
import { copyList, extendedCopy, type ListFields, receive, type SegmentFields, segment, target } from "./lists.ts";

const memory = testMemory();
const SIZE = 1 << 20;
const SECOND_LUN = [0x82, 0, 0, 0, 0, 0, 0, 0];
const SECOND_KEY = 0x200;
const [STATUS, DATA, PARAMETERS, DETAILS] = [0, 1, 3, 4] as const;

interface Options {
  stores?: readonly [BlockStore, BlockStore];
  blockSizes?: readonly [number, number];
  readOnly?: boolean;
}

/** Two disks of one device, between which either copies. */
function made({ stores, blockSizes = [512, 512], readOnly = false }: Options = {}) {
  const clock = new HandClock();
  const device = new ScsiTargetDevice(silentLog);
  const [store0, store1] = stores ?? [new MemoryStore(memory, SIZE), new MemoryStore(memory, SIZE)];
  const copyTargets = () => device.logicalUnits.values();
  const options = { removable: false, log: silentLog, clock, copyTargets };
  const first = new Disk({ ...options, medium: new Medium(store0, blockSizes[0], false), identity: IBM });
  const identity = { ...IBM, serial: "S2" };
  const second = new Disk({ ...options, medium: new Medium(store1, blockSizes[1], readOnly), identity });
  device.addLogicalUnit(FIRST_KEY, first);
  device.addLogicalUnit(SECOND_KEY, second);
  device.nexusOpened(NEXUS);
  const names = [undefined, SECOND_LUN].map((lun) => {
    const page = run(device, memory, [0x12, 1, 0x83, 2, 0, 0], lun && { lun }).dataIn;
    const naa = parseDesignators(page).find(({ association, type }) => association === 0 && type === 3);
    return [...(naa?.bytes ?? [])];
  });
  const targets = names.map((designator, at) => target({ designator, blockLength: blockSizes[at] ?? 512 }));
  const copy = (fields: Partial<ListFields>) => {
    const dataOut = copyList({ targets, segments: [], ...fields });
    return run(device, memory, extendedCopy(dataOut.length), { dataOut });
  };
  /** Copies and waits for the end. */
  const copied = (segments: readonly SegmentFields[], fields: Partial<ListFields> = {}) => {
    const task = copy({ segments: segments.map(segment), ...fields });
    clock.run();
    return task;
  };
  return { device, first, second, clock, names, targets, copy, copied };
}

function fill(device: ScsiTargetDevice, block: number, dataOut: Uint8Array, lun?: readonly number[]) {
  const count = Math.floor(dataOut.length / 512);
  run(device, memory, [0x2a, 0, 0, 0, block >> 8, block & 0xff, 0, count >> 8, count & 0xff, 0], {
    dataOut,
    ...(lun && { lun }),
  });
}

function read(device: ScsiTargetDevice, block: number, count: number, lun?: readonly number[]): Uint8Array {
  const cdb = [0x28, 0, 0, 0, block >> 8, block & 0xff, 0, count >> 8, count & 0xff, 0];
  return run(device, memory, cdb, lun && { lun }).dataIn;
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 9)) & 0xff);
}

function aborted(task: FakeTask): { segment: number; source: number; destination: number } {
  return {
    segment: ((task.sense[10] ?? 0) << 8) | (task.sense[11] ?? 0),
    source: task.sense[8] ?? 0,
    destination: task.sense[9] ?? 0,
  };
}

test("copies within a disk and to another one, in pieces", () => {
  const { device, copied } = made();
  const data = pattern(1024 * 512);
  fill(device, 0, data);
  const task = copied([
    { blocks: 1024, to: 5, destination: 1 },
    { blocks: 1024, to: 1024 },
  ]);
  expect([task.ends, task.status]).toEqual([1, 0]);
  expect(Buffer.compare(read(device, 5, 1024, SECOND_LUN), data)).toBe(0);
  expect(Buffer.compare(read(device, 1024, 1024), data)).toBe(0);
});

test("others have their turn between two pieces", () => {
  const { device, clock, copy } = made();
  const task = copy({ segments: [segment({ blocks: 2048, destination: 1 })] });
  for (let steps = 0; task.ends === 0; steps++) {
    expect(run(device, memory, [0x00]).status).toBe(0);
    clock.step();
    expect(steps).toBeLessThan(20);
  }
  expect(clock.next).toBeUndefined();
});

test("a list length of 0 is not an error; less data than the length is", () => {
  const { device, targets } = made();
  expect(run(device, memory, extendedCopy(0)).status).toBe(0);
  const dataOut = copyList({ targets, segments: [] });
  expect(run(device, memory, extendedCopy(dataOut.length + 1), { dataOut }).senseText).toBe("05/1a/00");
});

test("a huge list is refused", () => {
  const { copy, targets } = made();
  expect(copy({ targets: Array(1000).fill(targets[0]) }).senseText).toBe("05/1a/00");
});

describe("aborted", () => {
  test.each([
    ["an index that names no target", { blocks: 1, destination: 2 }, {}, "0a/0d/02"],
    ["a null device", { blocks: 1 }, { flags: 0x20 }, "0a/08/04"],
    ["an unknown designator", { blocks: 1 }, { designator: [9, 9] }, "0a/0d/02"],
    ["another device type", { blocks: 1 }, { deviceType: 5 }, "0a/0d/03"],
    ["another block length", { blocks: 1 }, { blockLength: 4096 }, "0a/0d/03"],
  ])("%s", (_name, fields, changes, sense) => {
    const { copied, names } = made();
    const targets = [target({ designator: names[0] ?? [], ...changes })];
    const task = copied([fields], { targets });
    expect([task.senseText, aborted(task)]).toEqual([sense, { segment: 0, source: 0, destination: 0 }]);
  });

  test("what the destination said stands behind the sense data", () => {
    const { copied } = made();
    const task = copied([
      { blocks: 1, destination: 1 },
      { blocks: 2, to: 2047, destination: 1 },
    ]);
    expect([task.senseText, aborted(task)]).toEqual(["0a/00/00", { segment: 1, source: 0, destination: 18 }]);
    expect([...task.sense.subarray(18, 19), task.sense[21], task.sense[31]]).toEqual([0x02, 0x05, 0x21]);
    expect(task.sense[7]).toBe(task.senseLength - 8);
  });

  test("a source that ends too early, and a destination that is write protected", () => {
    const { copied } = made({ readOnly: true });
    const beyond = copied([{ from: 2048, blocks: 1, destination: 1 }]);
    expect([beyond.senseText, aborted(beyond).source, beyond.sense[31]]).toEqual(["0a/00/00", 18, 0x21]);
    const refused = copied([{ blocks: 1, destination: 1 }]);
    expect([refused.senseText, refused.sense[31]]).toEqual(["0a/00/00", 0x27]);
  });

  test("a store that fails", () => {
    const store = new HandStore();
    const { copy, clock } = made({ stores: [store, new MemoryStore(memory, SIZE)] });
    const task = copy({ segments: [segment({ blocks: 8, destination: 1 })] });
    clock.step();
    store.end(-5);
    expect([task.ends, task.senseText, task.sense[31]]).toEqual([1, "0a/00/00", 0x11]);
  });
});

describe("blocks of different sizes", () => {
  const [CAT, DC] = [1, 2] as const;
  const both = { blockSizes: [512, 4096] } as const;

  test("whole blocks of both", () => {
    const { device, copied } = made(both);
    const data = pattern(16 * 512);
    fill(device, 0, data);
    expect(copied([{ blocks: 16, to: 3, destination: 1 }]).status).toBe(0);
    expect(Buffer.compare(read(device, 3, 2, SECOND_LUN), data)).toBe(0);
  });

  test("the destination's blocks are counted with DC", () => {
    const { device, copied } = made(both);
    const data = pattern(16 * 512);
    fill(device, 0, data);
    expect(copied([{ blocks: 2, destination: 1, flags: DC }]).status).toBe(0);
    expect(Buffer.compare(read(device, 0, 2, SECOND_LUN), data)).toBe(0);
  });

  test("a partial block is an error without PAD, zeros with it", () => {
    const { device, copied, names, targets } = made(both);
    fill(device, 0, pattern(9 * 512));
    expect(copied([{ blocks: 9, destination: 1 }]).senseText).toBe("0a/26/0a");
    const padded = target({ designator: names[1] ?? [], blockLength: 4096, pad: true });
    expect(copied([{ blocks: 9, destination: 1 }], { targets: [targets[0] ?? [], padded] }).status).toBe(0);
    const expected = new Uint8Array(2 * 4096);
    expected.set(pattern(9 * 512));
    expect(Buffer.compare(read(device, 0, 2, SECOND_LUN), expected)).toBe(0);
  });

  test("CAT takes what is left into the next segment", () => {
    const { device, copied } = made(both);
    const data = pattern(16 * 512);
    fill(device, 0, data);
    const task = copied([
      { blocks: 9, destination: 1, flags: CAT },
      { from: 9, blocks: 7, to: 1, destination: 1 },
    ]);
    expect(task.status).toBe(0);
    expect(Buffer.compare(read(device, 0, 2, SECOND_LUN), data)).toBe(0);
  });

  test("what is left of a larger source block is dropped where the source has PAD", () => {
    const { device, copied, names, targets } = made({ blockSizes: [4096, 512] });
    const data = pattern(4096);
    run(device, memory, [0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0], { dataOut: data });
    const segments = [{ blocks: 3, destination: 1, flags: DC }];
    expect(copied(segments).senseText).toBe("0a/26/0a");
    const source = target({ designator: names[0] ?? [], blockLength: 4096, pad: true });
    expect(copied(segments, { targets: [source, targets[1] ?? []] }).status).toBe(0);
    expect(Buffer.compare(read(device, 0, 3, SECOND_LUN), data.subarray(0, 3 * 512))).toBe(0);
  });
});

describe("results", () => {
  const answer = (device: ScsiTargetDevice, serviceAction: number, identifier = 1) =>
    run(device, memory, receive(serviceAction, identifier));

  test("operating parameters", () => {
    const { dataIn } = answer(made().device, PARAMETERS, 0);
    const view = new DataView(dataIn.buffer);
    expect([view.getUint32(0), view.getUint16(8), view.getUint16(10), view.getUint32(12)]).toEqual([42, 16, 64, 2304]);
    expect([...dataIn.subarray(43)]).toEqual([2, 0x02, 0xe4]);
  });

  test("no copy, no status", () => {
    const { device } = made();
    for (const serviceAction of [STATUS, DATA, DETAILS])
      expect(answer(device, serviceAction).senseText).toBe("05/24/00");
  });

  test("under way, then done", () => {
    const { device, copy, clock } = made();
    copy({ segments: [segment({ blocks: 1024, destination: 1 })] });
    clock.step();
    expect([...answer(device, STATUS).dataIn]).toEqual([0, 0, 0, 8, 0, 0, 0, 0, 0, 4, 0, 0]);
    expect(copy({ segments: [] }).senseText).toBe("05/00/16");
    clock.run();
    expect([...answer(device, STATUS).dataIn]).toEqual([0, 0, 0, 8, 1, 0, 1, 0, 0, 8, 0, 0]);
    expect([...answer(device, DATA).dataIn]).toEqual([0, 0, 0, 0]);
    expect([...answer(device, DETAILS).dataIn]).toEqual([0, 0, 0, 0]);
  });

  test("failed: the details once, with the sense data of the command", () => {
    const { device, copied } = made();
    const task = copied([{ blocks: 2, from: 2047 }]);
    expect(answer(device, STATUS).dataIn[4]).toBe(2);
    const details = answer(device, DETAILS).dataIn;
    expect([details[56], details[59]]).toEqual([2, task.senseLength]);
    expect(details.subarray(60)).toEqual(task.sense.subarray(0, task.senseLength));
    expect(answer(device, STATUS).senseText).toBe("05/24/00");
  });

  test("a list without an identifier leaves none", () => {
    const { device, copied } = made();
    copied([{ blocks: 1 }], { identifier: 0, usage: 3 });
    expect(answer(device, STATUS, 0).senseText).toBe("05/24/00");
  });

  test("are a nexus's own, gone with it, and bounded", () => {
    const { device, copied } = made();
    for (let identifier = 0; identifier < 20; identifier++) copied([{ blocks: 1 }], { identifier });
    expect([0, 3, 4, 19].map((identifier) => answer(device, STATUS, identifier).status)).toEqual([2, 2, 0, 0]);
    const other = makeNexus("other");
    expect(run(device, memory, receive(STATUS, 19), { nexus: other }).senseText).toBe("05/24/00");
    device.nexusLost(NEXUS);
    expect(answer(device, STATUS, 19).senseText).toBe("05/24/00");
  });
});

describe("beside others", () => {
  const PENDING = [segment({ blocks: 8, destination: 1 })];

  test("an abort ends it when the piece under way has ended", () => {
    const store = new HandStore();
    const { device, copy, clock } = made({ stores: [store, new MemoryStore(memory, SIZE)] });
    const task = copy({ segments: PENDING });
    clock.step();
    let left = false;
    device.abortTasks(
      memory,
      task.lunOffset,
      (other) => other === task,
      () => {
        left = true;
      },
    );
    expect([left, task.ends]).toEqual([false, 0]);
    store.end();
    expect([left, task.ends, task.aborted]).toEqual([true, 1, true]);
    expect([clock.next, store.pending.length]).toEqual([undefined, 0]);
  });

  test("a reset of the source ends it", () => {
    const store = new HandStore();
    const { device, copy, clock } = made({ stores: [store, new MemoryStore(memory, SIZE)] });
    const task = copy({ segments: PENDING });
    clock.step();
    device.reset(memory, task.lunOffset, () => {});
    store.end();
    expect([task.ends, store.pending.length]).toEqual([1, 0]);
  });

  test("an ORDERED copy does not wait for itself", () => {
    const { device, targets, clock } = made();
    const dataOut = copyList({ targets, segments: PENDING });
    const task = run(device, memory, extendedCopy(dataOut.length), { dataOut, attribute: 2 });
    clock.run();
    expect(task.status).toBe(0);
  });

  test("at most eight at a time", () => {
    const { copy, clock } = made();
    const tasks = Array.from({ length: 9 }, (_, identifier) => copy({ segments: PENDING, identifier }));
    expect(tasks.map(({ status }) => status)).toEqual([...Array(8).fill(-1), 0x08]);
    clock.run();
    expect(tasks.map(({ status }) => status)).toEqual([...Array(8).fill(0), 0x08]);
  });

  test("a unit attention of the destination stays for the initiator", () => {
    const { device, second, copied } = made();
    second.attention(RESET_OCCURRED);
    expect(copied([{ blocks: 1, destination: 1 }]).status).toBe(0);
    expect(run(device, memory, [0x00], { lun: SECOND_LUN }).senseText).toBe("06/29/00");
  });

  test("a SANITIZE of the destination ends it", () => {
    const { device, copy, clock } = made();
    const task = copy({ segments: [segment({ blocks: 2048, destination: 1 })] });
    clock.step();
    const dataOut = Uint8Array.from([1, 0, 0, 1, 0]);
    run(device, memory, [0x48, 0x81, 0, 0, 0, 0, 0, 0, dataOut.length, 0], { lun: SECOND_LUN, dataOut });
    clock.run();
    expect([task.senseText, task.sense[21], task.sense[31], task.sense[32]]).toEqual(["0a/00/00", 0x02, 0x04, 0x1b]);
  });
});
