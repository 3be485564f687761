import { STATUS_BUSY, WRITE_SAME_16 } from "../../abi/scsi.ts";
import { checkCondition, endWith, good, INVALID_FIELD_IN_CDB, LBA_OUT_OF_RANGE } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8 } from "../task-access.ts";
import { type Blocks, blocks, bytesIn } from "../units.ts";
import { blockCount, blocksFit, firstBlock } from "./block-range.ts";
import { Deallocation } from "./deallocation.ts";
import type { Disk } from "./disk.ts";
import { blockLimits } from "./limits.ts";
import { type Ending, PIECE, StoreSequence } from "./store-sequence.ts";

const UNMAP = 0x08;
const NO_DATA_OUT_BUFFER = 0x01;

/** Writes one block again and again, a piece full of them at a time. */
class WriteSame extends StoreSequence {
  readonly #piece: number;
  #done = 0;

  constructor(disk: Disk, task: ScsiTask, first: Blocks, count: Blocks, piece: number) {
    super(disk, task, first, count);
    this.#piece = piece;
  }

  protected step(): number | Ending {
    if (this.#done === this.length) return this.finish();
    const length = Math.min(this.#piece, this.length - this.#done);
    const offset = this.offset + this.#done;
    this.#done += length;
    return this.write(offset, this.task.buffer, length);
  }
}

/**
 * WRITE SAME(10), (16). [SBC-4] 5.47, 5.48. NUMBER OF LOGICAL BLOCKS 0 means up to the end of the medium. UNMAP lets go
 * of blocks, which then read as zeros, whatever the block holds that comes along: so do the targets of Linux and
 * iscsi-test-cu relies on it, though the standard would have a block that isn't zeros written.
 */
export function writeSame(disk: Disk, task: ScsiTask): void {
  const { medium } = disk;
  const first = firstBlock(task);
  if (first > medium.blockCount) return checkCondition(task, LBA_OUT_OF_RANGE);
  const count = blocks(blockCount(task) || medium.blockCount - first);
  const most = bytesIn(blockLimits(disk).maximumWriteSame, medium.blockSize);
  if (!blocksFit(disk, task, first, count, most)) return;
  const noData = cdb8(task, 0) === WRITE_SAME_16 && (cdb8(task, 1) & NO_DATA_OUT_BUFFER) !== 0;
  task.dataOutCount = noData ? 0 : medium.blockSize;
  // One block, no more and no less: anything else means that initiator and disk do not mean the same block.
  if (task.dataOutLength !== task.dataOutCount) return checkCondition(task, INVALID_FIELD_IN_CDB);
  if (count === 0) return good(task);
  const piece = Math.min(PIECE, bytesIn(count, medium.blockSize));
  if (task.reserve(piece) === 0) return endWith(task, STATUS_BUSY);
  if (noData) task.memory.zero(task.buffer, medium.blockSize);
  disk.statistics.wrote(task, count, medium.blockSize);
  if ((cdb8(task, 1) & UNMAP) !== 0) {
    if (!Deallocation.begin(disk, task, [{ first, count }])) endWith(task, STATUS_BUSY);
    return;
  }
  repeat(task, medium.blockSize, piece);
  new WriteSame(disk, task, first, count, piece).begin();
}

/** Fills a piece of the task's buffer with copies of its first block. */
function repeat({ memory, buffer }: ScsiTask, blockSize: number, piece: number): void {
  for (let at = blockSize; at < piece; at += blockSize) memory.copy(buffer + at, buffer, blockSize);
}
