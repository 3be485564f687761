import { STORE_DONE, type StoreExtent } from "../block-store.ts";
import { answerWith, checkCondition, LBA_OUT_OF_RANGE } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb32 } from "../task-access.ts";
import { type Blocks, blocks, bytesIn } from "../units.ts";
import { cdb64 } from "./block-range.ts";
import type { Disk } from "./disk.ts";
import { type Ending, StoreSequence } from "./store-sequence.ts";

const HEADER = 8;
const DESCRIPTOR = 16;
/** PARAMETER DATA LENGTH counts from behind itself. */
const LENGTH_FIELD = 4;
/**
 * Descriptors of one answer, and questions to the store for it, however fragmented the medium is: an initiator that wants
 * to know more asks again, as it has to in any case.
 */
const DESCRIPTORS_MOST = 1024;
const QUESTIONS_MOST = 256;
const NO_BLOCKS = blocks(0);

const MOST_32 = 0xffff_ffff;
// PROVISIONING STATUS. [SBC-4] 5.9.3.
const MAPPED = 0;
const DEALLOCATED = 1;

/** GET LBA STATUS. [SBC-4] 5.9: the first descriptor begins with the block that was asked for. */
export function getLbaStatus(disk: Disk, task: ScsiTask): void {
  const first = blocks(cdb64(task, 2));
  if (first >= disk.medium.blockCount) return checkCondition(task, LBA_OUT_OF_RANGE);
  new LbaStatus(disk, task, first).begin();
}

/** Blocks that are alike: held by storage or not. */
interface Run {
  readonly first: Blocks;
  count: Blocks;
  readonly allocated: boolean;
}

/** Asks the store for its extents until the answer is full. Keeps nobody from the blocks: what it tells may change at once. */
class LbaStatus extends StoreSequence {
  readonly #allocation: number;
  /** Runs that the answer has room for. */
  readonly #room: number;
  readonly #runs: Run[] = [];
  readonly #found: StoreExtent[] = [];
  /** The block behind the last run. */
  #next: Blocks;
  #questions = 0;

  constructor(disk: Disk, task: ScsiTask, first: Blocks) {
    super(disk, task, first, NO_BLOCKS);
    this.#next = first;
    this.#allocation = cdb32(task, 10);
    this.#room = Math.min(DESCRIPTORS_MOST, Math.max(1, Math.floor((this.#allocation - HEADER) / DESCRIPTOR)));
  }

  protected step(): number | Ending {
    const { blockCount, blockSize, store } = this.medium;
    if (this.#questions > 0) this.#takeFound();
    if (this.#next >= blockCount || this.#runs.length >= this.#room || this.#questions === QUESTIONS_MOST)
      return (task) => this.#answer(task);
    this.#questions++;
    const [offset, length] = [bytesIn(this.#next, blockSize), bytesIn(blocks(blockCount - this.#next), blockSize)];
    if (store.provisioning !== undefined) return store.provisioning.findExtents(offset, length, this.#found, this);
    this.#found.push({ length, allocated: true });
    return STORE_DONE;
  }

  /** Makes blocks of the bytes that the store has told. A block that is held in part is held. */
  #takeFound(): void {
    const { blockSize } = this.medium;
    const from = this.#next;
    let end: number = bytesIn(from, blockSize);
    for (const { length, allocated } of this.#found) {
      end += length;
      this.#extend(blocks(allocated ? Math.ceil(end / blockSize) : Math.floor(end / blockSize)), allocated);
    }
    // It told of less than a block.
    if (this.#next === from) this.#extend(blocks(from + 1), true);
    this.#found.length = 0;
  }

  /** Puts the blocks up to `end` to the last run, or begins one. */
  #extend(to: Blocks, allocated: boolean): void {
    const end = blocks(Math.min(to, this.medium.blockCount));
    if (end <= this.#next) return;
    const count = blocks(end - this.#next);
    const last = this.#runs.at(-1);
    if (last?.allocated === allocated) last.count = blocks(last.count + count);
    else this.#runs.push({ first: this.#next, count, allocated });
    this.#next = end;
  }

  #answer(task: ScsiTask): void {
    const data = new DataView(new ArrayBuffer(HEADER + this.#room * DESCRIPTOR));
    let at = HEADER;
    for (const { first, count, allocated } of this.#runs)
      for (let told = 0; told < count && at < data.byteLength; told += MOST_32, at += DESCRIPTOR) {
        data.setBigUint64(at, BigInt(first + told));
        data.setUint32(at + 8, Math.min(count - told, MOST_32));
        data.setUint8(at + 12, allocated ? MAPPED : DEALLOCATED);
      }
    data.setUint32(0, at - LENGTH_FIELD);
    answerWith(task, new Uint8Array(data.buffer, 0, at), this.#allocation);
  }
}
