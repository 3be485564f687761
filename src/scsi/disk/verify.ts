import { STATUS_BUSY } from "../../abi/scsi.ts";
import { checkCondition, DATA_PHASE_ERROR, endWith, good, invalidField, MISCOMPARE_DURING_VERIFY } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8 } from "../task-access.ts";
import { type Blocks, bytesIn, wholeBlocks } from "../units.ts";
import { blockCount, blocksFit, firstBlock } from "./block-range.ts";
import type { Disk } from "./disk.ts";
import { type Ending, firstDifference, PIECE, StoreSequence } from "./store-sequence.ts";
import { dataOutPresent } from "./transfer.ts";

// BYTCHK. [SBC-4] 5.36.
const BYTE_CHECK_NONE = 0;
const BYTE_CHECK_ALL = 1;
const BYTE_CHECK_ONE_BLOCK = 3;
const BYTE_CHECK_BYTE = 1;
const BYTE_CHECK_BIT = 2;

function byteCheckOf(task: ScsiTask): number {
  return (cdb8(task, BYTE_CHECK_BYTE) >> 1) & 3;
}

/** Reads the blocks in pieces, behind the data-out, and compares them with it; may write it first. */
class Verification extends StoreSequence {
  readonly #byteCheck: number;
  #next: "write first" | "flush" | "compare";
  /** Bytes of data-out, after which the piece is read. */
  readonly #dataOut: number;
  #done = 0;
  #piece = 0;

  constructor(
    disk: Disk,
    task: ScsiTask,
    first: Blocks,
    count: Blocks,
    byteCheck: number,
    begin: "write first" | "compare",
  ) {
    super(disk, task, first, count);
    this.#byteCheck = byteCheck;
    this.#next = begin;
    this.#dataOut = task.dataOutLength;
  }

  protected step(): number | Ending {
    if (this.#next === "write first") {
      this.#next = "flush";
      return this.write(this.offset, this.task.buffer, this.length);
    }
    if (this.#next === "flush") {
      this.#next = "compare";
      return this.flush();
    }
    if (!this.#isEqual()) return miscompare;
    this.#done += this.#piece;
    if (this.#done === this.length) return good;
    this.#piece = Math.min(PIECE, this.length - this.#done);
    return this.read(this.offset + this.#done, this.task.buffer + this.#dataOut, this.#piece);
  }

  /** Compares the piece that has been read. */
  #isEqual(): boolean {
    const { buffer, memory } = this.task;
    const read = buffer + this.#dataOut;
    if (this.#byteCheck === BYTE_CHECK_ALL)
      return firstDifference(memory.u8, buffer + this.#done, read, this.#piece) < 0;
    if (this.#byteCheck === BYTE_CHECK_NONE) return true;
    const { blockSize } = this.medium;
    for (let at = 0; at < this.#piece; at += blockSize)
      if (firstDifference(memory.u8, buffer, read + at, blockSize) >= 0) return false;
    return true;
  }
}

function miscompare(task: ScsiTask): void {
  checkCondition(task, MISCOMPARE_DURING_VERIFY);
}

/** VERIFY(10), (12), (16): reads the blocks; BYTCHK has them compared with data-out. [SBC-4] 5.36 to 5.38. */
export function verify(disk: Disk, task: ScsiTask): void {
  const first = firstBlock(task);
  const count = blockCount(task);
  const byteCheck = byteCheckOf(task);
  if (byteCheck === 2) return invalidField(task, BYTE_CHECK_BYTE, BYTE_CHECK_BIT);
  if (!blocksFit(disk, task, first, count)) return;
  if (count === 0) return good(task);
  const { blockSize } = disk.medium;
  task.dataOutCount =
    { [BYTE_CHECK_ALL]: bytesIn(count, blockSize), [BYTE_CHECK_ONE_BLOCK]: blockSize }[byteCheck] ?? 0;
  // A comparison with less than all of it could only answer wrongly.
  if (task.dataOutLength < task.dataOutCount) return checkCondition(task, DATA_PHASE_ERROR);
  if (!reservePiece(disk, task, count)) return;
  disk.statistics.read(task, count, blockSize);
  new Verification(disk, task, first, count, byteCheck, "compare").begin();
}

/** Room for a piece behind the data-out. @returns false when there is none, and the task has ended with BUSY */
function reservePiece({ medium: { blockSize } }: Disk, task: ScsiTask, count: Blocks): boolean {
  const enough = task.reserve(task.dataOutLength + Math.min(PIECE, bytesIn(count, blockSize))) !== 0;
  if (!enough) endWith(task, STATUS_BUSY);
  return enough;
}

/**
 * WRITE AND VERIFY(10), (12), (16): what was written is brought to stable storage before it is read back. As after every
 * write, the whole blocks of a data-out that is too short are written. [SBC-4] 5.44 to 5.46.
 */
export function writeAndVerify(disk: Disk, task: ScsiTask): void {
  const first = firstBlock(task);
  const count = blockCount(task);
  const byteCheck = byteCheckOf(task);
  if (byteCheck > BYTE_CHECK_ALL) return invalidField(task, BYTE_CHECK_BYTE, BYTE_CHECK_BIT);
  if (!blocksFit(disk, task, first, count)) return;
  const { blockSize } = disk.medium;
  task.dataOutCount = bytesIn(count, blockSize);
  const present = wholeBlocks(dataOutPresent(disk, task), blockSize);
  if (present === 0) return good(task);
  if (!reservePiece(disk, task, present)) return;
  disk.statistics.wrote(task, present, blockSize);
  new Verification(disk, task, first, present, byteCheck, "write first").begin();
}
