import { type Provisioning, STORE_DONE, STORE_PENDING, type StoreCompletion } from "../block-store.ts";
import type { Medium } from "../medium.ts";
import { checkCondition, failTask, good } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { type Blocks, type Bytes, bytesIn } from "../units.ts";
import type { BlockClaim } from "./block-locks.ts";
import type { Disk } from "./disk.ts";
import { isDurable } from "./transfer.ts";
import { type Operation, senseOf } from "./transfer-pool.ts";

/** Bytes that one step reads or writes at most: a fraction of a millisecond. A whole number of blocks of every size. */
export const PIECE = 0x4_0000;
/** Steps that follow one another at once; then others get their turn. */
const STEPS_IN_A_ROW = 16;

/** How a task ends. */
export type Ending = (task: ScsiTask) => void;

/**
 * A command that takes several store operations, one after the other, and holds its blocks meanwhile. Not for the hot
 * path: READ and WRITE need one operation and no object of their own.
 */
export abstract class StoreSequence implements StoreCompletion, BlockClaim {
  readonly first: Blocks;
  readonly count: Blocks;
  readonly exclusive: boolean;
  protected readonly disk: Disk;
  protected readonly task: ScsiTask;
  /** As it was when the command began. */
  protected readonly medium: Medium;
  /** What the operation under way is, for the sense data of its failure. */
  protected operation: Operation = "read";
  /** What was written must be on stable storage at the end. */
  #durable = false;
  #hasBlocks = false;
  #storeBusy = false;
  #waits = false;

  /** @param exclusive no other command works on the blocks at the same time */
  constructor(disk: Disk, task: ScsiTask, first: Blocks, count: Blocks, exclusive = false) {
    this.disk = disk;
    this.task = task;
    this.medium = disk.medium;
    this.first = first;
    this.count = count;
    this.exclusive = exclusive;
  }

  /** Begins the next store operation and returns its answer, or how the task ends when nothing is left to do. */
  protected abstract step(): number | Ending;

  /** Reads a piece of the medium to memory. */
  protected read(offset: number, address: number, length: number): number {
    this.operation = "read";
    return this.medium.store.read(offset, address, length, this);
  }

  /** Writes a piece of memory to the medium. */
  protected write(offset: number, address: number, length: number): number {
    this.operation = "write";
    this.#durable = isDurable(this.disk, this.task);
    return this.medium.store.write(offset, address, length, false, this);
  }

  /** Lets go of a piece of the medium. */
  protected deallocate(provisioning: Provisioning, offset: number, length: number): number {
    this.operation = "write";
    this.#durable = isDurable(this.disk, this.task);
    return provisioning.deallocate(offset, length, false, this);
  }

  /** Brings what was written to stable storage. */
  protected flush(): number {
    this.#durable = false;
    this.operation = "flush";
    return this.medium.store.flush(this);
  }

  /** The last step of a command that writes: flushes when FUA is set or the write cache is off. */
  protected finish(): number | Ending {
    return this.#durable ? this.flush() : good;
  }

  /** Byte of the medium where the command's blocks begin. */
  protected get offset(): Bytes {
    return bytesIn(this.first, this.medium.blockSize);
  }

  protected get length(): Bytes {
    return bytesIn(this.count, this.medium.blockSize);
  }

  /** Begins as soon as the blocks are free. */
  begin(): void {
    this.#hasBlocks = this.disk.transfers.locks.request(this);
    if (this.#hasBlocks) this.#goOn();
    else this.#wait();
  }

  granted(): void {
    this.#hasBlocks = true;
    this.#goOn();
  }

  storeDone(result: number): void {
    if (!this.#storeBusy) return;
    this.#storeBusy = false;
    if (result === STORE_DONE) this.#goOn();
    else this.#fail(result);
  }

  readonly #goOn = (): void => {
    try {
      this.#run();
    } catch (error) {
      this.#end((task) => failTask(task, error, this.disk.log));
    }
  };

  #run(): void {
    for (let steps = 0; steps < STEPS_IN_A_ROW; steps++) {
      // Nobody is told any more, and what is not yet done need not be.
      if (this.task.aborted) return this.#end(good);
      const result = this.step();
      if (typeof result === "function") return this.#end(result);
      if (result === STORE_PENDING) {
        this.#storeBusy = true;
        return this.#wait();
      }
      if (result !== STORE_DONE) return this.#fail(result);
    }
    this.#wait();
    this.disk.clock.after(0, this.#goOn);
  }

  #fail(errno: number): void {
    const { operation, disk } = this;
    disk.log.warn({ operation, errno }, "backend failed");
    this.#end((task) => checkCondition(task, senseOf(operation, errno)));
  }

  #wait(): void {
    if (this.#waits) return;
    this.#waits = true;
    this.disk.taskSet.began(this.task, () => {
      // One at work sees for itself, after its step, that it was aborted.
      if (!this.#hasBlocks) this.#end(good);
    });
  }

  #end(ending: Ending): void {
    const { disk, task } = this;
    if (this.#waits) disk.taskSet.ended(task);
    ending(task);
    if (this.#waits) disk.taskSet.left(task);
    disk.transfers.locks.release(this);
  }
}

/** Offset of the first byte in which two ranges of memory differ, -1 when they are alike. */
export function firstDifference(u8: Uint8Array, left: number, right: number, length: number): number {
  for (let at = 0; at < length; at++) if (u8[left + at] !== u8[right + at]) return at;
  return -1;
}
