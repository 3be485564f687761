import { checkCondition, DATA_PHASE_ERROR, good, invalidField } from "../../sense.ts";
import type { ScsiTask } from "../../task.ts";
import { cdb16 } from "../../task-access.ts";
import { type Blocks, blocks, bytesIn } from "../../units.ts";
import { blocksFit, firstBlock } from "../block-range.ts";
import type { Disk } from "../disk.ts";
import { mediumName } from "../erase/erasing.ts";
import { blockLimits } from "../limits.ts";
import { type Ending, StoreSequence } from "../store-sequence.ts";
import { encodeIntent, INTENT_NAME, NO_INTENT } from "./intent.ts";

const LOGICAL_BLOCK_ADDRESS = 2;
const ATOMIC_BOUNDARY = 10;
const TRANSFER_LENGTH = 12;

/**
 * Keeps the data aside, writes them, and forgets them when the medium has them: the daemon's end, or the machine's, in
 * the middle is made good at the next start. The state keeps one intent, so the whole medium is claimed.
 */
class AtomicWrite extends StoreSequence {
  readonly #at: number;
  readonly #bytes: number;
  #next: "keep" | "flush" | "forget" = "keep";

  constructor(disk: Disk, task: ScsiTask, first: Blocks, count: Blocks) {
    super(disk, task, blocks(0), disk.medium.blockCount, true);
    this.#at = bytesIn(first, disk.medium.blockSize);
    this.#bytes = bytesIn(count, disk.medium.blockSize);
  }

  protected step(): number | Ending {
    const { buffer, memory } = this.task;
    if (this.#next === "keep") {
      this.#next = "flush";
      const data = memory.u8.slice(buffer, buffer + this.#bytes);
      this.disk.state?.save(INTENT_NAME, encodeIntent({ medium: mediumName(this.medium), offset: this.#at, data }));
      return this.write(this.#at, buffer, this.#bytes);
    }
    if (this.#next === "flush") {
      this.#next = "forget";
      return this.flush();
    }
    this.disk.state?.save(INTENT_NAME, NO_INTENT);
    return good;
  }
}

/** WRITE ATOMIC(16). [SBC-4] 5.48, 4.29: all of the blocks are written, or none, whatever happens meanwhile. */
export function writeAtomic(disk: Disk, task: ScsiTask): void {
  const first = firstBlock(task);
  const count = blocks(cdb16(task, TRANSFER_LENGTH));
  if (!blocksFit(disk, task, first, count)) return;
  const { maximumAtomicTransfer, atomicAlignment, atomicGranularity } = blockLimits(disk);
  if (count > maximumAtomicTransfer || !isMultiple(count, atomicGranularity))
    return invalidField(task, TRANSFER_LENGTH);
  if (!isMultiple(first, atomicAlignment)) return invalidField(task, LOGICAL_BLOCK_ADDRESS);
  if (cdb16(task, ATOMIC_BOUNDARY) !== 0) return invalidField(task, ATOMIC_BOUNDARY);
  task.dataOutCount = bytesIn(count, disk.medium.blockSize);
  if (count === 0) return good(task);
  // Less than all of it is what this command is there to prevent.
  if (task.dataOutLength < task.dataOutCount) return checkCondition(task, DATA_PHASE_ERROR);
  disk.statistics.wrote(task, count, disk.medium.blockSize);
  new AtomicWrite(disk, task, first, count).begin();
}

/** @param unit 0 when there is none to keep to */
function isMultiple(count: Blocks, unit: Blocks): boolean {
  return unit === 0 || count % unit === 0;
}
