import { STATUS_BUSY } from "../../abi/scsi.ts";
import {
  checkCondition,
  endWith,
  good,
  INVALID_FIELD_IN_CDB,
  invalidField,
  MISCOMPARE_DURING_VERIFY,
} from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8 } from "../task-access.ts";
import { type Blocks, blocks, bytesIn } from "../units.ts";
import { blocksFit, firstBlock } from "./block-range.ts";
import type { Disk } from "./disk.ts";
import { blockLimits } from "./limits.ts";
import { type Ending, firstDifference, StoreSequence } from "./store-sequence.ts";

const NUMBER_OF_LOGICAL_BLOCKS = 13;

/**
 * The first half of the data-out is compared with the medium, the second half written if they are alike. The blocks are
 * this command's alone from the comparison to the end of the write. [SBC-4] 5.4.
 */
class CompareAndWrite extends StoreSequence {
  #next: "read" | "compare" | "finish" = "read";

  constructor(disk: Disk, task: ScsiTask, first: Blocks, count: Blocks) {
    super(disk, task, first, count, true);
  }

  protected step(): number | Ending {
    const { buffer, memory } = this.task;
    const found = buffer + 2 * this.length;
    if (this.#next === "read") {
      this.#next = "compare";
      return this.read(this.offset, found, this.length);
    }
    if (this.#next === "finish") return this.finish();
    this.#next = "finish";
    const difference = firstDifference(memory.u8, buffer, found, this.length);
    if (difference < 0) return this.write(this.offset, buffer + this.length, this.length);
    return (task) => checkCondition(task, MISCOMPARE_DURING_VERIFY, { information: difference });
  }
}

/** COMPARE AND WRITE. [SBC-4] 5.4. A miscompare tells the offset of the first byte that differs, and writes nothing. */
export function compareAndWrite(disk: Disk, task: ScsiTask): void {
  const { medium } = disk;
  const first = firstBlock(task);
  const count = blocks(cdb8(task, NUMBER_OF_LOGICAL_BLOCKS));
  if (count > blockLimits(disk).maximumCompareAndWrite) return invalidField(task, NUMBER_OF_LOGICAL_BLOCKS);
  if (!blocksFit(disk, task, first, count)) return;
  const length = bytesIn(count, medium.blockSize);
  task.dataOutCount = 2 * length;
  // Another length means that the initiator and the disk do not mean the same halves: 256 blocks are 0 in the CDB.
  if (task.dataOutLength !== task.dataOutCount) return checkCondition(task, INVALID_FIELD_IN_CDB);
  if (count === 0) return good(task);
  if (task.reserve(3 * length) === 0) return endWith(task, STATUS_BUSY);
  disk.statistics.wrote(task, count, medium.blockSize);
  new CompareAndWrite(disk, task, first, count).begin();
}
