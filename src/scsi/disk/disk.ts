import type { Log } from "../../core/log.ts";
import type { BlockStore } from "../block-store.ts";
import { type Command, cdbFits, findCommand } from "../command-table.ts";
import type { LogicalUnit } from "../logical-unit.ts";
import type { LunAddress } from "../lun.ts";
import {
  checkCondition,
  INVALID_FIELD_IN_CDB,
  INVALID_OPERATION_CODE,
  NOT_READY_STOPPED,
  WRITE_PROTECTED,
} from "../sense.ts";
import type { ScsiTask } from "../task.ts";
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
  readonly blockCount: number;
  readonly transfers: TransferPool;
  /** START STOP UNIT stopped it. */
  stopped = false;

  constructor(options: DiskOptions) {
    this.address = options.address;
    this.store = options.store;
    this.blockSize = options.blockSize;
    this.readOnly = options.readOnly || options.store.readOnly;
    this.identity = options.identity;
    this.log = options.log;
    this.blockCount = Math.floor(options.store.size / options.blockSize);
    this.transfers = new TransferPool(options.log);
  }

  get size(): number {
    return this.blockCount * this.blockSize;
  }

  get description(): string {
    return this.store.description;
  }

  execute(task: ScsiTask): void {
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
