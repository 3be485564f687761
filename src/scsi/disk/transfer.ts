import { OPERATION_OTHER } from "../../abi/records.ts";
import { STATUS_BUSY, WRITE_AND_VERIFY_10 } from "../../abi/scsi.ts";
import { checkCondition, DATA_PHASE_ERROR, endWith, good, INVALID_FIELD_IN_CDB, LBA_OUT_OF_RANGE } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16, cdb32 } from "../task-access.ts";
import type { Disk } from "./disk.ts";

/** Longest single transfer, told in VPD page B0: 16 MiB. */
export const MAXIMUM_TRANSFER_BYTES = 0x100_0000;
const FUA = 0x08;
const TWO_TO_32 = 0x1_0000_0000;
const OPCODE_GROUP_6 = 0;
const OPCODE_GROUP_16 = 4;

/** First block of the command, as a number below 2^53, or beyond every disk. */
function firstBlock(task: ScsiTask): number {
  if (task.operation !== OPERATION_OTHER) return task.lbaHigh * TWO_TO_32 + task.lbaLow;
  return cdb8(task, 0) >> 5 === OPCODE_GROUP_16 ? cdb32(task, 2) * TWO_TO_32 + cdb32(task, 6) : cdb32(task, 2);
}

/** Blocks of the command: decoded by the port's core, or from a 10- or 16-byte CDB. */
function blockCount(task: ScsiTask): number {
  if (task.operation !== OPERATION_OTHER) return task.blocks;
  return cdb8(task, 0) >> 5 === OPCODE_GROUP_16 ? cdb32(task, 10) : cdb16(task, 7);
}

/** Ends the task and returns false when the blocks are not all there, or too many. [SBC-3] 4.4, 6.6.4. */
function blocksFit(disk: Disk, task: ScsiTask, first: number, count: number): boolean {
  // Written so that no sum can lose precision.
  if (first > disk.blockCount || count > disk.blockCount - first) checkCondition(task, LBA_OUT_OF_RANGE);
  else if (count * disk.blockSize > MAXIMUM_TRANSFER_BYTES) checkCondition(task, INVALID_FIELD_IN_CDB);
  else return true;
  return false;
}

/** READ(6), (10), (12), (16). [SBC-3] 5.8 to 5.11. */
export function read(disk: Disk, task: ScsiTask): void {
  const first = firstBlock(task);
  const count = blockCount(task);
  if (!blocksFit(disk, task, first, count)) return;
  if (count === 0) return good(task);
  const length = count * disk.blockSize;
  const address = task.reserve(length);
  if (address === 0) return endWith(task, STATUS_BUSY);
  const transfer = disk.transfers.take(task, "read", length);
  transfer.settle(disk.store.read(first * disk.blockSize, address, length, transfer));
}

/** WRITE(6), (10), (12), (16), WRITE AND VERIFY(10). [SBC-3] 5.34 to 5.37. */
export function write(disk: Disk, task: ScsiTask): void {
  const first = firstBlock(task);
  const count = blockCount(task);
  if (!blocksFit(disk, task, first, count)) return;
  if (count === 0) return good(task);
  const length = count * disk.blockSize;
  // The initiator promised less than its own CDB asks for: nothing is written, rather than a part.
  if (task.dataOutLength < length) return checkCondition(task, DATA_PHASE_ERROR);
  task.dataOutCount = length;
  const opcode = cdb8(task, 0);
  // Verifying a write means that the medium has it: stable storage, as with FUA. READ(6)/WRITE(6) have no FUA bit.
  const durable = opcode === WRITE_AND_VERIFY_10 || (opcode >> 5 !== OPCODE_GROUP_6 && (cdb8(task, 1) & FUA) !== 0);
  const transfer = disk.transfers.take(task, "write", length);
  transfer.settle(disk.store.write(first * disk.blockSize, task.buffer, length, durable, transfer));
}

/** VERIFY(10), (16): reads the blocks; with BYTCHK 01b compares them with data-out. [SBC-3] 5.30, 5.32. */
export function verify(disk: Disk, task: ScsiTask): void {
  const first = firstBlock(task);
  const count = blockCount(task);
  const byteCheck = (cdb8(task, 1) >> 1) & 3;
  if (byteCheck > 1) return checkCondition(task, INVALID_FIELD_IN_CDB);
  if (!blocksFit(disk, task, first, count)) return;
  if (count === 0) return good(task);
  const length = count * disk.blockSize;
  const compared = byteCheck === 1 ? length : 0;
  if (task.dataOutLength < compared) return checkCondition(task, DATA_PHASE_ERROR);
  const address = task.reserve(compared + length);
  if (address === 0) return endWith(task, STATUS_BUSY);
  const transfer = disk.transfers.take(task, "verify", compared);
  transfer.settle(disk.store.read(first * disk.blockSize, address + compared, length, transfer));
}

/** SYNCHRONIZE CACHE(10), (16): the whole cache, whatever the range. IMMED is not used: GOOD means it is done. */
export function synchronizeCache(disk: Disk, task: ScsiTask): void {
  const first = firstBlock(task);
  const count = blockCount(task);
  if (first > disk.blockCount || count > disk.blockCount - first) return checkCondition(task, LBA_OUT_OF_RANGE);
  const transfer = disk.transfers.take(task, "flush", 0);
  transfer.settle(disk.store.flush(transfer));
}
