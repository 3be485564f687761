import { expect, test } from "vitest";
import {
  EFFECT_NONE,
  EFFECT_OTHER,
  EFFECT_READ,
  EFFECT_WRITE,
  type Effect,
  effectTable,
  readEffect,
} from "../../../src/backends/iscsi/effects.ts";
import { SharedMemory } from "../../../src/core/shared-memory.ts";

const memory = new SharedMemory();
const address = memory.allocate(64);
const DISK = 0;
const TAPE = 1;
const OPTICAL = 5;
const ALL = Number.POSITIVE_INFINITY;

function effectOf(type: number, cdb: readonly number[]): [Effect, number, number] {
  const found = { effect: EFFECT_OTHER as Effect, firstBlock: -1, endBlock: -1 };
  memory.u8.fill(0, address, address + 64);
  memory.u8.set(cdb, address);
  readEffect(effectTable(type), memory, address, found);
  return [found.effect, found.firstBlock, found.endBlock];
}

test.each<[string, number[], [Effect, number, number]]>([
  ["READ(6)", [0x08, 0xff, 0, 1, 2, 0], [EFFECT_READ, 0x1f_0001, 0x1f_0003]],
  ["WRITE(6) of 256 blocks", [0x0a, 0, 0, 1, 0, 0], [EFFECT_WRITE, 1, 257]],
  ["READ(10)", [0x28, 0, 0xff, 0, 0, 0, 0, 1, 0, 0], [EFFECT_READ, 0xff00_0000, 0xff00_0100]],
  ["WRITE(12)", [0xaa, 0, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0], [EFFECT_WRITE, 9, 9 + 0x1_0000]],
  ["WRITE(16)", [0x8a, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0], [EFFECT_WRITE, 0x1_0000_0002, 0x1_0000_0005]],
  ["WRITE SAME(10) up to the end", [0x41, 0, 0, 0, 0, 5, 0, 0, 0, 0], [EFFECT_WRITE, 5, ALL]],
  ["UNMAP", [0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0], [EFFECT_WRITE, 0, ALL]],
  ["SYNCHRONIZE CACHE(10)", [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0], [EFFECT_NONE, 0, ALL]],
  ["COMPARE AND WRITE", [0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0], [EFFECT_OTHER, 0, ALL]],
  ["READ(32)", [0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, 9], [EFFECT_OTHER, 0, ALL]],
])("%s of a disk", (_name, cdb, effect) => {
  expect(effectOf(DISK, cdb)).toEqual(effect);
});

test("what is a read of a disk may be another command of another device", () => {
  // 34h: PRE-FETCH of a disk, READ POSITION of a tape; 2Ah: WRITE; 08h: READ.
  expect([0x34, 0x2a, 0x08].map((opcode) => effectOf(TAPE, [opcode])[0])).toEqual([
    EFFECT_OTHER,
    EFFECT_OTHER,
    EFFECT_OTHER,
  ]);
  expect([0x28, 0xbe, 0x2a, 0xaa].map((opcode) => effectOf(OPTICAL, [opcode])[0])).toEqual([
    EFFECT_NONE,
    EFFECT_NONE,
    EFFECT_OTHER,
    EFFECT_OTHER,
  ]);
  for (const type of [DISK, TAPE, OPTICAL, 8]) expect(effectOf(type, [0x12])[0]).toBe(EFFECT_NONE);
});
