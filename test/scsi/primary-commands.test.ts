import { describe, expect, test } from "vitest";
import { NullStore } from "../../src/backends/null.ts";
import type { Clock } from "../../src/core/clock.ts";
import { silentLog } from "../../src/core/log.ts";
import { diskCommands } from "../../src/scsi/disk/commands.ts";
import { NO_MEDIUM } from "../../src/scsi/medium.ts";
import { OpticalDrive } from "../../src/scsi/optical/optical-drive.ts";
import { ScsiTargetDevice } from "../../src/scsi/target-device.ts";
import type { Nexus } from "../../src/scsi/task.ts";
import { deviceWithDisk, FIRST_KEY, IBM } from "../support/disk.ts";
import { makeNexus, NEXUS, run, testMemory } from "../support/scsi-task.ts";
import { MemoryState } from "../support/unit-state.ts";

const memory = testMemory();
const device = deviceWithDisk(memory);

function view(data: Uint8Array): DataView {
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex");
}

function opticalDevice(): ScsiTargetDevice {
  const optical = new ScsiTargetDevice(silentLog);
  optical.addLogicalUnit(FIRST_KEY, new OpticalDrive({ medium: NO_MEDIUM, identity: IBM, log: silentLog }));
  optical.nexusOpened(NEXUS);
  return optical;
}

/** A clock that stands where the test puts it. */
class HandClock implements Clock {
  milliseconds = 0;
  now(): number {
    return this.milliseconds;
  }
  after(): () => void {
    return () => {};
  }
}

describe("INQUIRY", () => {
  const iscsi: Nexus = {
    ...makeNexus("iscsi"),
    port: { relativeIdentifier: 3, name: "iqn.2026-11.example:disks,t,0x0001", protocolIdentifier: 5 },
  };
  const standard = (target: ScsiTargetDevice, nexus: Nexus) =>
    run(target, memory, [0x12, 0, 0, 0, 255, 0], { nexus }).dataIn;
  const versions = (data: Uint8Array) =>
    [0, 1, 2, 3, 4].map((index) =>
      view(data)
        .getUint16(58 + index * 2)
        .toString(16),
    );

  test("version descriptors: architecture, primary commands, command set, transport", () => {
    expect(versions(standard(device, NEXUS))).toEqual(["a0", "460", "4c0", "940", "0"]);
    expect(versions(standard(device, iscsi))).toEqual(["a0", "460", "4c0", "960", "0"]);
    expect(versions(standard(opticalDevice(), NEXUS))).toEqual(["a0", "460", "4e0", "940", "0"]);
  });

  test("an optical drive is removable, and has its own pages", () => {
    const optical = opticalDevice();
    expect([...standard(optical, NEXUS).subarray(0, 2)]).toEqual([5, 0x80]);
    const { dataIn } = run(optical, memory, [0x12, 1, 0, 0, 255, 0]);
    expect([...dataIn]).toEqual([5, 0, 0, 6, 0, 0x80, 0x83, 0x85, 0x86, 0x87]);
  });

  test("designators of the unit stay, those of the port follow the nexus", () => {
    const page = (nexus: Nexus) => hex(run(device, memory, [0x12, 1, 0x83, 1, 0, 0], { nexus }).dataIn);
    const srp = page(NEXUS);
    const name = srp.match(/01030008(3.{15})/)?.[1]?.toUpperCase() ?? "";
    expect(srp).toContain(`03080018${Buffer.from(`naa.${name}`).toString("hex")}00000000`);
    expect(srp.endsWith("41940004000000014195000400000001")).toBe(true);
    const text = Buffer.from(iscsi.port.name).toString("hex");
    expect(page(iscsi)).toContain(
      `519400040000000351950004000000015398${(36).toString(16).padStart(4, "0")}${text}0000`,
    );
    expect(page(iscsi).slice(8, 80)).toBe(srp.slice(8, 80));
  });

  test("extended INQUIRY data: task attributes, a volatile cache; one policy for all mode pages", () => {
    expect(hex(run(device, memory, [0x12, 1, 0x86, 0, 14, 0]).dataIn)).toBe("0086003c0007010000000000" + "0028");
    expect(hex(run(device, memory, [0x12, 1, 0x87, 0, 255, 0]).dataIn)).toBe("008700043fff0000");
    expect(hex(run(device, memory, [0x12, 1, 0x85, 0, 255, 0]).dataIn)).toBe("00850000");
  });

  test("a page code without EVPD, and a page that is not there", () => {
    for (const cdb of [
      [0x12, 0, 0x80, 0, 255, 0],
      [0x12, 1, 0xb7, 0, 255, 0],
    ]) {
      const task = run(device, memory, cdb);
      expect([task.senseText, task.sense[17]]).toEqual(["05/24/00", 2]);
    }
  });
});

