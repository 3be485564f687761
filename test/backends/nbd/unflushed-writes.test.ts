import fc from "fast-check";
import { expect, test } from "vitest";
import { UnflushedWrites } from "../../../src/backends/nbd/unflushed-writes.ts";

const SIZE = 64;
const extent = fc
  .tuple(fc.nat(SIZE - 1), fc.integer({ min: 1, max: SIZE }))
  .map(([offset, length]) => ({ offset, length: Math.min(length, SIZE - offset) }));
const step = fc.record({ kind: fc.constantFrom("write", "zero", "durable", "mark", "flush"), extent });

/** A disk whose cache is lost in parts: what is durable by byte, and what the initiator was told it holds. */
class Model {
  readonly kept = new UnflushedWrites();
  readonly told = new Uint8Array(SIZE);
  readonly stable = new Uint8Array(SIZE);
  #value = 0;
  /** A flush under way: its mark, and what was told when it began. */
  #flush: { mark: number; told: Uint8Array } | undefined;
  /** Bytes that only FUA has written since the flush under way began. */
  #since = new Set<number>();

  act(kind: string, { offset, length }: { offset: number; length: number }): void {
    if (kind === "mark") {
      this.#flush = { mark: this.kept.mark(), told: this.told.slice() };
      this.#since.clear();
    } else if (kind === "flush") {
      if (this.#flush !== undefined) this.#flushed(this.#flush);
      this.#flush = undefined;
    } else {
      this.#write(kind, offset, new Uint8Array(length).fill(kind === "zero" ? 0 : ++this.#value));
    }
  }

  #write(kind: string, offset: number, data: Uint8Array): void {
    this.told.set(data, offset);
    if (kind !== "durable") return this.kept.add(offset, data.length, kind === "zero" ? undefined : data);
    this.stable.set(data, offset);
    this.kept.superseded(offset, data.length);
    for (let index = 0; index < data.length; index++) this.#since.add(offset + index);
  }

  #flushed({ mark, told }: { mark: number; told: Uint8Array }): void {
    this.kept.flushed(mark);
    for (let index = 0; index < SIZE; index++) if (!this.#since.has(index)) this.stable[index] = told[index] ?? 0;
  }
}

test("sent again to a server that has lost its cache, they make what the initiator was told", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const model = new Model();
      for (const { kind, extent } of steps) model.act(kind, extent);
      const disk = model.stable.slice();
      for (const { offset, length, data } of model.kept.list()) disk.set(data ?? new Uint8Array(length), offset);
      expect(disk).toEqual(model.told);
    }),
    { numRuns: 2000 },
  );
});

test("no byte of them is older than one on stable storage", () => {
  fc.assert(
    fc.property(fc.array(extent, { maxLength: 20 }), extent, (writes, durable) => {
      const kept = new UnflushedWrites();
      for (const { offset, length } of writes) kept.add(offset, length, new Uint8Array(length));
      kept.superseded(durable.offset, durable.length);
      const end = durable.offset + durable.length;
      for (const { offset, length, data } of kept.list()) {
        expect(data?.length).toBe(length);
        expect(offset >= end || offset + length <= durable.offset).toBe(true);
      }
    }),
  );
});

test("copies cross slabs, and what is kept makes a flush due", () => {
  const kept = new UnflushedWrites();
  const data = Buffer.alloc(0x30_0000, "some text ");
  for (let count = 0; count < 10; count++) kept.add(count, data.length, data);
  expect(kept.flushDue).toBe(false);
  kept.add(0, data.length, data);
  expect([kept.flushDue, kept.isFull]).toEqual([true, false]);
  // Superseded copies stay in memory until a flush: they count.
  kept.superseded(0, 0x1000_0000);
  expect([kept.flushDue, kept.isEmpty]).toEqual([true, true]);
  kept.flushed(kept.mark());
  expect(kept.flushDue).toBe(false);
  for (let count = 0; count < 0x1_0000; count++) kept.add(0, 512, undefined);
  expect([kept.flushDue, kept.isFull]).toEqual([true, false]);
});
