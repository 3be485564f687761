import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SharedMemory } from "../../src/core/shared-memory.ts";
import { DATA_OUT_MAXIMUM, DataOutBuffers } from "../../src/ports/qemu/data-out-buffers.ts";

const LARGEST = 0x4_0000;
const ENTRIES = 512;

function ring(): { waiting: Set<number>; buffers: DataOutBuffers } {
  const waiting = new Set<number>();
  return { waiting, buffers: new DataOutBuffers(new SharedMemory(), ENTRIES, (index) => !waiting.has(index)) };
}

describe("data-out that comes along with entries", () => {
  it("has one buffer for any number of entries that are taken one after the other", () => {
    const { buffers } = ring();
    const addresses = new Set<number>();
    for (let entry = 0; entry < 4 * ENTRIES; entry++) addresses.add(buffers.roomFor(entry % ENTRIES, LARGEST));
    expect(addresses.has(0)).toBe(false);
    expect(addresses.size).toBe(1);
  });

  it("finds none while as much as there may be waits, and finds it again", () => {
    const { buffers, waiting } = ring();
    for (let index = 0; index < DATA_OUT_MAXIMUM / LARGEST; index++) {
      expect(buffers.roomFor(index, LARGEST)).not.toBe(0);
      waiting.add(index);
    }
    expect(buffers.roomFor(300, 1)).toBe(0);
    // In the ring's order.
    waiting.delete(0);
    expect(buffers.roomFor(300, LARGEST)).not.toBe(0);
  });

  it("gives no two waiting entries the same bytes", () => {
    const step = fc.record({ bytes: fc.integer({ min: 1, max: LARGEST }), taken: fc.integer({ min: 0, max: 200 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const { buffers, waiting } = ring();
        const ranges = new Map<number, [number, number]>();
        let [next, oldest] = [0, 0];
        for (const { bytes, taken } of steps) {
          for (let count = 0; count < taken && oldest < next; count++, oldest++) {
            waiting.delete(oldest % ENTRIES);
            ranges.delete(oldest % ENTRIES);
          }
          const address = buffers.roomFor(next % ENTRIES, bytes);
          if (address !== 0) {
            for (const [begin, end] of ranges.values()) expect(address >= end || address + bytes <= begin).toBe(true);
            ranges.set(next % ENTRIES, [address, address + bytes]);
          }
          waiting.add(next++ % ENTRIES);
        }
      }),
      { numRuns: 40 },
    );
  });
});