describe("REPORT SUPPORTED OPERATION CODES", () => {
  const report = (options: number, opcode = 0, action = 0) =>
    run(device, memory, [0xa3, 0x0c, options, opcode, action >> 8, action & 0xff, 0, 1, 0, 0, 0, 0]);
  const READ_10_USAGE = "2818ffffffff1fffff";

  test("all commands, each with its service action, length and timeouts", () => {
    const data = report(0x80).dataIn;
    const length = view(data).getUint32(0);
    expect([length, length % 20]).toEqual([data.length - 4, 0]);
    expect(length / 20).toBe(diskCommands({ thin: false, keepsState: false }).rows.length + 1);
    const found = new Set<string>();
    for (let at = 4; at < data.length; at += 20) {
      expect([data[at + 5], view(data).getUint16(at + 8)]).toEqual([(data[at + 5] ?? 0) | 2, 10]);
      if ((data[at + 5] ?? 0) === 2) expect(view(data).getUint16(at + 2)).toBe(0);
      found.add(hex(data.subarray(at, at + 4)));
    }
    expect(found.size).toBe(length / 20);
    expect([...found]).toEqual(expect.arrayContaining(["a0000000", "9e000010", "a300000c", "28000000"]));
    expect(report(0).dataIn.length).toBe(4 + (length / 20) * 8);
  });

  test.each([
    ["without service action", 1, 0x28, 0, `0003000a${READ_10_USAGE}`],
    ["of either kind", 3, 0x28, 0, `0003000a${READ_10_USAGE}`],
    ["REPORT LUNS", 1, 0xa0, 0, "0003000ca000ff000000ffffffff00"],
    ["service action in the usage map", 2, 0x9e, 0x10, "000300109e10ffffffffffffffffffffffff01"],
    ["of either kind with service action", 3, 0xa3, 0x0c, "0003000ca30c87ffffffffffffff00"],
    ["unknown", 1, 0xff, 0, "00010000"],
    ["unknown, asked for with a service action", 2, 0xff, 1, "00010000"],
    ["unknown service action", 2, 0xa3, 0x1f, "00010000"],
    ["service action of a command without", 3, 0x28, 1, "00010000"],
  ] as const)("one command: %s", (_, options, opcode, action, expected) => {
    expect(hex(report(options, opcode, action).dataIn).slice(0, expected.length)).toBe(expected);
  });

  test("one command with timeouts", () => {
    const { dataIn } = report(0x81, 0x00);
    expect([dataIn[1], dataIn.length]).toEqual([0x83, 4 + 6 + 12]);
  });

  test.each([
    ["no service action, where there are some", 1, 0xa3],
    ["a service action, where there is none", 2, 0x28],
    ["reserved reporting options", 4, 0],
  ] as const)("refused: %s", (_, options, opcode) => {
    expect(report(options, opcode).senseText).toBe("05/24/00");
  });

  test("what the usage maps say is what is accepted", () => {
    for (const { opcode, serviceAction, usage } of diskCommands({ thin: false, keepsState: false }).rows) {
      const options = serviceAction === undefined ? 1 : 2;
      const { dataIn } = report(options, opcode, serviceAction);
      const told = dataIn.subarray(4, 4 + usage.length);
      expect([told[0], told.length]).toEqual([opcode, usage.length]);
      if (serviceAction !== undefined) expect((told[1] ?? 0) & 0x1f).toBe(serviceAction);
    }
  });
});

test("REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS, short and extended", () => {
  expect(hex(run(device, memory, [0xa3, 0x0d, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]).dataIn)).toBe("f8000000");
  const extended = run(device, memory, [0xa3, 0x0d, 0x80, 0, 0, 0, 0, 0, 1, 0, 0, 0]).dataIn;
  expect(hex(extended)).toBe("f800000c010020000000012c00000064");
});

