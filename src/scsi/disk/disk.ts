import type { Log } from "../../core/log.ts";
import type { BlockStore } from "../block-store.ts";
import { type Command, cdbFits, findCommand } from "../command-table.ts";
import type { LogicalUnit } from "../logical-unit.ts";
import type { LunAddress } from "../lun.ts";
import {
  checkCondition,
  failTask,
  INVALID_FIELD_IN_CDB,
  INVALID_OPERATION_CODE,
  NOT_READY_STOPPED,
  WRITE_PROTECTED,
} from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { TaskSet } from "../task-set.ts";
import { type Blocks, type Bytes, bytesIn, wholeBlocks } from "../units.ts";
import { TransferPool } from "./transfer-pool.ts";

/** INQUIRY strings. AIX takes a disk only with IBM's own. [protocol] 5.2. */
export interface Identity {
  /** At most 8 characters. */
  vendor: string;
  /** At most 16. */
  product: string;
  /** At most 4. */
  revision: string;
  serial: string;
}

export interface DiskOptions {
  address: LunAddress;
  store: BlockStore;
  /** 512 or 4096. */
  blockSize: number;
  readOnly: boolean;
  identity: Identity;
  log: Log;
}

/** A direct-access block device. [SBC-3]. */
export class Disk implements LogicalUnit {
  readonly address: LunAddress;
  readonly store: BlockStore;
  readonly blockSize: number;
  readonly readOnly: boolean;
  readonly identity: Identity;
  readonly log: Log;
  /** Whole logical blocks that the store holds. */
  readonly blockCount: Blocks;
  readonly transfers: TransferPool;
  readonly #taskSet: TaskSet;
  /** START STOP UNIT stopped it. */
  stopped = false;

  constructor(options: DiskOptions) {
    this.address = options.address;
    this.store = options.store;
    this.blockSize = options.blockSize;
    this.readOnly = options.readOnly || options.store.readOnly;
    this.identity = options.identity;
    this.log = options.log;
    this.blockCount = wholeBlocks(options.store.size, options.blockSize);
    this.#taskSet = new TaskSet((task) => this.#startGuarded(task));
    this.transfers = new TransferPool(options.log, this.#taskSet);
  }

  get size(): Bytes {
    return bytesIn(this.blockCount, this.blockSize);
  }

  get description(): string {
    return this.store.description;
  }

  execute(task: ScsiTask): void {
    if (this.#taskSet.admits(task)) this.#start(task);
  }

  /** Starts a task that had to wait: nobody above is there to catch. */
  #startGuarded(task: ScsiTask): void {
    try {
      this.#start(task);
    } catch (error) {
      failTask(task, error, this.log);
    }
  }

  #start(task: ScsiTask) {
    const command = findCommand(task);
    if (command === undefined) return checkCondition(task, INVALID_OPERATION_CODE);
    if (!cdbFits(task, command)) return checkCondition(task, INVALID_FIELD_IN_CDB);
    if (!this.#admits(task, command)) return;
    command.execute(this, task);
  }

  #admits(task: ScsiTask, command: Command): boolean {
    if (this.stopped && !command.whenStopped) checkCondition(task, NOT_READY_STOPPED);
    else if (this.readOnly && command.writes) checkCondition(task, WRITE_PROTECTED);
    else return true;
    return false;
  }

  close(): Promise<void> {
    return this.store.close();
  }
}
