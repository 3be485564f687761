import { describe, expect, test } from "vitest";
import { MemoryStore } from "../../../src/backends/memory.ts";
import { silentLog } from "../../../src/core/log.ts";
import type { Disk } from "../../../src/scsi/disk/disk.ts";
import { Erasing } from "../../../src/scsi/disk/erase/erasing.ts";
import { ScsiTargetDevice } from "../../../src/scsi/target-device.ts";
import { deviceWithDisk, FIRST_KEY, makeDisk } from "../../support/disk.ts";
import { HandClock } from "../../support/hand-clock.ts";
import { HandStore } from "../../support/hand-store.ts";
import { KeptState } from "../../support/kept-state.ts";
import { extents } from "../../support/modelled-store.ts";
import { makeNexus, NEXUS, run, testMemory } from "../../support/scsi-task.ts";

const memory = testMemory();
const SIZE = 1 << 20;
const OVERWRITE = 1;
const BLOCK_ERASE = 2;
const CRYPTO_ERASE = 3;
const EXIT_FAILURE_MODE = 0x1f;
const IMMEDIATE = 0x80;
const UNRESTRICTED = 0x20;
const TEST_UNIT_READY = [0x00];
const REQUEST_SENSE = [0x03, 0, 0, 0, 252];
const INQUIRY = [0x12, 0, 0, 0, 36];
const READ = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];
const START_STOP = [0x1b, 0, 0, 0, 1, 0];

function sanitize(byte1: number, length = 0): number[] {
  return [0x48, byte1, 0, 0, 0, 0, 0, length >> 8, length & 0xff, 0];
}

function list(flags: number, pattern: readonly number[], length = pattern.length): Uint8Array {
  return Uint8Array.from([flags, 0, length >> 8, length & 0xff, ...pattern]);
}

function overwrite(flags: number, pattern: readonly number[], byte1 = 0) {
  const dataOut = list(flags, pattern);
  return { cdb: sanitize(OVERWRITE | byte1, dataOut.length), options: { dataOut } };
}

interface Made {
  device: ScsiTargetDevice;
  disk: Disk;
  clock: HandClock;
  state: KeptState;
}

function made(store: MemoryStore | HandStore = new MemoryStore(memory, SIZE), state = new KeptState()): Made {
  const clock = new HandClock();
  const disk = makeDisk(store, { clock, state, thin: true });
  const device = new ScsiTargetDevice(silentLog);
  device.addLogicalUnit(FIRST_KEY, disk);
  device.nexusOpened(NEXUS);
  return { device, disk, clock, state };
}

function contents(device: ScsiTargetDevice): Uint8Array {
  return run(device, memory, [0x28, 0, 0, 0, 0, 0, 0, (SIZE / 512) >> 8, 0, 0]).dataIn;
}