describe("LOG SENSE", () => {
  const sense = (page: number, subpage = 0, from = 0, target = device) =>
    run(target, memory, [0x4d, 0, page, subpage, 0, from >> 8, from & 0xff, 4, 0, 0]);

  test("the lists of pages and subpages; every page answers", () => {
    expect(hex(sense(0x40).dataIn)).toBe("000000040010192f");
    expect(hex(sense(0x40, 0xff).dataIn)).toBe("40ff000a000000ff100019002f00");
    for (const page of [0x10, 0x19, 0x2f]) {
      const { dataIn } = sense(0x40 | page);
      expect([dataIn[0], view(dataIn).getUint16(2)]).toEqual([0x80 | page, dataIn.length - 4]);
    }
  });

  test("self-tests stand in page 10, the newest first", () => {
    const clock = new HandClock();
    const target = deviceWithDisk(memory, { clock });
    clock.milliseconds = 3 * 3_600_000;
    expect(run(target, memory, [0x1d, 1 << 5, 0, 0, 0, 0]).status).toBe(0);
    const { dataIn } = sense(0x50, 0, 0, target);
    expect(dataIn.length).toBe(4 + 20 * 20);
    expect(hex(dataIn.subarray(4, 24))).toBe(`0001031020000003${"f".repeat(16)}00000000`);
    expect(hex(sense(0x50, 0, 20, target).dataIn.subarray(0, 8))).toBe("9000001400140310");
  });

  test("reads and writes are counted", () => {
    const target = deviceWithDisk(memory, {}, new NullStore(memory, 1 << 20));
    run(target, memory, [0x28, 0, 0, 0, 0, 0, 0, 0, 3, 0]);
    run(target, memory, [0x2a, 0, 0, 0, 0, 0, 0, 0, 2, 0], { dataOut: new Uint8Array(1024) });
    const counts = view(sense(0x59, 0, 0, target).dataIn.subarray(8));
    expect([0, 8, 16, 24].map((at) => Number(counts.getBigUint64(at)))).toEqual([1, 1, 2, 3]);
  });

  test.each([
    ["threshold values", 0x00, 0, 0, "05/24/00", 2],
    ["unknown page", 0x41, 0, 0, "05/24/00", 2],
    ["unknown subpage", 0x50, 1, 0, "05/24/00", 3],
    ["parameter pointer beyond the last", 0x50, 0, 21, "05/24/00", 5],
  ] as const)("refused: %s", (_, page, subpage, from, expected, pointer) => {
    const task = sense(page, subpage, from);
    expect([task.senseText, task.sense[17]]).toEqual([expected, pointer]);
  });

  test("saving is not there", () => {
    expect(run(device, memory, [0x4d, 1, 0x40, 0, 0, 0, 0, 1, 0, 0]).senseText).toBe("05/39/00");
  });
});

describe("diagnostics", () => {
  const send = (flags: number, list: readonly number[] = [], length = list.length) =>
    run(device, memory, [0x1d, flags, 0, length >> 8, length & 0xff, 0], { dataOut: Uint8Array.from(list) }).senseText;

  test.each([
    ["default self-test", 0x04, [], ""],
    ["background self-test", 0x20, [], ""],
    ["abort of a self-test that is not there", 0x80, [], "05/24/00"],
    ["both kinds of self-test", 0x24, [], "05/24/00"],
    ["a self-test with parameters", 0x04, [0, 0, 0, 0], "05/24/00"],
    ["the list of pages", 0x10, [0, 0, 0, 0], ""],
    ["another page", 0x10, [0x40, 0, 0, 0], "05/24/00"],
    ["a page cut off", 0x10, [0, 0], "05/1a/00"],
  ] as const)("SEND DIAGNOSTIC: %s", (_, flags, list, expected) => {
    expect(send(flags, list)).toBe(expected);
  });

  test("RECEIVE DIAGNOSTIC RESULTS knows the list of pages", () => {
    expect(hex(run(device, memory, [0x1c, 1, 0, 0, 255, 0]).dataIn)).toBe("0000000100");
    expect(run(device, memory, [0x1c, 1, 0x40, 0, 255, 0]).senseText).toBe("05/24/00");
  });
});

