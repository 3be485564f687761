import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryStore } from "../../../src/backends/memory.ts";
import { parseFormatOptions } from "../../../src/scsi/disk/erase/format-unit.ts";
import { ParameterFault } from "../../../src/scsi/parameter-fault.ts";
import { deviceWithDisk } from "../../support/disk.ts";
import { HandClock } from "../../support/hand-clock.ts";
import { run, testMemory } from "../../support/scsi-task.ts";

const memory = testMemory();
const SIZE = 1 << 20;
const FORMAT_DATA = 0x10;
const LONG_LIST = 0x20;
const VALID = 0x80;
const INITIALIZATION_PATTERN = 0x08;
const IMMEDIATE = 0x02;

function made() {
  const clock = new HandClock();
  const device = deviceWithDisk(memory, { clock }, new MemoryStore(memory, SIZE));
  run(device, memory, [0x2a, 0, 0, 0, 0, 3, 0, 0, 1, 0], { dataOut: new Uint8Array(512).fill(0xff) });
  return { device, clock };
}

function format(byte1: number): number[] {
  return [0x04, byte1, 0, 0, 0, 0];
}

test("without a parameter list, the disk is zeros", () => {
  const { device, clock } = made();
  const task = run(device, memory, format(0));
  expect(task.ends).toBe(0);
  expect(run(device, memory, [0x00]).senseText).toBe("02/04/04");
  clock.run();
  expect([task.ends, task.status]).toEqual([1, 0]);
  expect(run(device, memory, [0x28, 0, 0, 0, 0, 3, 0, 0, 1, 0]).dataIn.every((byte) => byte === 0)).toBe(true);
});

test.each([
  ["short", FORMAT_DATA, [0, VALID | INITIALIZATION_PATTERN | IMMEDIATE, 0, 0]],
  ["long", FORMAT_DATA | LONG_LIST, [0, VALID | INITIALIZATION_PATTERN | IMMEDIATE, 0, 0, 0, 0, 0, 0]],
])("a %s list with a pattern, IMMED", (_name, byte1, header) => {
  const { device, clock } = made();
  const dataOut = Uint8Array.from([...header, 0, 1, 0, 2, 0xab, 0xcd]);
  expect(run(device, memory, format(byte1), { dataOut }).status).toBe(0);
  clock.run();
  const block = run(device, memory, [0x28, 0, 0, 0, 7, 0xff, 0, 0, 1, 0]).dataIn;
  expect([...block.subarray(510)]).toEqual([0xab, 0xcd]);
});

describe("refused", () => {
  test.each([
    ["protection information in the CDB", format(0x80), [], "05/24/00"],
    ["a long list that does not come", format(LONG_LIST), [], "05/24/00"],
    ["a header cut short", format(FORMAT_DATA), [0, 0, 0], "05/1a/00"],
    ["a long header cut short", format(FORMAT_DATA | LONG_LIST), [0, 0, 0, 0], "05/1a/00"],
    ["protection fields", format(FORMAT_DATA), [1, 0, 0, 0], "05/26/00"],
    ["options without FOV", format(FORMAT_DATA), [0, 0x08, 0, 0], "05/26/00"],
    ["a protection interval", format(FORMAT_DATA | LONG_LIST), [0, 0, 0, 1, 0, 0, 0, 0], "05/26/00"],
    ["defects", format(FORMAT_DATA), [0, 0, 0, 4, 0, 0, 0, 1], "05/26/00"],
    ["a pattern descriptor cut short", format(FORMAT_DATA), [0, 0x88, 0, 0, 0, 1], "05/1a/00"],
    ["a pattern cut short", format(FORMAT_DATA), [0, 0x88, 0, 0, 0, 1, 0, 2, 1], "05/1a/00"],
    ["an empty pattern", format(FORMAT_DATA), [0, 0x88, 0, 0, 0, 1, 0, 0], "05/26/00"],
    ["a pattern longer than a block", format(FORMAT_DATA), [0, 0x88, 0, 0, 0, 1, 2, 1], "05/26/00"],
    ["an unknown pattern type", format(FORMAT_DATA), [0, 0x88, 0, 0, 0, 2, 0, 1, 1], "05/26/00"],
    ["an obsolete pattern modifier", format(FORMAT_DATA), [0, 0x88, 0, 0, 0x40, 1, 0, 1, 1], "05/26/00"],
  ])("%s", (_name, cdb, list, sense) => {
    expect(run(made().device, memory, cdb, { dataOut: Uint8Array.from(list) }).senseText).toBe(sense);
  });
});

test("any list is either refused or names a pattern of 1 byte to a block", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (list, isLong) => {
      const options = parseFormatOptions(list, isLong, 512);
      if (options instanceof ParameterFault) return;
      expect(options.pattern.length).toBeGreaterThan(0);
      expect(options.pattern.length).toBeLessThanOrEqual(512);
    }),
  );
});
