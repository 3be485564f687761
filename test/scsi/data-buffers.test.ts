import { expect, test } from "vitest";
import { SharedMemory } from "../../src/core/shared-memory.ts";
import { DataBuffers } from "../../src/scsi/data-buffers.ts";

const MIB = 1 << 20;
/** As many buffers of 1 MiB as there may be. */
const MOST = 256;

test("buffers that lie idle in one size do not keep another size from being had", () => {
  const buffers = new DataBuffers(new SharedMemory());
  const taken = Array.from({ length: MOST }, () => buffers.take(MIB));
  expect(taken).not.toContain(0);
  expect(new Set(taken).size).toBe(MOST);
  expect(buffers.take(4096)).toBe(0);
  for (const address of taken) buffers.give(address, MIB);
  const small = buffers.take(4096);
  expect(small).not.toBe(0);
  expect(buffers.inUse).toBe(1);
  // All the rest can be had again.
  expect(Array.from({ length: MOST - 1 }, () => buffers.take(MIB))).not.toContain(0);
  expect(buffers.take(MIB)).toBe(0);
});

test("a buffer that is given back is the next one of its size", () => {
  const buffers = new DataBuffers(new SharedMemory());
  const address = buffers.take(5000);
  buffers.give(address, buffers.sizeFor(5000));
  expect(buffers.take(8192)).toBe(address);
});
