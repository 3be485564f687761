import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CopyList, parseCopyList } from "../../../src/scsi/copy/parameter-list.ts";
import { ParameterFault } from "../../../src/scsi/parameter-fault.ts";
import { copyList, segment, target } from "./lists.ts";

const TARGET = target({ designator: [1, 2, 3] });
const SEGMENT = segment({ blocks: 4 });
const PLAIN = { targets: [TARGET], segments: [SEGMENT] };

function senseOf(list: Uint8Array): string {
  const result = parseCopyList(list);
  if (!(result instanceof ParameterFault)) return "";
  return [result.sense.key, result.sense.asc, result.sense.ascq].map((byte) => byte.toString(16)).join("/");
}

test("names targets and segments", () => {
  const list = parseCopyList(
    copyList({
      targets: [target({ designator: [7, 8], codeSet: 2, type: 1, pad: true, blockLength: 4096, deviceType: 5 })],
      segments: [segment({ from: 2 ** 40, to: 9, blocks: 0xffff, source: 0, destination: 3, flags: 3 })],
      identifier: 5,
      usage: 2,
    }),
  ) as CopyList;
  expect(list.identifier).toBe(5);
  expect(list.targets).toEqual([
    {
      designator: { codeSet: 2, association: 0, type: 1, bytes: Uint8Array.of(7, 8) },
      deviceType: 5,
      pad: true,
      blockLength: 4096,
    },
  ]);
  expect(list.segments).toEqual([
    {
      source: 0,
      destination: 3,
      countsDestination: true,
      continues: true,
      count: 0xffff,
      sourceBlock: 2 ** 40,
      destinationBlock: 9,
    },
  ]);
});

describe("faults", () => {
  test.each([
    ["a header cut short", copyList(PLAIN).subarray(0, 15), "5/1a/0"],
    ["a target descriptor cut short", copyList(PLAIN).subarray(0, 16 + 31), "5/1a/0"],
    ["a segment descriptor cut short", copyList(PLAIN).subarray(0, 16 + 32 + 27), "5/1a/0"],
    ["inline data that are not there", copyList({ ...PLAIN, inlineLength: 1 }), "5/1a/0"],
    ["inline data", Uint8Array.from([...copyList({ ...PLAIN, inlineLength: 1 }), 0]), "5/26/b"],
    ["a reserved list id usage", copyList({ ...PLAIN, usage: 1 }), "5/26/0"],
    ["an identifier that is not to be one", copyList({ ...PLAIN, usage: 3, identifier: 1 }), "5/26/0"],
    ["17 targets", copyList({ targets: Array(17).fill(TARGET), segments: [SEGMENT] }), "5/26/6"],
    ["65 segments", copyList({ targets: [TARGET], segments: Array(65).fill(SEGMENT) }), "5/26/8"],
    ["too much of both", copyList({ targets: Array(17).fill(TARGET), segments: Array(65).fill(SEGMENT) }), "5/1a/0"],
    ["another target descriptor", copyList({ ...PLAIN, targets: [TARGET.with(0, 0xe0)] }), "5/26/7"],
    ["another segment descriptor", copyList({ ...PLAIN, segments: [SEGMENT.with(0, 0x03)] }), "5/26/9"],
    ["a reserved unit identifier type", copyList({ ...PLAIN, targets: [TARGET.with(1, 0xc0)] }), "5/26/0"],
    ["a designator that is too long", copyList({ ...PLAIN, targets: [TARGET.with(7, 21)] }), "5/26/0"],
    ["a wrong descriptor length", copyList({ ...PLAIN, segments: [SEGMENT.with(3, 23)] }), "5/26/0"],
  ])("%s", (_name, list, sense) => {
    expect(senseOf(list)).toBe(sense);
  });
});

test("any bytes are a list within the limits, or a fault", () => {
  const head = fc.tuple(fc.nat(255), fc.constantFrom(0, 16, 24), fc.nat(640), fc.nat(2000));
  fc.assert(
    fc.property(
      head,
      fc.uint8Array({ maxLength: 2400 }),
      fc.boolean(),
      ([id, flags, targets, segments], rest, ours) => {
        const list = Uint8Array.from([id, flags, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...rest]);
        const view = new DataView(list.buffer);
        view.setUint16(2, targets);
        view.setUint32(8, segments);
        if (ours) for (let at = 16; at < Math.min(16 + targets, list.length - 1); at += 32) list.set([0xe4, 0], at);
        const result = parseCopyList(list);
        if (result instanceof ParameterFault) return;
        expect(result.targets.length).toBeLessThanOrEqual(16);
        expect(result.segments.length).toBeLessThanOrEqual(64);
      },
    ),
  );
});
