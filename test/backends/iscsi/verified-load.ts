import { expect } from "vitest";
import type { DeviceAnswer, DeviceCalls } from "../../support/device-calls.ts";

const LANES = 8;
const BLOCK = 512;
const PIECE = 1024;

interface LoadOptions {
  readonly calls: DeviceCalls;
  /** Size of the disk, in blocks. */
  readonly blocks: number;
  readonly operations: number;
  /** Longest transfer, in blocks. */
  readonly most: number;
  readonly seed: number;
}

/**
 * Random reads and writes, eight at a time on regions of their own, compared with an array; in the end the whole disk is. Every
 * command has to be answered, with GOOD or with the unit attention that a new session brings, behind which it is given again.
 * @returns how commands ended, and how often
 */
export async function verifiedLoad({
  calls,
  blocks,
  operations,
  most,
  seed,
}: LoadOptions): Promise<Map<string, number>> {
  const model = Buffer.alloc(blocks * BLOCK);
  const region = Math.floor(blocks / LANES);
  const ends = new Map<string, number>();
  let done = 0;
  const insist = async (operate: () => Promise<DeviceAnswer>, place: string): Promise<DeviceAnswer> => {
    for (;;) {
      const answer = await operate();
      const end = `${answer.outcome} ${answer.status} ${answer.sense}`;
      ends.set(end, (ends.get(end) ?? 0) + 1);
      if (answer.sense.startsWith("06/29/")) continue;
      expect([place, answer.outcome, answer.status, answer.reason]).toEqual([place, "answered", 0, undefined]);
      return answer;
    }
  };
  const check = async (lba: number, count: number, place: string): Promise<void> => {
    const { data } = await insist(() => calls.readBlocks(lba, count), place);
    if (!data.equals(model.subarray(lba * BLOCK, (lba + count) * BLOCK)))
      throw new Error(`${place}: a read is not what was written`);
  };
  const lane = async (index: number): Promise<void> => {
    const next = random(seed + index);
    while (done < operations) {
      const count = 1 + next(most);
      const lba = index * region + next(region - count);
      const place = `seed ${seed}, operation ${++done}, ${lba}+${count}`;
      if (next(2) === 0) {
        await check(lba, count, place);
        continue;
      }
      const slice = model.subarray(lba * BLOCK, (lba + count) * BLOCK);
      slice.fill(next(256));
      slice[next(slice.length)] = next(256);
      const data = Buffer.from(slice);
      await insist(() => calls.writeBlocks(lba, data), place);
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, index) => lane(index)));
  for (let lba = 0; lba < blocks; lba += PIECE) await check(lba, Math.min(PIECE, blocks - lba), "the whole disk");
  return ends;
}

/** A repeatable source of numbers. */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
