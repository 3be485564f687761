import { beforeEach, describe, expect, test } from "vitest";
import { silentLog } from "../../src/core/log.ts";
import { lunKey } from "../../src/scsi/lun.ts";
import { CommandFilter, type FilterLists } from "../../src/scsi/passthrough/command-filter.ts";
import { commandTimeouts } from "../../src/scsi/passthrough/command-timeouts.ts";
import { PassThroughUnit } from "../../src/scsi/passthrough/passthrough-unit.ts";
import { DIRECTION_FROM_DEVICE, DIRECTION_NONE, DIRECTION_TO_DEVICE } from "../../src/scsi/passthrough/scsi-device.ts";
import { ScsiTargetDevice } from "../../src/scsi/target-device.ts";
import { TASK_ACA, TASK_HEAD_OF_QUEUE, TASK_ORDERED } from "../../src/scsi/task.ts";
import { HandScsiDevice } from "../support/hand-scsi-device.ts";
import { type FakeTask, makeNexus, NEXUS, type RunOptions, run, testMemory } from "../support/scsi-task.ts";

const memory = testMemory();
const OTHER = makeNexus("other");
const DISK = 0;
const TEST_UNIT_READY = [0];
const INQUIRY = [0x12, 0, 0, 0, 36, 0];
const READ = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];
const WRITE = [0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0];

interface Shape {
  queueDepth?: number;
  filter?: FilterLists;
  readOnly?: boolean;
  type?: number;
  oldLun?: boolean;
  vendor?: string;
}

let device: HandScsiDevice;
let unit: PassThroughUnit;
let target: ScsiTargetDevice;

function open({ queueDepth, filter, readOnly = false, type = DISK, oldLun = false, vendor }: Shape = {}): void {
  device = new HandScsiDevice(queueDepth);
  unit = new PassThroughUnit({
    device,
    profile: {
      peripheralDeviceType: type,
      identity: { vendor: "ACME", product: "Disk", revision: "1", serial: "S1" },
      oldLun,
      size: 1_000_000,
      blockSize: 512,
    },
    filter: new CommandFilter({ ...filter, readOnly, peripheralDeviceType: type }),
    timeouts: commandTimeouts(type),
    strings: { vendor },
    readOnly,
    log: silentLog,
  });
  target = new ScsiTargetDevice(silentLog);
  target.addLogicalUnit(lunKey({ bus: 0, target: 1, lun: 0 }), unit);
  for (const nexus of [NEXUS, OTHER]) target.nexusOpened(nexus);
}

function send(cdb: readonly number[], options: RunOptions = {}): FakeTask {
  return run(target, memory, cdb, { dataInLength: 0, ...options });
}

beforeEach(() => open());

describe("a command", () => {
  test("goes to the device as it came, and comes back as it left", () => {
    const task = send(READ, { dataInLength: 512 });
    const [request] = device.requests;
    expect(request).toMatchObject({
      cdbLength: 10,
      direction: DIRECTION_FROM_DEVICE,
      dataLength: 512,
      timeout: 30_000,
    });
    expect(request?.cdbOffset).toBe(task.cdbOffset);
    memory.u8.fill(0x5a, request?.dataOffset, (request?.dataOffset ?? 0) + 512);
    device.end();
    expect(task).toMatchObject({ ends: 1, status: 0, dataInCount: 512 });
    expect(task.dataIn.every((byte) => byte === 0x5a)).toBe(true);
    expect(unit.statistics.reads.bytes).toBe(512);
  });

  test("takes its data out from where they stand", () => {
    const task = send(WRITE, { dataOut: new Uint8Array(512).fill(7) });
    expect(device.requests[0]).toMatchObject({
      direction: DIRECTION_TO_DEVICE,
      dataOffset: task.buffer,
      dataLength: 512,
    });
    device.end({ residual: 12 });
    expect(task).toMatchObject({ status: 0, dataOutCount: 500, dataInCount: 0 });
  });

  test("without data is told so", () => {
    send(TEST_UNIT_READY);
    expect(device.requests[0]).toMatchObject({ cdbLength: 6, direction: DIRECTION_NONE, dataLength: 0 });
  });

  test("has the device's status and sense data, byte for byte, with the data that came all the same", () => {
    const sense = Array.from({ length: 40 }, (_, at) => (at === 0 ? 0x70 : at === 2 ? 0x03 : at));
    const task = send(READ, { dataInLength: 1024 });
    device.end({ status: 2, sense, residual: 512 });
    expect(task).toMatchObject({ status: 2, senseLength: 40, dataInCount: 512 });
    expect([...task.sense.subarray(0, 40)]).toEqual(sense);
  });

  test.each([0x08, 0x18, 0x28, 0x40])("has the device's status %i", (status) => {
    const task = send(TEST_UNIT_READY);
    device.end({ status });
    expect(task).toMatchObject({ ends: 1, status, senseLength: 0 });
  });

  test.each([
    ["timed out", 2, "0b/2e/02"],
    ["aborted", 2, "0b/00/00"],
    ["lost", 2, "0b/08/00"],
    ["refused", 2, "05/24/00"],
    ["busy", 8, ""],
  ] as const)("that ends as %s has status %i and sense %s", (outcome, status, sense) => {
    const task = send(READ, { dataInLength: 512 });
    device.end({ outcome });
    expect(task).toMatchObject({ ends: 1, status, senseText: sense, dataInCount: 0 });
  });

  test.each([
    ["data in both directions", READ, { dataInLength: 512, dataOut: new Uint8Array(512) }, "05/20/00"],
    ["more data than the device transfers", READ, { dataInLength: 0x10001 }, "05/24/00"],
    ["ACA as its attribute", READ, { attribute: TASK_ACA }, "05/49/00"],
    ["NACA", [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 4], {}, "05/24/00"],
  ])("with %s does not reach the device", (_what, cdb, options, sense) => {
    expect(send(cdb, options).senseText).toBe(sense);
    expect(device.requests).toHaveLength(0);
  });

  test("without a buffer ends with BUSY", () => {
    expect(send(READ, { dataInLength: 512, noBuffer: true }).status).toBe(8);
  });

  test("of a vendor has all the bytes that the transport brought", () => {
    open({ filter: { allow: ["vendor"] } });
    send([0xc1]);
    expect(device.requests[0]?.cdbLength).toBe(16);
  });

  test("for a SCSI-2 device has no LUN of the client's in it", () => {
    open({ oldLun: true });
    const task = send([0x28, 0x68, 0, 0, 0, 0, 0, 0, 1, 0]);
    expect(memory.u8[task.cdbOffset + 1]).toBe(0x08);
  });
});

