import { describe, expect, test } from "vitest";
import { MemoryStore } from "../../src/backends/memory.ts";
import { silentLog } from "../../src/core/log.ts";
import { lunKey } from "../../src/scsi/lun.ts";
import { ScsiTargetDevice } from "../../src/scsi/target-device.ts";
import { deviceWithDisk, FIRST_KEY, makeDisk } from "../support/disk.ts";
import { HandStore } from "../support/hand-store.ts";
import { FakeTask, FIRST_LUN, makeNexus, NEXUS, run, testMemory } from "../support/scsi-task.ts";

const memory = testMemory();
const TEST_UNIT_READY = [0x00, 0, 0, 0, 0, 0];
const INQUIRY_36 = [0x12, 0, 0, 0, 36, 0];
const REQUEST_SENSE = [0x03, 0, 0, 0, 18, 0];
const ZERO_LUN = [0, 0, 0, 0, 0, 0, 0, 0];
const WELL_KNOWN = [0xc1, 1, 0, 0, 0, 0, 0, 0];
const ABSENT = [0x89, 0, 0, 0, 0, 0, 0, 0];

function reportLuns(allocation = 512, select = 0): number[] {
  return [0xa0, 0, select, 0, 0, 0, 0, 0, allocation >> 8, allocation & 0xff, 0, 0];
}

function twoDisks(): ScsiTargetDevice {
  const device = deviceWithDisk(memory);
  device.addLogicalUnit(lunKey({ bus: 0, target: 2, lun: 0 }), makeDisk(new MemoryStore(memory, 1 << 20)));
  run(device, memory, reportLuns());
  return device;
}

describe("REPORT LUNS", () => {
  test.each([
    ["all-zero LUN", ZERO_LUN],
    ["well-known unit", WELL_KNOWN],
  ])("to the %s lists the adapter", (_name, lun) => {
    const { status, dataIn } = run(twoDisks(), memory, reportLuns(), { lun });
    expect(status).toBe(0);
    expect(Buffer.from(dataIn).toString("hex")).toBe(
      "0000001800000000" + "0000000000000000" + "8100000000000000" + "8200000000000000",
    );
  });

  test("to a target lists that target alone, in peripheral format", () => {
    const device = deviceWithDisk(memory);
    device.addLogicalUnit(lunKey({ bus: 0, target: 1, lun: 3 }), makeDisk(new MemoryStore(memory, 1 << 20)));
    const { dataIn } = run(device, memory, reportLuns());
    expect(Buffer.from(dataIn).toString("hex")).toBe("0000001000000000" + "0000000000000000" + "0003000000000000");
  });

  test("is cut at the allocation length and still tells the full length", () => {
    const { dataIn } = run(twoDisks(), memory, reportLuns(16), { lun: ZERO_LUN });
    expect(Buffer.from(dataIn).toString("hex")).toBe("00000018000000000000000000000000");
  });

  test("select report 1 lists no well-known unit, 3 is refused, less than 16 bytes too", () => {
    expect(run(twoDisks(), memory, reportLuns(512, 1), { lun: ZERO_LUN }).dataIn.length).toBe(8);
    expect(run(twoDisks(), memory, reportLuns(512, 3), { lun: ZERO_LUN }).senseText).toBe("05/24/00");
    expect(run(twoDisks(), memory, reportLuns(8), { lun: ZERO_LUN }).senseText).toBe("05/24/00");
  });

  test("to a target with nothing is refused", () => {
    expect(run(twoDisks(), memory, reportLuns(), { lun: ABSENT }).senseText).toBe("05/25/00");
  });
});

describe("an absent logical unit", () => {
  test("INQUIRY succeeds with peripheral qualifier 011b", () => {
    const { status, dataIn } = run(twoDisks(), memory, INQUIRY_36, { lun: ABSENT });
    expect([status, dataIn.length, dataIn[0]]).toEqual([0, 36, 0x7f]);
  });

  test("INQUIRY of a VPD page is refused", () => {
    expect(run(twoDisks(), memory, [0x12, 1, 0x80, 0, 36, 0], { lun: ABSENT }).senseText).toBe("05/24/00");
  });

  test("REQUEST SENSE returns the reason as data, everything else as sense", () => {
    const sense = run(twoDisks(), memory, REQUEST_SENSE, { lun: ABSENT });
    expect([sense.status, sense.dataIn[2], sense.dataIn[12]]).toEqual([0, 5, 0x25]);
    expect(run(twoDisks(), memory, TEST_UNIT_READY, { lun: ABSENT }).senseText).toBe("05/25/00");
  });
});

