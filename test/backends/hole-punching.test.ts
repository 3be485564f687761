import { expect, test } from "vitest";
import { HolePunching } from "../../src/backends/hole-punching.ts";
import { STORE_DONE, STORE_PENDING, type StoreCompletion, type StoreExtent } from "../../src/scsi/block-store.ts";

const PIECE = 16 << 20;
const ENXIO = -6;
const EINVAL = -22;
const ENOSPC = -28;
const EOPNOTSUPP = -95;

/** System calls that the test answers, and a record of everything that was done. */
function made(alignment = 1) {
  const done: (string | number)[][] = [];
  const answers: ((result: number) => void)[] = [];
  const state = { zeroed: STORE_DONE, data: 0, hole: 0 };
  const completion = (name: string): StoreCompletion => ({ storeDone: (result) => void done.push([name, result]) });
  const punching = new HolePunching({
    fd: 9,
    granularity: 4096,
    alignment,
    tellsHoles: true,
    calls: {
      punchHole: (_fd, offset, length, answer) => {
        done.push(["hole", offset, length]);
        answers.push(answer);
      },
      nextData: () => state.data,
      nextHole: () => state.hole,
    },
    zero: (offset, length) => {
      done.push(["zero", offset, length]);
      return state.zeroed;
    },
    flush: (then) => {
      done.push(["flush"]);
      then.storeDone(STORE_DONE);
      return STORE_PENDING;
    },
    failed: (offset, errno) => void done.push(["failed", offset, errno]),
  });
  const answer = (result: number) => answers.shift()?.(result);
  /** What was done since the last look. */
  const seen = () => done.splice(0);
  return { punching, answer, seen, state, completion };
}

test("a long range is cut into pieces, and the next one waits for its end", () => {
  const { punching, answer, seen, completion } = made();
  expect(punching.deallocate(100, PIECE + 50, false, completion("long"))).toBe(STORE_PENDING);
  expect(punching.deallocate(0, 10, false, completion("short"))).toBe(STORE_PENDING);
  expect(seen()).toEqual([["hole", 100, PIECE]]);
  answer(0);
  expect(seen()).toEqual([["hole", 100 + PIECE, 50]]);
  answer(0);
  expect(seen()).toEqual([
    ["hole", 0, 10],
    ["long", 0],
  ]);
  answer(0);
  expect(seen()).toEqual([["short", 0]]);
});

test("a range that is asked for when another ends is begun once", () => {
  const { punching, answer, seen, completion } = made();
  const storeDone = () => void punching.deallocate(8192, 4096, false, completion("second"));
  punching.deallocate(0, 4096, false, { storeDone });
  seen();
  answer(0);
  expect(seen()).toEqual([["hole", 8192, 4096]]);
  answer(0);
  expect(seen()).toEqual([["second", 0]]);
});

test("durable: done after a flush, without one when it failed", () => {
  const { punching, answer, seen, completion } = made();
  punching.deallocate(0, 4096, true, completion("good"));
  punching.deallocate(4096, 4096, true, completion("bad"));
  answer(0);
  answer(EINVAL);
  expect(seen().slice(2)).toEqual([["flush"], ["good", 0], ["failed", 4096, EINVAL], ["bad", EINVAL]]);
});

test("what is not supported after all is written with zeros, piece by piece", () => {
  const { punching, answer, seen, state, completion } = made();
  punching.deallocate(0, PIECE + 512, false, completion("range"));
  answer(EOPNOTSUPP);
  answer(EOPNOTSUPP);
  expect(seen()).toEqual([
    ["hole", 0, PIECE],
    ["zero", 0, PIECE],
    ["hole", PIECE, 512],
    ["zero", PIECE, 512],
    ["range", 0],
  ]);
  state.zeroed = ENOSPC;
  punching.deallocate(0, 512, false, completion("full"));
  answer(EOPNOTSUPP);
  expect(seen().at(-1)).toEqual(["full", ENOSPC]);
});

const ALIGNED: readonly [number, number, (string | number)[][], number][] = [
  [
    512,
    8192,
    [
      ["zero", 512, 3584],
      ["zero", 8192, 512],
      ["hole", 4096, 4096],
    ],
    STORE_PENDING,
  ],
  [0, 8192, [["hole", 0, 8192]], STORE_PENDING],
  [512, 1024, [["zero", 512, 1024]], STORE_DONE],
  [
    3584,
    1024,
    [
      ["zero", 3584, 512],
      ["zero", 4096, 512],
    ],
    STORE_DONE,
  ],
];

test.each(ALIGNED)("with holes of whole 4096 bytes only: from %i, %i bytes", (offset, length, calls, result) => {
  const { punching, seen, completion } = made(4096);
  expect(punching.deallocate(offset, length, false, completion("range"))).toBe(result);
  expect(seen()).toEqual(calls);
});

test("edges that can't be written end it at once", () => {
  const { punching, seen, state, completion } = made(4096);
  state.zeroed = ENOSPC;
  expect(punching.deallocate(512, 8192, false, completion("range"))).toBe(ENOSPC);
  expect(seen()).toEqual([["zero", 512, 3584]]);
});

test.each([
  [ENXIO, 0, { length: 4096, allocated: false }],
  [9000, 0, { length: 4096, allocated: false }],
  [1000, 0, { length: 1000 - 512, allocated: false }],
  [512, 1024, { length: 512, allocated: true }],
  [512, 9000, { length: 4096, allocated: true }],
  [EINVAL, 0, { length: 4096, allocated: true }],
  [512, EINVAL, { length: 4096, allocated: true }],
])("the next data at %i, the next hole at %i", (data, hole, extent) => {
  const { punching, state, completion } = made();
  Object.assign(state, { data, hole });
  const found: StoreExtent[] = [];
  expect(punching.findExtents(512, 4096, found, completion("extents"))).toBe(STORE_DONE);
  expect(found).toEqual([extent]);
});