describe("INQUIRY", () => {
  const answer = [0x20, 0, 6, 0x32, 31, 0, 0, 2, ...Buffer.from("ACME    Disk            1   ")];

  function inquire(data: readonly number[], cdb = INQUIRY): Uint8Array {
    const task = send(cdb, { dataInLength: data.length });
    memory.u8.set(data, device.requests[0]?.dataOffset ?? 0);
    device.end();
    return task.dataIn;
  }

  test("tells that the unit stands here and establishes no ACA; the rest is the device's", () => {
    expect([...inquire(answer)]).toEqual(answer.with(0, 0).with(3, 0x12));
  });

  test("keeps that nothing can stand there any more", () => {
    expect(inquire(answer.with(0, 0x7f))[0]).toBe(0x7f);
  });

  test("has the strings that are configured", () => {
    open({ vendor: "IBM" });
    expect(Buffer.from(inquire(answer)).toString("latin1", 8, 24)).toBe("IBM     Disk    ");
  });

  test.each([
    ["no limit", 0, 128],
    ["more than passes through", 1000, 128],
    ["less", 64, 64],
  ])("tells the most that passes through where the device tells %s", (_what, told, expected) => {
    const page = new Uint8Array(64);
    page[1] = 0xb0;
    new DataView(page.buffer).setUint32(8, told);
    const data = inquire([...page], [0x12, 1, 0xb0, 0, 64, 0]);
    expect(new DataView(data.buffer).getUint32(8)).toBe(expected);
  });

  test("is cut short without harm", () => {
    open({ vendor: "IBM" });
    expect([...inquire(answer.slice(0, 10))]).toEqual([...answer.slice(0, 8), 0x49, 0x42].with(0, 0).with(3, 0x12));
  });
});

describe("the filter", () => {
  test.each([
    ["RESERVE(6)", [0x16], "05/20/00"],
    ["PERSISTENT RESERVE OUT", [0x5f], "05/20/00"],
    ["microcode", [0x3b, 0x05], "05/24/00"],
    ["FORMAT UNIT", [0x04], "05/20/00"],
    ["SANITIZE", [0x48, 3], "05/20/00"],
    ["EXTENDED COPY", [0x83], "05/20/00"],
    ["SET TARGET PORT GROUPS", [0xa4, 0x0a], "05/20/00"],
    ["ATA PASS-THROUGH(16)", [0x85], "05/20/00"],
    ["ATA PASS-THROUGH(32)", [0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0x1f, 0xf0], "05/24/00"],
    ["a vendor's command", [0xe0], "05/20/00"],
  ])("keeps %s away", (_what, cdb, sense) => {
    expect(send(cdb).senseText).toBe(sense);
    expect(device.requests).toHaveLength(0);
  });

  test("lets through what is configured, refuses what else is configured", () => {
    open({ filter: { allow: ["reservations", "0xa4/0x0f"], refuse: ["0x5e/0x03", "0x28"] } });
    for (const cdb of [[0x16], [0x5e, 0], [0xa4, 0x0f]]) send(cdb);
    expect(device.requests).toHaveLength(3);
    expect(send([0x5e, 3]).senseText).toBe("05/24/00");
    expect(send(READ).senseText).toBe("05/20/00");
    expect(send([0xa4, 0x0a]).senseText).toBe("05/20/00");
  });

  test("knows what MMC has in the place of other commands", () => {
    open({ type: 5 });
    for (const cdb of [[0xa1], [0xa4], [0x48]]) send(cdb);
    expect(device.requests).toHaveLength(3);
  });

  test("of a unit that is read-only lets through only what is known to change nothing", () => {
    open({ readOnly: true });
    for (const cdb of [WRITE, [0x42], [0x15], [0x99]]) expect(send(cdb).senseText).toBe("07/27/00");
    send(READ);
    expect(device.requests).toHaveLength(1);
  });
});

