import { describe, expect, test } from "vitest";
import { CHANGED_IMPLICITLY, STANDBY, TargetPortGroups, UNAVAILABLE } from "../../src/scsi/target-port-groups.ts";
import type { TargetDevice } from "../../src/scsi/task.ts";
import { deviceWithDisk } from "../support/disk.ts";
import { makeNexus, run, testMemory } from "../support/scsi-task.ts";

const memory = testMemory();
const first = makeNexus("first", 1);
const second = makeNexus("second", 2);

function twoGroups() {
  const portGroups = new TargetPortGroups([
    { identifier: 10, ports: [1], preferred: true },
    { identifier: 20, ports: [2] },
  ]);
  const device = deviceWithDisk(memory, { portGroups });
  device.nexusOpened(first);
  device.nexusOpened(second);
  return { portGroups, device };
}
type Device = ReturnType<typeof twoGroups>["device"];

function report(device: Device, format = 0, nexus = first): string {
  const cdb = [0xa3, (format << 5) | 0x0a, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
  return Buffer.from(run(device, memory, cdb, { nexus }).dataIn).toString("hex");
}

function set(device: Device, list: readonly number[], length = list.length) {
  const cdb = [0xa4, 0x0a, 0, 0, 0, 0, 0, 0, length >> 8, length & 0xff, 0, 0];
  return run(device, memory, cdb, { nexus: first, dataOut: Uint8Array.from(list) });
}

describe("without a description", () => {
  const device = deviceWithDisk(memory);

  test("one group is active, and INQUIRY tells of no asymmetric access", () => {
    expect(report(device)).toBe("0000000c" + "000f0001" + "00000001" + "00000001");
    expect(tpgs(device)).toBe(0);
  });

  test("states can't be set", () => {
    expect(set(device, [0, 0, 0, 0, 0, 0, 0, 1]).senseText).toBe("05/24/00");
  });
});

/** TPGS of the standard INQUIRY data. [SPC-4] 6.6.2. */
function tpgs(device: TargetDevice): number {
  return ((run(device, memory, [0x12, 0, 0, 0, 36, 0]).dataIn[5] ?? 0) >> 4) & 3;
}

describe("two groups", () => {
  test("are told in both header formats; INQUIRY tells TPGS 11b, page 83 the group of the port", () => {
    const { device } = twoGroups();
    const groups = "800f000a" + "00000001" + "00000001" + "000f0014" + "00000001" + "00000002";
    expect(report(device)).toBe(`00000018${groups}`);
    expect(report(device, 1)).toBe(`0000001c10000000${groups}`);
    expect(report(device, 2)).toBe("");
    expect(tpgs(device)).toBe(3);
    const page83 = run(device, memory, [0x12, 1, 0x83, 0, 255, 0], { nexus: second }).dataIn;
    expect(Buffer.from(page83).toString("hex").endsWith("4195000400000014")).toBe(true);
  });

  test("SET TARGET PORT GROUPS changes states; everybody else is told", () => {
    const { device } = twoGroups();
    expect(set(device, [0, 0, 0, 0, 1, 0, 0, 10, 2, 0, 0, 20]).senseText).toBe("");
    expect(report(device)).toBe(
      "00000018" + "810f000a" + "00010001" + "00000001" + "020f0014" + "00010001" + "00000002",
    );
    const ready = (nexus = first) => run(device, memory, [0, 0, 0, 0, 0, 0], { nexus }).senseText;
    expect([ready(), ready(second), ready(second)]).toEqual(["", "06/2a/06", "02/04/0b"]);
  });

  test.each([
    ["an unknown group", [0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 11], "05/26/00", 10],
    ["a state that can't be set", [0, 0, 0, 0, 0x0e, 0, 0, 10], "05/26/00", 4],
    ["half a descriptor", [0, 0, 0, 0, 2, 0], "05/1a/00", undefined],
    ["less than a header", [0, 0], "05/1a/00", undefined],
  ] as const)("refused as a whole: %s", (_, list, expected, pointer) => {
    const { device } = twoGroups();
    const before = report(device);
    const task = set(device, list);
    expect(task.senseText).toBe(expected);
    if (pointer !== undefined) expect(task.sense[17]).toBe(pointer);
    expect(report(device)).toBe(before);
  });

  test("an empty list changes nothing, missing data-out is an error", () => {
    const { device } = twoGroups();
    expect(set(device, []).status).toBe(0);
    expect(set(device, [0, 0, 0, 0], 8).senseText).toBe("05/1a/00");
  });
});

describe("what is allowed through a port that is not active", () => {
  const INQUIRY = [0x12, 0, 0, 0, 36, 0];
  const RTPG = [0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
  const REQUEST_SENSE = [0x03, 0, 0, 0, 18, 0];
  const MODE_SENSE = [0x1a, 0, 0x3f, 0, 255, 0];
  const LOG_SENSE = [0x4d, 0, 0x40, 0, 0, 0, 0, 1, 0, 0];
  const READ = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];
  const READY = [0, 0, 0, 0, 0, 0];

  test.each([
    ["standby", STANDBY, "02/04/0b", [INQUIRY, RTPG, REQUEST_SENSE, MODE_SENSE, LOG_SENSE], [READ, READY]],
    ["unavailable", UNAVAILABLE, "02/04/0c", [INQUIRY, RTPG, REQUEST_SENSE], [MODE_SENSE, LOG_SENSE, READ, READY]],
  ] as const)("%s", (_, state, sense, allowed, refused) => {
    const { device, portGroups } = twoGroups();
    portGroups.set(new Map([[20, state]]), CHANGED_IMPLICITLY);
    expect([first, second].map((nexus) => run(device, memory, READY, { nexus }).senseText)).toEqual([
      "06/2a/06",
      "06/2a/06",
    ]);
    for (const cdb of allowed) expect(run(device, memory, cdb, { nexus: second }).status).toBe(0);
    for (const cdb of refused) expect(run(device, memory, cdb, { nexus: second }).senseText).toBe(sense);
    for (const cdb of [...allowed, ...refused]) expect(run(device, memory, cdb, { nexus: first }).status).toBe(0);
    portGroups.set(new Map([[20, 0]]), CHANGED_IMPLICITLY);
    run(device, memory, READY, { nexus: second });
    expect(run(device, memory, READ, { nexus: second }).status).toBe(0);
  });
});

test("a port or an identifier in two groups is a mistake of the configuration", () => {
  expect(
    () =>
      new TargetPortGroups([
        { identifier: 1, ports: [1] },
        { identifier: 2, ports: [1] },
      ]),
  ).toThrow(RangeError);
  expect(
    () =>
      new TargetPortGroups([
        { identifier: 1, ports: [1] },
        { identifier: 1, ports: [2] },
      ]),
  ).toThrow(RangeError);
});

test("a closed unit is told no more", async () => {
  const { device, portGroups } = twoGroups();
  for (const unit of device.logicalUnits.values()) await unit.close();
  portGroups.set(new Map([[20, STANDBY]]), CHANGED_IMPLICITLY);
  expect(run(device, memory, [0, 0, 0, 0, 0, 0], { nexus: first }).senseText).toBe("");
});