describe("OVERWRITE", () => {
  test("fills every block with the pattern, from each block's start, and ends the command then", () => {
    const { device, clock } = made();
    const { cdb, options } = overwrite(1, [1, 2, 3]);
    const task = run(device, memory, cdb, options);
    expect(task.ends).toBe(0);
    clock.run();
    expect([task.ends, task.status, task.dataOutCount]).toEqual([1, 0, 7]);
    const block = Uint8Array.from({ length: 512 }, (_, at) => (at % 3) + 1);
    expect(contents(device).every((byte, at) => byte === block[at % 512])).toBe(true);
  });

  test.each([
    [1, 0x5a],
    [2, 0xa5],
    [3, 0x5a],
  ])("with INVERT, %i passes leave %i", (passes, left) => {
    const { device, clock } = made();
    const { cdb, options } = overwrite(0x80 | passes, [0x5a]);
    run(device, memory, cdb, options);
    clock.run();
    expect(contents(device).every((byte) => byte === left)).toBe(true);
  });

  test("IMMED ends the command when it has begun", () => {
    const { device, disk, clock } = made();
    const { cdb, options } = overwrite(1, [7], IMMEDIATE);
    expect(run(device, memory, cdb, options).status).toBe(0);
    expect(run(device, memory, TEST_UNIT_READY).senseText).toBe("02/04/1b");
    clock.run();
    expect(disk.occupation).toBeUndefined();
    expect(run(device, memory, TEST_UNIT_READY).status).toBe(0);
  });

  test.each([
    ["no pattern", 4, list(1, []), "05/24/00"],
    ["nothing", 0, list(1, []), "05/24/00"],
    ["more than a block", 517, list(1, Array(513).fill(0)), "05/24/00"],
    ["a count of 0", 5, list(0, [1]), "05/26/00"],
    ["a vendor's TEST", 5, list(0x21, [1]), "05/26/00"],
    ["a pattern length of 0", 5, list(1, [1], 0), "05/26/00"],
    ["a pattern longer than a block", 516, list(1, Array(512).fill(0), 513), "05/26/00"],
    ["a pattern longer than the list", 6, list(1, [1, 2], 3), "05/1a/00"],
    ["less data than the list's length", 8, list(1, [1]), "05/1a/00"],
  ])("%s is refused", (_name, length, dataOut, sense) => {
    const { device, disk } = made();
    expect(run(device, memory, sanitize(OVERWRITE, length), { dataOut }).senseText).toBe(sense);
    expect(disk.occupation).toBeUndefined();
  });
});

test.each([BLOCK_ERASE, CRYPTO_ERASE])("erase %i leaves zeros", (serviceAction) => {
  const { device, clock } = made();
  run(device, memory, [0x2a, 0, 0, 0, 0, 9, 0, 0, 1, 0], { dataOut: new Uint8Array(512).fill(1) });
  const task = run(device, memory, sanitize(serviceAction));
  clock.run();
  expect(task.status).toBe(0);
  expect(contents(device).every((byte) => byte === 0)).toBe(true);
});

test.each([BLOCK_ERASE, CRYPTO_ERASE])(
  "erase %i of a thin disk lets go of its storage, at once",
  async (serviceAction) => {
    const store = new MemoryStore(memory, SIZE);
    const { device, clock } = made(store);
    run(device, memory, [0x2a, 0, 0, 0, 0, 9, 0, 0, 1, 0], { dataOut: new Uint8Array(512).fill(1) });
    expect((await extents(store))[0]?.allocated).toBe(true);
    run(device, memory, sanitize(serviceAction));
    clock.run();
    expect(await extents(store)).toEqual([{ offset: 0, length: SIZE, allocated: false }]);
    expect(clock.now()).toBe(0);
  },
);

test("a fully provisioned disk is only overwritten, and keeps its storage then", async () => {
  const store = new MemoryStore(memory, SIZE);
  const clock = new HandClock();
  const device = deviceWithDisk(memory, { clock }, store);
  expect(run(device, memory, sanitize(BLOCK_ERASE)).senseText).toBe("05/24/00");
  expect(run(device, memory, sanitize(CRYPTO_ERASE)).senseText).toBe("05/24/00");
  const { cdb, options } = overwrite(1, [0]);
  run(device, memory, cdb, options);
  clock.run();
  expect(await extents(store)).toEqual([{ offset: 0, length: SIZE, allocated: true }]);
});

test.each([BLOCK_ERASE, CRYPTO_ERASE, EXIT_FAILURE_MODE])("%i takes no parameter list", (serviceAction) => {
  expect(run(made().device, memory, sanitize(serviceAction, 8)).senseText).toBe("05/24/00");
});

test.each([0, 4, 0x10, 0x1e])("service action %i is a wrong field", (serviceAction) => {
  expect(run(made().device, memory, sanitize(serviceAction)).senseText).toBe("05/24/00");
});

test("ZNR and reserved bytes are refused", () => {
  const { device } = made();
  expect(run(device, memory, sanitize(0x40 | CRYPTO_ERASE)).senseText).toBe("05/24/00");
  for (let at = 2; at < 7; at++)
    expect(run(device, memory, sanitize(CRYPTO_ERASE).with(at, 1)).senseText).toBe("05/24/00");
});

