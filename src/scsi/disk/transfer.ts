import { STATUS_BUSY } from "../../abi/scsi.ts";
import { type BlockStore, STORE_PENDING } from "../block-store.ts";
import type { Drive } from "../drive.ts";
import { checkCondition, endWith, good, LBA_OUT_OF_RANGE } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8 } from "../task-access.ts";
import { type Blocks, type Bytes, bytesIn, wholeBlocks } from "../units.ts";
import { blockCount, blocksFit, firstBlock, GROUP_CDB_6, group } from "./block-range.ts";
import type { Disk } from "./disk.ts";
import { postpone } from "./postponed.ts";

const FUA = 0x08;

/** READ(6), (10), (12), (16). [SBC-3] 5.8 to 5.11. */
export function read(drive: Drive, task: ScsiTask) {
  readBlocks(drive, task, firstBlock(task), blockCount(task));
}

/** Reads blocks to data-in, or ends the task with what is wrong with them. */
export function readBlocks(drive: Drive, task: ScsiTask, first: Blocks, count: Blocks): void {
  if (!blocksFit(drive, task, first, count)) return;
  if (count === 0) return good(task);
  if (drive.transfers.mustWait(task, first, count)) return postpone(drive, task, first, count, readBlocks);
  const { store, blockSize } = drive.medium;
  const length = bytesIn(count, blockSize);
  const offset = bytesIn(first, blockSize);
  let result = readInPlace(store, task, offset, length);
  if (result === STORE_PENDING && task.reserve(length) === 0) return endWith(task, STATUS_BUSY);
  drive.statistics.read(task, count, blockSize);
  const transfer = drive.transfers.take(task, "read", length, first, count);
  if (result === STORE_PENDING) result = store.read(offset, task.buffer, length, transfer);
  transfer.settle(result);
}

/** Reads straight to the initiator's memory, without a copy: @returns STORE_PENDING when that can't be done at once */
function readInPlace(store: BlockStore, task: ScsiTask, offset: Bytes, length: Bytes): number {
  if (store.readNow === undefined) return STORE_PENDING;
  const address = task.placeInitiatorBuffer?.(length) ?? 0;
  return address === 0 ? STORE_PENDING : store.readNow(offset, address, length);
}

/** WRITE(6), (10), (12), (16). [SBC-3] 5.34 to 5.37. */
export function write(disk: Disk, task: ScsiTask): void {
  writeBlocks(disk, task, firstBlock(task), blockCount(task));
}

function writeBlocks(disk: Disk, task: ScsiTask, first: Blocks, count: Blocks): void {
  if (!blocksFit(disk, task, first, count)) return;
  const { store, blockSize } = disk.medium;
  task.dataOutCount = bytesIn(count, blockSize);
  const length = dataOutPresent(disk, task);
  if (length === 0) return good(task);
  if (disk.transfers.mustWait(task, first, count)) return postpone(disk, task, first, count, writeBlocks);
  disk.statistics.wrote(task, wholeBlocks(length, blockSize), blockSize);
  const transfer = disk.transfers.take(task, "write", length, first, count);
  transfer.settle(store.write(bytesIn(first, blockSize), task.buffer, length, isDurable(disk, task), transfer));
}

/**
 * Bytes to write: an initiator that sent less than its CDB asks for has its whole blocks written, and the port tells it
 * how much was missing (dataOutCount says what was asked for). [SRP] r16a 6.9.
 */
export function dataOutPresent({ medium: { blockSize } }: Disk, { dataOutLength, dataOutCount }: ScsiTask): Bytes {
  return bytesIn(wholeBlocks(Math.min(dataOutLength, dataOutCount), blockSize), blockSize);
}

/** What the command wrote must be on stable storage at its end. WRITE(6) has no FUA bit. */
export function isDurable({ writeCacheEnabled }: Disk, task: ScsiTask): boolean {
  return !writeCacheEnabled || (group(task) !== GROUP_CDB_6 && (cdb8(task, 1) & FUA) !== 0);
}

/**
 * SYNCHRONIZE CACHE(10), (16): the whole cache, whatever the range. IMMED is not used: GOOD means it is done.
 * [SBC-3] 5.22, 5.23.
 */
export function synchronizeCache(disk: Disk, task: ScsiTask): void {
  if (!disk.medium.holds(firstBlock(task), blockCount(task))) return checkCondition(task, LBA_OUT_OF_RANGE);
  const transfer = disk.transfers.take(task, "flush", 0);
  transfer.settle(disk.medium.store.flush(transfer));
}

/**
 * PRE-FETCH(10), (16). [SBC-3] 5.6, 5.7: what is cached is the host's affair, so GOOD (not all blocks fit) and never
 * CONDITION MET.
 */
export function preFetch(disk: Disk, task: ScsiTask): void {
  if (!disk.medium.holds(firstBlock(task), blockCount(task))) return checkCondition(task, LBA_OUT_OF_RANGE);
  good(task);
}
