import { OPERATION_OTHER } from "../../abi/records.ts";
import type { Drive } from "../drive.ts";
import { checkCondition, INVALID_FIELD_IN_CDB, LBA_OUT_OF_RANGE } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16, cdb32 } from "../task-access.ts";
import { type Blocks, blocks, bytesIn } from "../units.ts";
import { MAXIMUM_TRANSFER_BYTES } from "./limits.ts";

const TWO_TO_32 = 0x1_0000_0000;

// Group code, the top three bits of an operation code: it tells the length of the CDB. [SPC-4] 4.2.5.1.
export const GROUP_CDB_6 = 0;
const GROUP_CDB_16 = 4;
const GROUP_CDB_12 = 5;
/** TRANSFER LENGTH 0 of READ(6) and WRITE(6). [SBC-3] 5.8. */
const BLOCKS_OF_ZERO_6 = 256;

export function group(task: ScsiTask): number {
  return cdb8(task, 0) >> 5;
}

/** An eight-byte field of the CDB as a number below 2^53, or beyond every disk. */
export function cdb64(task: ScsiTask, at: number): number {
  return cdb32(task, at) * TWO_TO_32 + cdb32(task, at + 4);
}

/** First block of the command, as a number below 2^53, or beyond every disk. */
export function firstBlock(task: ScsiTask): Blocks {
  if (task.operation !== OPERATION_OTHER) return blocks(task.lbaHigh * TWO_TO_32 + task.lbaLow);
  switch (group(task)) {
    case GROUP_CDB_6:
      return blocks(((cdb8(task, 1) & 0x1f) << 16) | cdb16(task, 2));
    case GROUP_CDB_16:
      return blocks(cdb64(task, 2));
    default:
      return blocks(cdb32(task, 2));
  }
}

/** Blocks of the command: decoded by the port's core, or from the CDB. */
export function blockCount(task: ScsiTask): Blocks {
  if (task.operation !== OPERATION_OTHER) return blocks(task.blocks);
  switch (group(task)) {
    case GROUP_CDB_6:
      return blocks(cdb8(task, 4) || BLOCKS_OF_ZERO_6);
    case GROUP_CDB_12:
      return blocks(cdb32(task, 6));
    case GROUP_CDB_16:
      return blocks(cdb32(task, 10));
    default:
      return blocks(cdb16(task, 7));
  }
}

/**
 * Ends the task and returns false when the blocks are not all there, or are more than `maximum` bytes. [SBC-3] 6.6.4:
 * the address is judged first.
 */
export function blocksFit(
  { medium }: Drive,
  task: ScsiTask,
  first: Blocks,
  count: Blocks,
  maximum: number = MAXIMUM_TRANSFER_BYTES,
): boolean {
  if (!medium.holds(first, count)) checkCondition(task, LBA_OUT_OF_RANGE);
  else if (bytesIn(count, medium.blockSize) > maximum) checkCondition(task, INVALID_FIELD_IN_CDB);
  else return true;
  return false;
}