describe("unit attentions", () => {
  test("a new nexus has none: SLOF counts retries", () => {
    expect(run(deviceWithDisk(memory), memory, TEST_UNIT_READY).status).toBe(0);
  });

  test("reset: told once to each nexus, not by INQUIRY or REPORT LUNS", () => {
    const device = deviceWithDisk(memory);
    const other = makeNexus("other");
    device.nexusOpened(other);
    device.reset(memory, new FakeTask(memory, TEST_UNIT_READY).lunOffset, () => {});
    expect(run(device, memory, INQUIRY_36).status).toBe(0);
    expect(run(device, memory, reportLuns()).status).toBe(0);
    expect(run(device, memory, TEST_UNIT_READY).senseText).toBe("06/29/00");
    expect(run(device, memory, TEST_UNIT_READY).status).toBe(0);
    expect(run(device, memory, TEST_UNIT_READY, { nexus: other }).senseText).toBe("06/29/00");
  });

  test("REQUEST SENSE returns and clears it", () => {
    const device = deviceWithDisk(memory);
    device.reset(memory, new FakeTask(memory, TEST_UNIT_READY).lunOffset, () => {});
    const { status, dataIn } = run(device, memory, REQUEST_SENSE);
    expect([status, dataIn[0], dataIn[2], dataIn[12]]).toEqual([0, 0x70, 6, 0x29]);
    expect(run(device, memory, TEST_UNIT_READY).status).toBe(0);
  });

  test("a changed inventory is told, unless REPORT LUNS was asked first", () => {
    const device = deviceWithDisk(memory);
    const added = lunKey({ bus: 0, target: 5, lun: 0 });
    device.addLogicalUnit(added, makeDisk(new MemoryStore(memory, 1 << 20)));
    expect(run(device, memory, TEST_UNIT_READY).senseText).toBe("06/3f/0e");
    device.removeLogicalUnit(added);
    expect(run(device, memory, reportLuns(), { lun: ZERO_LUN }).dataIn.length).toBe(24);
    expect(run(device, memory, TEST_UNIT_READY).status).toBe(0);
  });

  test("a lost nexus has no conditions when it comes back", () => {
    const device = deviceWithDisk(memory);
    device.reset(memory, new FakeTask(memory, TEST_UNIT_READY).lunOffset, () => {});
    device.nexusLost(NEXUS);
    device.nexusOpened(NEXUS);
    expect(run(device, memory, TEST_UNIT_READY).status).toBe(0);
  });
});

test("an address is given once", () => {
  const device = deviceWithDisk(memory);
  expect(() => device.addLogicalUnit(FIRST_KEY, makeDisk(new HandStore()))).toThrow(/already/);
});

test("exists answers for the eight LUN bytes", () => {
  const device = deviceWithDisk(memory);
  expect(device.exists(memory, new FakeTask(memory, [], { lun: FIRST_LUN }).lunOffset)).toBe(true);
  expect(device.exists(memory, new FakeTask(memory, [], { lun: ABSENT }).lunOffset)).toBe(false);
});

test("a handler that throws ends its command with HARDWARE ERROR, once, and is logged", () => {
  const messages: string[] = [];
  const device = new ScsiTargetDevice({ ...silentLog, error: (_fields, message) => messages.push(message) });
  const store = new HandStore();
  store.answer = () => {
    throw new Error("a bug of ours");
  };
  device.addLogicalUnit(FIRST_KEY, makeDisk(store));
  const task = run(device, memory, [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
  expect([task.senseText, task.ends, messages]).toEqual(["04/44/00", 1, ["command handler failed"]]);
});
