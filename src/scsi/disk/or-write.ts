import { STATUS_BUSY } from "../../abi/scsi.ts";
import { checkCondition, DATA_PHASE_ERROR, endWith, good } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { type Blocks, bytesIn } from "../units.ts";
import { blockCount, blocksFit, firstBlock } from "./block-range.ts";
import type { Disk } from "./disk.ts";
import { type Ending, PIECE, StoreSequence } from "./store-sequence.ts";

/** Each piece is read behind the data-out, which is laid over it and written. The blocks are this command's alone. */
class OrWrite extends StoreSequence {
  #done = 0;
  #piece = 0;
  #isRead = false;

  constructor(disk: Disk, task: ScsiTask, first: Blocks, count: Blocks) {
    super(disk, task, first, count, true);
  }

  protected step(): number | Ending {
    const { buffer, memory } = this.task;
    const found = buffer + this.length;
    const data = buffer + this.#done;
    const offset = this.offset + this.#done;
    if (!this.#isRead) {
      if (this.#done === this.length) return this.finish();
      this.#isRead = true;
      this.#piece = Math.min(PIECE, this.length - this.#done);
      return this.read(offset, found, this.#piece);
    }
    this.#isRead = false;
    this.#done += this.#piece;
    const { u8 } = memory;
    for (let at = 0; at < this.#piece; at++) u8[data + at] = (u8[data + at] ?? 0) | (u8[found + at] ?? 0);
    return this.write(offset, data, this.#piece);
  }
}

/** ORWRITE(16): set operation. [SBC-4] 5.14. */
export function orWrite(disk: Disk, task: ScsiTask): void {
  const first = firstBlock(task);
  const count = blockCount(task);
  if (!blocksFit(disk, task, first, count)) return;
  const length = bytesIn(count, disk.medium.blockSize);
  task.dataOutCount = length;
  if (count === 0) return good(task);
  if (task.dataOutLength < length) return checkCondition(task, DATA_PHASE_ERROR);
  if (task.reserve(task.dataOutLength + Math.min(PIECE, length)) === 0) return endWith(task, STATUS_BUSY);
  disk.statistics.wrote(task, count, disk.medium.blockSize);
  new OrWrite(disk, task, first, count).begin();
}