test("a read-only disk is not sanitized", () => {
  const device = new ScsiTargetDevice(silentLog);
  device.addLogicalUnit(FIRST_KEY, makeDisk(new MemoryStore(memory, SIZE), { readOnly: true, thin: true }));
  expect(run(device, memory, sanitize(CRYPTO_ERASE)).senseText).toBe("07/27/00");
});

describe("while it goes on", () => {
  test("only what reports is let through, and progress grows", () => {
    const { device, clock } = made();
    const { cdb: begin, options } = overwrite(1, [0], IMMEDIATE);
    run(device, memory, begin, options);
    for (const cdb of [TEST_UNIT_READY, READ, START_STOP, [0x1a, 0, 0x3f, 0, 255], sanitize(BLOCK_ERASE)])
      expect(run(device, memory, cdb).senseText).toBe("02/04/1b");
    expect(run(device, memory, INQUIRY).status).toBe(0);
    const progress = () => {
      const { dataIn } = run(device, memory, REQUEST_SENSE);
      expect([...dataIn.subarray(12, 14), dataIn[15]]).toEqual([0x04, 0x1b, 0x80]);
      return new DataView(dataIn.buffer).getUint16(16);
    };
    const seen = [progress()];
    for (clock.step(); clock.step(); ) if (device.exists(memory, 0) || clock.next !== undefined) seen.push(progress());
    expect(seen[0]).toBe(0);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(new Set(seen).size).toBeGreaterThan(2);
    const sense = run(device, memory, REQUEST_SENSE).dataIn;
    expect([...sense.subarray(12, 14)]).toEqual([0, 0]);
  });

  test("it keeps its pace", () => {
    const { device, clock } = made();
    const { cdb, options } = overwrite(1, [0], IMMEDIATE);
    run(device, memory, cdb, options);
    clock.run();
    expect(clock.now()).toBeCloseTo((SIZE / 0x800_0000) * 1000);
  });

  test("it begins when what was under way has ended", () => {
    const store = new HandStore();
    const { device, clock } = made(store);
    run(device, memory, READ);
    run(device, memory, sanitize(BLOCK_ERASE | IMMEDIATE));
    expect(clock.next).toBeUndefined();
    store.end();
    clock.step();
    expect(store.pending.map(({ name }) => name)).toEqual(["write"]);
  });

  test("neither abort, reset nor loss of the nexus ends it; the command leaves at once", () => {
    const { device, clock } = made();
    const task = run(device, memory, sanitize(BLOCK_ERASE));
    let aborted = false;
    device.abortTasks(
      memory,
      task.lunOffset,
      (other) => other === task,
      () => {
        aborted = true;
      },
    );
    expect([aborted, task.aborted, task.ends]).toEqual([true, true, 1]);
    device.reset(memory, task.lunOffset, () => {});
    device.nexusLost(NEXUS);
    const other = makeNexus("other");
    device.nexusOpened(other);
    expect(run(device, memory, TEST_UNIT_READY, { nexus: other }).senseText).toBe("02/04/1b");
    clock.run();
    expect(run(device, memory, TEST_UNIT_READY, { nexus: other }).status).toBe(0);
    expect(task.ends).toBe(1);
  });

  test("closing waits for the piece under way, and writes no other", async () => {
    const store = new HandStore();
    const { device, disk, clock } = made(store);
    run(device, memory, sanitize(BLOCK_ERASE | IMMEDIATE));
    clock.step();
    let closed = false;
    const closing = disk.close().then(() => {
      closed = true;
    });
    await Promise.resolve();
    expect(closed).toBe(false);
    store.end();
    await closing;
    clock.run();
    expect(store.pending).toEqual([]);
  });
});

