import { describe, expect, test } from "vitest";
import {
  INVALID_FIELD_IN_CDB,
  INVALID_FIELD_IN_PARAMETER_LIST,
  NO_ADDITIONAL_SENSE,
  NOT_READY_STOPPED,
  type Sense,
  UNRECOVERED_READ_ERROR,
} from "../../src/scsi/sense.ts";
import { SENSE_LENGTH_MOST, type SenseDetail, writeSense } from "../../src/scsi/sense-data.ts";
import { deviceWithDisk } from "../support/disk.ts";
import { run, testMemory } from "../support/scsi-task.ts";

function sense(descriptor: boolean, what: Sense, detail?: SenseDetail): string {
  // What an earlier command left must not shine through.
  const bytes = new Uint8Array(SENSE_LENGTH_MOST).fill(0xee);
  return Buffer.from(bytes.subarray(0, writeSense(bytes, descriptor, what, detail))).toString("hex");
}

const LARGE = 2 ** 32 + 5;

describe("fixed format", () => {
  test.each([
    ["plain", UNRECOVERED_READ_ERROR, undefined, "70000300000000 0a 00000000 1100 00 000000"],
    ["INFORMATION", UNRECOVERED_READ_ERROR, { information: 0x1234 }, "f0000300001234 0a 00000000 1100 00 000000"],
    [
      "INFORMATION beyond 32 bits",
      UNRECOVERED_READ_ERROR,
      { information: LARGE },
      "70000300000000 0a 00000000 1100 00 000000",
    ],
    [
      "field pointer",
      INVALID_FIELD_IN_CDB,
      { fieldPointer: 2, bitPointer: 5 },
      "70000500000000 0a 00000000 2400 00 cd0002",
    ],
    [
      "in parameters",
      INVALID_FIELD_IN_PARAMETER_LIST,
      { fieldPointer: 300 },
      "70000500000000 0a 00000000 2600 00 80012c",
    ],
    ["half done", NOT_READY_STOPPED, { progress: 0.5 }, "70000200000000 0a 00000000 0402 00 808000"],
    ["all done", NO_ADDITIONAL_SENSE, { progress: 1 }, "70000000000000 0a 00000000 0000 00 80ffff"],
    [
      "progress of another sense key",
      UNRECOVERED_READ_ERROR,
      { progress: 1 },
      "70000300000000 0a 00000000 1100 00 000000",
    ],
    ["COMMAND-SPECIFIC", UNRECOVERED_READ_ERROR, { commandSpecific: 7 }, "70000300000000 0a 00000007 1100 00 000000"],
  ] as const)("%s", (_, what, detail, expected) => {
    expect(sense(false, what, detail)).toBe(expected.replaceAll(" ", ""));
  });
});

describe("descriptor format", () => {
  test.each([
    ["plain", UNRECOVERED_READ_ERROR, undefined, "72 03 1100 000000 00"],
    ["INFORMATION", UNRECOVERED_READ_ERROR, { information: LARGE }, "72 03 1100 000000 0c 000a8000 0000000100000005"],
    ["field pointer", INVALID_FIELD_IN_CDB, { fieldPointer: 2 }, "72 05 2400 000000 08 02060000 c0000200"],
    ["progress", NOT_READY_STOPPED, { progress: 0.25 }, "72 02 0402 000000 08 02060000 80400000"],
    [
      "both",
      NOT_READY_STOPPED,
      { information: 1, progress: 0 },
      "72 02 0402 000000 14 000a8000 0000000000000001 02060000 80000000",
    ],
    [
      "COMMAND-SPECIFIC",
      UNRECOVERED_READ_ERROR,
      { commandSpecific: 7 },
      "72 03 1100 000000 0c 010a0000 0000000000000007",
    ],
  ] as const)("%s", (_, what, detail, expected) => {
    expect(sense(true, what, detail)).toBe(expected.replaceAll(" ", ""));
  });
});

test("a reserved bit in a CDB is pointed at", () => {
  const memory = testMemory();
  const { senseText, sense: bytes } = run(deviceWithDisk(memory), memory, [0x28, 0x18, 0, 0, 0, 0, 0x60, 0, 1, 0]);
  expect(senseText).toBe("05/24/00");
  expect([...bytes.subarray(15, 18)]).toEqual([0xce, 0, 6]);
});
