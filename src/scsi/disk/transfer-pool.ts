import type { Log } from "../../core/log.ts";
import { STORE_DONE, STORE_PENDING, type StoreCompletion } from "../block-store.ts";
import {
  checkCondition,
  failTask,
  good,
  INTERNAL_TARGET_FAILURE,
  type Sense,
  SPACE_ALLOCATION_FAILED,
  UNRECOVERED_READ_ERROR,
  WRITE_ERROR,
} from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import type { TaskSet } from "../task-set.ts";
import { type Blocks, blocks } from "../units.ts";
import { type BlockClaim, BlockLocks } from "./block-locks.ts";

// errno values of Linux, as node:os has them; scsi does not touch the operating system's modules.
const EIO = -5;
const ENOSPC = -28;
const EDQUOT = -122;
const NO_BLOCKS = blocks(0);

/** What a store was asked for: it decides what its failure means. */
export type Operation = "read" | "write" | "flush";

/** What a store's failure means to an initiator. */
export function senseOf(operation: Operation, errno: number): Sense {
  if (errno === ENOSPC || errno === EDQUOT) return SPACE_ALLOCATION_FAILED;
  if (errno !== EIO) return INTERNAL_TARGET_FAILURE;
  return operation === "read" ? UNRECOVERED_READ_ERROR : WRITE_ERROR;
}

/** One store operation under way for one task. Reused: the data path allocates nothing. */
class Transfer implements StoreCompletion, BlockClaim {
  readonly #pool: TransferPool;
  #pending = false;
  task: ScsiTask | undefined;
  operation: Operation = "read";
  /** Bytes: the data-in that the task gets when a read succeeds. */
  length = 0;
  first = NO_BLOCKS;
  count = NO_BLOCKS;
  readonly exclusive = false;

  constructor(pool: TransferPool) {
    this.#pool = pool;
  }

  /** The store's answer to the operation: ends the task at once, or leaves its end to storeDone. */
  settle(result: number): void {
    if (result !== STORE_PENDING) {
      this.#end(result);
    } else if (this.task !== undefined) {
      this.#pending = true;
      this.#pool.taskSet.began(this.task);
      this.#pool.locks.hold(this);
    }
  }

  /** Never has to wait. */
  granted(): void {}

  storeDone(result: number): void {
    const { task } = this;
    if (task === undefined || !this.#pending) return;
    this.#pending = false;
    const { taskSet, locks, log } = this.#pool;
    taskSet.ended(task);
    // Before the end: then this object is free for the next command.
    locks.release(this);
    try {
      this.#end(result);
    } catch (error) {
      failTask(task, error, log);
    }
    taskSet.left(task);
  }

  #end(result: number): void {
    const { task, operation, length } = this;
    if (task === undefined) return;
    this.task = undefined;
    this.#pool.giveBack(this);
    if (result !== STORE_DONE) {
      this.#pool.log.warn({ operation, errno: result }, "backend failed");
      checkCondition(task, senseOf(operation, result));
    } else {
      good(task, operation === "read" ? length : 0);
    }
  }
}

/** The store operations of a drive's commands, and who may work on which blocks. */
export class TransferPool {
  readonly log: Log;
  readonly taskSet: TaskSet;
  readonly locks = new BlockLocks();
  /** A postponed task whose turn has come: it has its blocks. */
  admitted: ScsiTask | undefined;
  readonly #idle: Transfer[] = [];

  constructor(log: Log, taskSet: TaskSet) {
    this.log = log;
    this.taskSet = taskSet;
  }

  /** True when the task has to wait for a command that has some of these blocks for itself. */
  mustWait(task: ScsiTask, first: Blocks, count: Blocks): boolean {
    return task !== this.admitted && this.locks.mustWait(first, count);
  }

  take(task: ScsiTask, operation: Operation, length: number, first = NO_BLOCKS, count = NO_BLOCKS): Transfer {
    const transfer = this.#idle.pop() ?? new Transfer(this);
    transfer.task = task;
    transfer.operation = operation;
    transfer.length = length;
    transfer.first = first;
    transfer.count = count;
    return transfer;
  }

  giveBack(transfer: Transfer): void {
    this.#idle.push(transfer);
  }
}
