import { OPERATION_OTHER } from "../../abi/records.ts";
import { STATUS_BUSY, WRITE_AND_VERIFY_10 } from "../../abi/scsi.ts";
import type { Drive } from "../drive.ts";
import { checkCondition, DATA_PHASE_ERROR, endWith, good, INVALID_FIELD_IN_CDB, LBA_OUT_OF_RANGE } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16, cdb32 } from "../task-access.ts";
import { type Blocks, type Bytes, blocks, bytesIn, wholeBlocks } from "../units.ts";
import type { Disk } from "./disk.ts";
import { MAXIMUM_TRANSFER_BYTES } from "./limits.ts";

const FUA = 0x08;
const TWO_TO_32 = 0x1_0000_0000;

// Group code, the top three bits of an operation code: it tells the length of the CDB. [SPC-4] 4.2.5.1.
const GROUP_CDB_6 = 0;
const GROUP_CDB_16 = 4;
const GROUP_CDB_12 = 5;
/** TRANSFER LENGTH 0 of READ(6) and WRITE(6). [SBC-3] 5.8. */
const BLOCKS_OF_ZERO_6 = 256;

function group(task: ScsiTask): number {
  return cdb8(task, 0) >> 5;
}

/** First block of the command, as a number below 2^53, or beyond every disk. */
function firstBlock(task: ScsiTask): Blocks {
  if (task.operation !== OPERATION_OTHER) return blocks(task.lbaHigh * TWO_TO_32 + task.lbaLow);
  switch (group(task)) {
    case GROUP_CDB_6:
      return blocks(((cdb8(task, 1) & 0x1f) << 16) | cdb16(task, 2));
    case GROUP_CDB_16:
      return blocks(cdb32(task, 2) * TWO_TO_32 + cdb32(task, 6));
    default:
      return blocks(cdb32(task, 2));
  }
}

/** Blocks of the command: decoded by the port's core, or from the CDB. */
function blockCount(task: ScsiTask): Blocks {
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

/** Ends the task and returns false when the blocks are not all there, or too many. [SBC-3] 6.6.4. */
export function blocksFit({ medium }: Drive, task: ScsiTask, first: Blocks, count: Blocks): boolean {
  if (!medium.holds(first, count)) checkCondition(task, LBA_OUT_OF_RANGE);
  else if (bytesIn(count, medium.blockSize) > MAXIMUM_TRANSFER_BYTES) checkCondition(task, INVALID_FIELD_IN_CDB);
  else return true;
  return false;
}

/** READ(6), (10), (12), (16). [SBC-3] 5.8 to 5.11. */
export function read(drive: Drive, task: ScsiTask) {
  readBlocks(drive, task, firstBlock(task), blockCount(task));
}

/** Reads blocks to data-in, or ends the task with what is wrong with them. */
export function readBlocks(drive: Drive, task: ScsiTask, first: Blocks, count: Blocks) {
  if (!blocksFit(drive, task, first, count)) return;
  if (count === 0) return good(task);
  const { store, blockSize } = drive.medium;
  const length = bytesIn(count, blockSize);
  const address = task.reserve(length);
  if (address === 0) return endWith(task, STATUS_BUSY);
  drive.statistics.read(task, count, length);
  const transfer = drive.transfers.take(task, "read", length);
  transfer.settle(store.read(bytesIn(first, blockSize), address, length, transfer));
}

/** WRITE(6), (10), (12), (16), WRITE AND VERIFY(10). [SBC-3] 5.34 to 5.37. */
export function write(disk: Disk, task: ScsiTask) {
  const first = firstBlock(task);
  const count = blockCount(task);
  if (!blocksFit(disk, task, first, count)) return;
  task.dataOutCount = bytesIn(count, disk.medium.blockSize);
  const length = dataOutPresent(disk, task, task.dataOutCount);
  if (length === 0) return good(task);
  disk.statistics.wrote(task, count, length);
  const transfer = disk.transfers.take(task, "write", length);
  const offset = bytesIn(first, disk.medium.blockSize);
  transfer.settle(disk.medium.store.write(offset, task.buffer, length, isDurable(disk, task), transfer));
}

/**
 * Bytes to write: an initiator that sent less than its CDB asks for has its whole blocks written, and the port tells it
 * how much was missing (dataOutCount says what was asked for). [SRP] r16a 6.9.
 */
function dataOutPresent({ medium: { blockSize } }: Disk, { dataOutLength }: ScsiTask, wanted: number): Bytes {
  return bytesIn(wholeBlocks(Math.min(dataOutLength, wanted), blockSize), blockSize);
}

/** Verifying a write means that the medium has it: stable storage, as with FUA. WRITE(6) has no FUA bit. */
function isDurable({ writeCacheEnabled }: Disk, task: ScsiTask): boolean {
  if (!writeCacheEnabled || cdb8(task, 0) === WRITE_AND_VERIFY_10) return true;
  return group(task) !== GROUP_CDB_6 && (cdb8(task, 1) & FUA) !== 0;
}

/** VERIFY(10), (16): reads the blocks; with BYTCHK 01b compares them with data-out. [SBC-3] 5.30, 5.32. */
export function verify(disk: Disk, task: ScsiTask) {
  const first = firstBlock(task);
  const count = blockCount(task);
  const byteCheck = (cdb8(task, 1) >> 1) & 3;
  if (byteCheck > 1) return checkCondition(task, INVALID_FIELD_IN_CDB);
  if (!blocksFit(disk, task, first, count)) return;
  if (count === 0) return good(task);
  const length = bytesIn(count, disk.medium.blockSize);
  const compared = byteCheck === 1 ? length : 0;
  task.dataOutCount = compared;
  // A comparison with less than all of it could only answer wrongly.
  if (task.dataOutLength < compared) return checkCondition(task, DATA_PHASE_ERROR);
  const address = task.reserve(compared + length);
  if (address === 0) return endWith(task, STATUS_BUSY);
  const transfer = disk.transfers.take(task, "verify", compared);
  transfer.settle(disk.medium.store.read(bytesIn(first, disk.medium.blockSize), address + compared, length, transfer));
}

/** SYNCHRONIZE CACHE(10), (16): the whole cache, whatever the range. IMMED is not used: GOOD means it is done. */
export function synchronizeCache(disk: Disk, task: ScsiTask) {
  const first = firstBlock(task);
  const count = blockCount(task);
  if (!disk.medium.holds(first, count)) return checkCondition(task, LBA_OUT_OF_RANGE);
  const transfer = disk.transfers.take(task, "flush", 0);
  transfer.settle(disk.medium.store.flush(transfer));
}