describe("a store that fails", () => {
  const EIO = -5;
  function failed(byte1: number) {
    const store = new HandStore();
    const all = made(store);
    const task = run(all.device, memory, sanitize(byte1));
    all.clock.step();
    store.end(EIO);
    return { ...all, store, task };
  }

  test("leaves the failure mode", () => {
    const { device, task } = failed(BLOCK_ERASE);
    expect([task.ends, task.senseText]).toEqual([1, "03/31/03"]);
    for (const cdb of [TEST_UNIT_READY, READ]) expect(run(device, memory, cdb).senseText).toBe("03/31/03");
    expect(run(device, memory, INQUIRY).status).toBe(0);
    expect([...run(device, memory, REQUEST_SENSE).dataIn.subarray(12, 14)]).toEqual([0x31, 0x03]);
  });

  test("EXIT FAILURE MODE ends it if AUSE allowed that, and not otherwise", () => {
    const restricted = failed(BLOCK_ERASE);
    expect(run(restricted.device, memory, sanitize(EXIT_FAILURE_MODE)).senseText).toBe("05/24/00");
    expect(run(restricted.device, memory, sanitize(BLOCK_ERASE | UNRESTRICTED)).senseText).toBe("05/24/00");
    const free = failed(BLOCK_ERASE | UNRESTRICTED);
    expect(run(free.device, memory, sanitize(EXIT_FAILURE_MODE)).status).toBe(0);
    expect(run(free.device, memory, TEST_UNIT_READY).status).toBe(0);
  });

  test("another SANITIZE that succeeds ends it", () => {
    const { device, store, clock } = failed(BLOCK_ERASE);
    store.answer = 0;
    const task = run(device, memory, sanitize(BLOCK_ERASE));
    clock.run();
    expect(task.status).toBe(0);
    expect(run(device, memory, TEST_UNIT_READY).status).toBe(0);
  });

  test("the failure mode outlives a restart", () => {
    const { state } = failed(BLOCK_ERASE);
    const again = made(new HandStore(), state);
    Erasing.resume(again.disk, memory);
    expect(run(again.device, memory, TEST_UNIT_READY).senseText).toBe("03/31/03");
  });
});

describe("a restart", () => {
  test("begins it anew, and forgets it when it has ended", () => {
    const first = made();
    const { cdb, options } = overwrite(1, [9], IMMEDIATE);
    run(first.device, memory, cdb, options);
    first.clock.step();
    const again = made(new MemoryStore(memory, SIZE), first.state);
    Erasing.resume(again.disk, memory);
    expect(run(again.device, memory, TEST_UNIT_READY).senseText).toBe("02/04/1b");
    again.clock.run();
    expect(contents(again.device).every((byte) => byte === 9)).toBe(true);
    const third = made(new MemoryStore(memory, SIZE), first.state);
    Erasing.resume(third.disk, memory);
    expect(third.disk.occupation).toBeUndefined();
  });

  test("with another medium leaves that one alone", () => {
    const first = made();
    run(first.device, memory, sanitize(BLOCK_ERASE | IMMEDIATE));
    const other = made(new MemoryStore(memory, SIZE * 2), first.state);
    Erasing.resume(other.disk, memory);
    expect(other.disk.occupation).toBeUndefined();
    expect(other.clock.next).toBeUndefined();
  });

  test("a record that is none of ours is put away", () => {
    const state = new KeptState();
    state.save("erasure", Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9));
    const { disk } = made(new MemoryStore(memory, SIZE), state);
    Erasing.resume(disk, memory);
    expect(disk.occupation).toBeUndefined();
  });
});

test("what cannot be kept is not begun", () => {
  const state = new KeptState();
  state.save = () => {
    throw new Error("disk full");
  };
  const { device, disk, clock } = made(new MemoryStore(memory, SIZE), state);
  expect(run(device, memory, sanitize(BLOCK_ERASE)).senseText).toBe("04/44/00");
  expect([disk.occupation, clock.next]).toEqual([undefined, undefined]);
});
