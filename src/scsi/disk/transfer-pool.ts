import type { Log } from "../../core/log.ts";
import { STORE_DONE, STORE_PENDING, type StoreCompletion } from "../block-store.ts";
import {
  checkCondition,
  failTask,
  good,
  INTERNAL_TARGET_FAILURE,
  MISCOMPARE_DURING_VERIFY,
  type Sense,
  SPACE_ALLOCATION_FAILED,
  UNRECOVERED_READ_ERROR,
  WRITE_ERROR,
} from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import type { TaskSet } from "../task-set.ts";

// errno values of Linux, as node:os has them; scsi does not touch the operating system's modules.
const EIO = -5;
const ENOSPC = -28;
const EDQUOT = -122;

type Operation = "read" | "write" | "flush" | "verify";

/** What a store's failure means to an initiator. */
function senseOf(operation: Operation, errno: number): Sense {
  if (errno === ENOSPC || errno === EDQUOT) return SPACE_ALLOCATION_FAILED;
  if (errno !== EIO) return INTERNAL_TARGET_FAILURE;
  return operation === "write" || operation === "flush" ? WRITE_ERROR : UNRECOVERED_READ_ERROR;
}

/** One store operation under way for one task. Reused: the data path allocates nothing. */
class Transfer implements StoreCompletion {
  readonly #pool: TransferPool;
  #pending = false;
  task: ScsiTask | undefined;
  operation: Operation = "read";
  /** Data-in bytes that the task gets when this succeeds; bytes to compare for a verify. */
  length = 0;

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
    }
  }

  storeDone(result: number): void {
    const { task } = this;
    if (task === undefined || !this.#pending) return;
    this.#pending = false;
    const { taskSet, log } = this.#pool;
    taskSet.ended(task);
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
    } else if (operation === "verify") {
      endVerify(task, length);
    } else {
      good(task, operation === "read" ? length : 0);
    }
  }
}

/** Compares what the initiator sent with what was read behind it in the same buffer. */
function endVerify(task: ScsiTask, length: number) {
  const { u8 } = task.memory;
  for (let at = 0; at < length; at++)
    if (u8[task.buffer + at] !== u8[task.buffer + length + at]) return checkCondition(task, MISCOMPARE_DURING_VERIFY);
  good(task);
}

export class TransferPool {
  readonly log: Log;
  readonly taskSet: TaskSet;
  readonly #idle: Transfer[] = [];

  constructor(log: Log, taskSet: TaskSet) {
    this.log = log;
    this.taskSet = taskSet;
  }

  take(task: ScsiTask, operation: Operation, length: number): Transfer {
    const transfer = this.#idle.pop() ?? new Transfer(this);
    transfer.task = task;
    transfer.operation = operation;
    transfer.length = length;
    return transfer;
  }

  giveBack(transfer: Transfer): void {
    this.#idle.push(transfer);
  }
}
