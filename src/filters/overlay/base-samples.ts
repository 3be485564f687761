import { createHash } from "node:crypto";
import type { SharedMemory } from "../../core/shared-memory.ts";
import { type BlockStore, STORE_DONE } from "../../scsi/block-store.ts";
import { StoreError, storeResult } from "../store-result.ts";

/** Pieces of the base that are remembered: enough to tell another disk, not every change. */
export const SAMPLE_COUNT = 16;
/** Bytes of a piece. */
const SAMPLE_LENGTH = 4096;
/** Bytes that are kept of its SHA-256. */
export const SAMPLE_DIGEST = 16;

/** Byte of the base where a piece begins: the first one, the last one, and those evenly between. */
export function sampleOffset(index: number, baseSize: number): number {
  const room = Math.max(0, baseSize - SAMPLE_LENGTH);
  return index === SAMPLE_COUNT - 1
    ? room
    : Math.floor((room * index) / (SAMPLE_COUNT - 1) / SAMPLE_LENGTH) * SAMPLE_LENGTH;
}

/** Digests of the pieces, one behind the other. @throws StoreError when the base can't be read */
export async function takeSamples(memory: SharedMemory, base: BlockStore): Promise<Uint8Array> {
  const digests = new Uint8Array(SAMPLE_COUNT * SAMPLE_DIGEST);
  const length = Math.min(SAMPLE_LENGTH, base.size);
  const address = memory.allocate(SAMPLE_LENGTH);
  try {
    for (let index = 0; index < SAMPLE_COUNT; index++) {
      const offset = sampleOffset(index, base.size);
      const result = await storeResult((completion) => base.read(offset, address, length, completion));
      if (result !== STORE_DONE) throw new StoreError(`${base.description}: can't be read at byte ${offset}`, result);
      const digest = createHash("sha256")
        .update(memory.u8.slice(address, address + length))
        .digest();
      digests.set(digest.subarray(0, SAMPLE_DIGEST), index * SAMPLE_DIGEST);
    }
  } finally {
    memory.free(address, SAMPLE_LENGTH);
  }
  return digests;
}

/** Index of the first piece in which two bases differ; -1 when there is none. @param counts whether a piece is compared */
export function firstOtherSample(left: Uint8Array, right: Uint8Array, counts: (index: number) => boolean): number {
  for (let index = 0; index < SAMPLE_COUNT; index++) {
    const at = index * SAMPLE_DIGEST;
    if (counts(index) && Buffer.compare(left.subarray(at, at + SAMPLE_DIGEST), right.subarray(at, at + SAMPLE_DIGEST)))
      return index;
  }
  return -1;
}