describe("READ BUFFER and WRITE BUFFER", () => {
  const target = deviceWithDisk(memory);
  const read = (mode: number, offset: number, length: number, id = 0) =>
    run(target, memory, [0x3c, mode, id, ...field24(offset), ...field24(length), 0]);
  const write = (mode: number, offset: number, data: Uint8Array, id = 0, length = data.length) =>
    run(target, memory, [0x3b, mode, id, ...field24(offset), ...field24(length), 0], { dataOut: data }).senseText;
  const field24 = (value: number) => [value >> 16, (value >> 8) & 0xff, value & 0xff];

  test("the data buffer keeps what was written, anywhere in it", () => {
    expect(hex(read(0x03, 0, 4).dataIn)).toBe("00010000");
    expect(hex(read(0x03, 0, 4, 1).dataIn)).toBe("00000000");
    expect(write(0x02, 0xfffe, Uint8Array.from([0xab, 0xcd]))).toBe("");
    expect(hex(read(0x02, 0xfffd, 100).dataIn)).toBe("00abcd");
    expect(read(0x02, 0, 0xff_ffff).dataInCount).toBe(0x1_0000);
  });

  test("the echo buffer has the last that was written, and nothing before that", () => {
    expect(read(0x0a, 0, 16).senseText).toBe("05/2c/00");
    expect(hex(read(0x0b, 0, 4).dataIn)).toBe("00001000");
    expect(write(0x0a, 0, Uint8Array.from([1, 2, 3, 4]))).toBe("");
    expect(hex(read(0x0a, 0, 16).dataIn)).toBe("01020304");
  });

  test("the error history directory is empty", () => {
    const { dataIn } = read(0x1c, 0, 255);
    expect([dataIn.length, Buffer.from(dataIn.subarray(0, 8)).toString(), dataIn[31]]).toEqual([32, "IBM     ", 0]);
  });

  test.each([
    ["microcode", () => write(0x05, 0, new Uint8Array(4)), "05/24/00"],
    ["another buffer", () => write(0x02, 0, new Uint8Array(4), 1), "05/24/00"],
    ["beyond the end", () => write(0x02, 0xffff, new Uint8Array(2)), "05/24/00"],
    ["offset beyond the end", () => write(0x02, 0xff_ffff, new Uint8Array(1)), "05/24/00"],
    ["too much to echo", () => write(0x0a, 0, new Uint8Array(0x1001)), "05/24/00"],
    ["less data than told", () => write(0x02, 0, new Uint8Array(2), 0, 4), "05/1a/00"],
    ["reading a mode that is not there", () => read(0x00, 0, 4).senseText, "05/24/00"],
    ["reading beyond the end", () => read(0x02, 0x1_0001, 4).senseText, "05/24/00"],
  ] as const)("refused: %s", (_, act, expected) => {
    expect(act()).toBe(expected);
  });
});

describe("identifying information", () => {
  const report = (target: ScsiTargetDevice, type = 0) =>
    run(target, memory, [0xa3, 0x05, 0, 0, 0, 0, 0, 0, 1, 0, type << 1, 0]);
  const set = (target: ScsiTargetDevice, text: string, type = 0) =>
    run(target, memory, [0xa4, 0x06, 0, 0, 0, 0, 0, 0, 0, text.length, type << 1, 0], {
      dataOut: new TextEncoder().encode(text),
    }).senseText;

  test("is kept over a restart, and other nexuses are told", () => {
    const state = new MemoryState();
    const target = deviceWithDisk(memory, { state });
    const other = makeNexus("other");
    target.nexusOpened(other);
    expect(hex(report(target).dataIn)).toBe("00000000");
    expect(set(target, "rack 7")).toBe("");
    expect(run(target, memory, [0, 0, 0, 0, 0, 0], { nexus: other }).senseText).toBe("06/3f/05");
    expect(Buffer.from(report(deviceWithDisk(memory, { state })).dataIn).toString()).toBe("\0\0\0\u0006rack 7");
    expect(hex(report(target, 0x7f).dataIn)).toBe("0000000400000040");
  });

  test("refused: too long, of another type, without a place to keep it", () => {
    const state = new MemoryState();
    const target = deviceWithDisk(memory, { state });
    expect(set(target, "x".repeat(65))).toBe("05/24/00");
    expect(set(target, "x", 2)).toBe("05/24/00");
    expect(set(deviceWithDisk(memory), "x")).toBe("05/24/00");
    expect(report(target, 1).senseText).toBe("05/24/00");
    state.failure = new Error("disk full");
    expect(set(target, "x")).toBe("04/44/00");
  });
});

test("REPORT TIMESTAMP counts from power on, until SET TIMESTAMP", () => {
  const clock = new HandClock();
  clock.milliseconds = 5000;
  const target = deviceWithDisk(memory, { clock });
  const report = () => hex(run(target, memory, [0xa3, 0x0f, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]).dataIn);
  const set = (list: readonly number[]) =>
    run(target, memory, [0xa4, 0x0f, 0, 0, 0, 0, 0, 0, 0, list.length, 0, 0], { dataOut: Uint8Array.from(list) });
  clock.milliseconds += 7;
  expect(report()).toBe("000a00000000000000070000");
  expect(set([0, 0, 0, 0, 0x01, 0, 0, 0, 0, 0xff, 0, 0]).senseText).toBe("");
  clock.milliseconds += 1;
  expect(report()).toBe("000a02000100000001000000");
  expect(set([0, 0, 0]).senseText).toBe("05/1a/00");
  expect(set([]).status).toBe(0);
});