describe("unit attentions", () => {
  test("of ours come before the device is asked, but for INQUIRY", () => {
    unit.attention({ key: 6, asc: 0x3f, ascq: 0x0e, name: "" });
    send(INQUIRY);
    expect(device.requests).toHaveLength(1);
    expect(send(TEST_UNIT_READY).senseText).toBe("06/3f/0e");
    send(TEST_UNIT_READY);
    expect(device.requests).toHaveLength(2);
  });

  test("of the device, which it tells once, are told to every nexus", () => {
    const sense = [0x72, 6, 0x28, 0, 0, 0, 0, 0];
    const task = send(TEST_UNIT_READY);
    device.end({ status: 2, sense });
    expect(task.senseText).toBe("06/28/00");
    expect(send(TEST_UNIT_READY, { nexus: OTHER }).senseText).toBe("06/28/00");
    send(TEST_UNIT_READY, { nexus: OTHER });
    send(TEST_UNIT_READY);
    expect(device.requests).toHaveLength(2);
  });
});

describe("the task set", () => {
  test("gives the device no more than its queue depth; the others follow in order", () => {
    open({ queueDepth: 2 });
    const tasks = [1, 2, 3, 4].map((block) => send([...READ].with(5, block)));
    expect(device.requests.map(({ cdbOffset }) => cdbOffset)).toEqual(tasks.slice(0, 2).map((task) => task.cdbOffset));
    device.end({}, 1);
    expect(device.requests.map(({ cdbOffset }) => cdbOffset)).toEqual([0, 2].map((index) => tasks[index]?.cdbOffset));
    while (device.requests.length > 0) device.end();
    expect(tasks.map(({ ends }) => ends)).toEqual([1, 1, 1, 1]);
  });

  test("ORDERED waits for all before it and holds back all behind it", () => {
    send(READ);
    send(READ, { attribute: TASK_ORDERED });
    send(READ);
    expect(device.requests).toHaveLength(1);
    device.end();
    expect(device.requests).toHaveLength(1);
    device.end();
    expect(device.requests).toHaveLength(1);
  });

  test("HEAD OF QUEUE overtakes what waits, not what the device has", () => {
    open({ queueDepth: 1 });
    send(READ);
    const waiting = send(READ);
    const first = send(READ, { attribute: TASK_HEAD_OF_QUEUE });
    const second = send(READ, { attribute: TASK_HEAD_OF_QUEUE });
    expect(device.requests).toHaveLength(1);
    const order: FakeTask[] = [];
    for (let ended = 0; ended < 4; ended++) {
      device.end();
      order.push(...[waiting, first, second].filter((task) => task.ends === 1 && !order.includes(task)));
    }
    expect(order).toEqual([first, second, waiting]);
  });

  test("an aborted task that waits ends at once, one that the device has when the device says so", () => {
    open({ queueDepth: 1 });
    const [running, waiting] = [send(READ), send(READ)];
    let left = false;
    unit.abortTasks(
      () => true,
      () => {
        left = true;
      },
    );
    expect([running.ends, waiting.ends, left]).toEqual([0, 1, false]);
    expect(device.aborted).toEqual(device.requests);
    device.end({ outcome: "aborted" });
    expect([running.ends, left]).toEqual([1, true]);
  });

  test("a reset waits for the tasks and for the device, and is told to every nexus", () => {
    send(READ);
    let done = false;
    unit.reset(() => {
      done = true;
    });
    device.end({ outcome: "aborted" });
    expect(done).toBe(false);
    device.resets[0]?.();
    expect(done).toBe(true);
    for (const nexus of [NEXUS, OTHER]) expect(send(TEST_UNIT_READY, { nexus }).senseText).toBe("06/29/00");
  });

  test("the tasks of a lost nexus are aborted, those of others are not", () => {
    const [own, others] = [send(READ), send(READ, { nexus: OTHER })];
    target.nexusLost(NEXUS);
    expect([own.aborted, others.aborted]).toEqual([true, false]);
  });

  test("is aborted before the device is closed", async () => {
    const task = send(READ);
    const closed = unit.close();
    expect([task.aborted, device.closed]).toEqual([true, false]);
    device.end({ outcome: "aborted" });
    await closed;
    expect(device.closed).toBe(true);
  });
});
