import fc from "fast-check";
import { expect, test } from "vitest";
import { UnflushedWrites } from "../../../src/backends/nbd/unflushed-writes.ts";

const SECTOR = 512;
/** Of the export, in sectors: several pages of what is kept together. */
const SIZE = 40;
const extent = fc
  .tuple(fc.nat(SIZE - 1), fc.integer({ min: 1, max: SIZE }))
  .map(([first, count]) => ({ first, count: Math.min(count, SIZE - first) }));
const step = fc.record({ kind: fc.constantFrom("write", "zero", "durable", "mark", "flush"), extent });

/** A disk by sectors, each of which holds a number: what is on stable storage, and what the initiator was told it holds. */
class Model {
  readonly kept = new UnflushedWrites();
  readonly told = new Uint16Array(SIZE);
  readonly stable = new Uint16Array(SIZE);
  #value = 0;
  /** A flush under way: its mark, and what was told when it began. */
  #flush: { mark: number; told: Uint16Array } | undefined;
  /** Sectors that FUA has written since then. */
  #since = new Set<number>();

  act(kind: string, { first, count }: { first: number; count: number }): void {
    if (kind === "mark") {
      this.#flush = { mark: this.kept.mark(), told: this.told.slice() };
      this.#since.clear();
    } else if (kind === "flush") {
      if (this.#flush !== undefined) this.#flushed(this.#flush);
      this.#flush = undefined;
    } else {
      this.#write(kind, first, count);
    }
  }

  /** What a server has that had what is on stable storage only, and was sent what is kept; and what each region held before. */
  sentAgain(): Uint16Array {
    const disk = this.stable.slice();
    for (const { offset, length, data } of this.kept.regions()) {
      expect([offset % SECTOR, length % SECTOR]).toEqual([0, 0]);
      expect(data?.length ?? length).toBe(length);
      for (let done = 0; done < length; done += SECTOR) disk[(offset + done) / SECTOR] = data?.readUInt16LE(done) ?? 0;
    }
    return disk;
  }

  #write(kind: string, first: number, count: number): void {
    const value = kind === "zero" ? 0 : ++this.#value;
    this.told.fill(value, first, first + count);
    const [offset, length] = [first * SECTOR, count * SECTOR];
    if (kind !== "durable") return this.kept.add(offset, length, kind === "zero" ? undefined : filled(value, length));
    this.stable.fill(value, first, first + count);
    this.kept.superseded(offset, length);
    for (let sector = first; sector < first + count; sector++) this.#since.add(sector);
  }

  #flushed({ mark, told }: { mark: number; told: Uint16Array }): void {
    this.kept.flushed(mark);
    for (let sector = 0; sector < SIZE; sector++) if (!this.#since.has(sector)) this.stable[sector] = told[sector] ?? 0;
  }
}

/** Each sector of it begins with the value. */
function filled(value: number, length: number): Buffer {
  const data = Buffer.alloc(length);
  for (let at = 0; at < length; at += SECTOR) data.writeUInt16LE(value, at);
  return data;
}

test("sent again to a server that has lost its cache, they make what the initiator was told", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const model = new Model();
      for (const { kind, extent } of steps) {
        model.act(kind, extent);
        expect(model.sentAgain()).toEqual(model.told);
      }
    }),
    { numRuns: 1000 },
  );
});

test("no byte of them is older than one on stable storage, also while they are being sent", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), extent, (steps, durable) => {
      const model = new Model();
      for (const { kind, extent } of steps) model.act(kind, extent);
      model.act("durable", durable);
      const [from, to] = [durable.first * SECTOR, (durable.first + durable.count) * SECTOR];
      for (const { offset, length } of model.kept.regions()) expect(offset >= to || offset + length <= from).toBe(true);
    }),
  );
});

test("neighbours are sent together, as much as a region may have", () => {
  const kept = new UnflushedWrites();
  const data = Buffer.alloc(0x30_0000, "some text ");
  kept.add(4096, data.length, data);
  kept.add(0, 4096, data.subarray(0, 4096));
  kept.add(0x1000_0000, 512, data.subarray(0, 512));
  const regions = [...kept.regions()];
  expect(regions.map(({ offset, length }) => [offset, length])).toEqual([
    [0, 0x10_0000],
    [0x10_0000, 0x10_0000],
    [0x20_0000, 0x10_0000],
    [0x30_0000, 4096],
    [0x1000_0000, 512],
  ]);
  expect(Buffer.concat(regions.slice(0, 4).map(({ data }) => data ?? Buffer.alloc(0)))).toEqual(
    Buffer.concat([data.subarray(0, 4096), data]),
  );
});

test("so much of them makes a flush due, written over again it does not", () => {
  const kept = new UnflushedWrites();
  const data = Buffer.alloc(0x10_0000);
  for (let count = 0; count < 200; count++) kept.add((count % 60) * data.length, data.length, data);
  expect([kept.flushDue, kept.isFull]).toEqual([false, false]);
  for (let count = 0; count < 64; count++) kept.add(count * data.length, data.length, data);
  expect([kept.flushDue, kept.isFull]).toEqual([true, false]);
  for (let count = 0; count < 128; count++) kept.add(count * data.length, data.length, data);
  expect([kept.flushDue, kept.isFull]).toEqual([true, true]);
  const mark = kept.mark();
  kept.add(0, 512, data.subarray(0, 512));
  kept.flushed(mark);
  expect([kept.flushDue, [...kept.regions()].map(({ offset }) => offset)]).toEqual([false, [0]]);
});

test("so many ranges of zeros do, too", () => {
  const kept = new UnflushedWrites();
  for (let count = 0; count < 5000; count++) kept.add(0, 512, undefined);
  expect(kept.flushDue).toBe(false);
  for (let count = 0; count < 1024; count++) kept.add(count * 1024, 512, undefined);
  expect([kept.flushDue, kept.isFull]).toEqual([true, false]);
  kept.flushed(kept.mark());
  expect([kept.flushDue, kept.isEmpty]).toEqual([false, true]);
});
