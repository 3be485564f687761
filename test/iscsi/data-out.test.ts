import fc from "fast-check";
import { expect, test } from "vitest";
import { RESERVED_TAG } from "../../src/abi/iscsi.ts";
import { DataOut } from "../../src/ports/iscsi/data-out.ts";

const BURST = 4096;

/** Plays an initiator that does everything right; returns the R2Ts it saw. */
function transfer(
  total: number,
  immediate: number,
  unsolicitedEnd: number,
  announced: boolean,
  outstanding: number,
  piece: number,
) {
  const state = new DataOut();
  state.begin(total, unsolicitedEnd, announced, 3, BURST);
  state.received += immediate;
  const send = (tag: number, end: number) => {
    for (let dataSN = 0; state.received < end || (tag === RESERVED_TAG && state.unsolicited); dataSN++) {
      const offset = state.received;
      const length = Math.min(piece, end - offset);
      const final = offset + length === end;
      expect(state.judge({ tag, dataSN, offset, length, final })).toBeUndefined();
      state.received += length;
      expect(state.advance(final)).toBe(true);
    }
  };
  if (announced) send(RESERVED_TAG, Math.min(total, unsolicitedEnd));
  const asked: { tag: number; offset: number; length: number }[] = [];
  const waiting: { tag: number; end: number }[] = [];
  while (!state.complete) {
    while (state.outstanding < outstanding && state.nextLength > 0) {
      const { nextTag: tag, nextOffset: offset, nextLength: length } = state;
      asked.push({ tag, offset, length });
      waiting.push({ tag, end: offset + length });
      state.solicit();
    }
    const next = waiting.shift();
    if (next === undefined) throw new Error("nothing was asked for");
    send(next.tag, next.end);
  }
  return asked;
}

test("whatever was agreed on, every byte is asked for once, in order, in bursts", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40_000 }),
      fc.nat(8192),
      fc.integer({ min: 512, max: 8192 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 300, max: 5000 }),
      (total, first, unsolicitedEnd, announced, outstanding, piece) => {
        const immediate = Math.min(first, unsolicitedEnd, total);
        const asked = transfer(total, immediate, unsolicitedEnd, announced, outstanding, piece);
        let at = announced ? Math.min(unsolicitedEnd, total) : immediate;
        for (const { offset, length } of asked) {
          expect(offset).toBe(at);
          expect(length).toBeLessThanOrEqual(BURST);
          at += length;
        }
        expect(at).toBe(total);
        expect(new Set(asked.map(({ tag }) => tag)).size).toBe(asked.length);
      },
    ),
  );
});

function solicited(): DataOut {
  const state = new DataOut();
  state.begin(2 * BURST, 0, false, 1, BURST);
  state.solicit();
  return state;
}

test.each([
  ["another tag", { tag: 99 }, /another R2T/],
  ["no tag", { tag: RESERVED_TAG }, /another R2T/],
  ["another offset", { offset: 512 }, /offset 512 instead of 0/],
  ["too much", { length: BURST + 1 }, /4097 bytes where 4096 are left/],
  ["an early end", { length: 512 }, /ends early/],
  ["no end", { final: false }, /not marked/],
])("an initiator that sends %s is told so", (_name, lie, problem) => {
  const right = { tag: 1 << 16, dataSN: 0, offset: 0, length: BURST, final: true };
  expect(solicited().judge(right)).toBeUndefined();
  expect(solicited().judge({ ...right, ...lie })).toMatch(problem);
});

test("lost and unexpected data end their command", () => {
  const right = { tag: 1 << 16, dataSN: 0, offset: 0, length: BURST, final: true };
  expect(solicited().judge({ ...right, dataSN: 1 })).toMatchObject({ asc: 0x47, ascq: 0x05 });
  const idle = new DataOut();
  idle.begin(BURST, 0, false, 1, BURST);
  expect(idle.judge({ ...right, tag: RESERVED_TAG })).toMatchObject({ asc: 0x0c, ascq: 0x0c });
});
