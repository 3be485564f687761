import { PERIPHERAL_DIRECT_ACCESS } from "../../abi/scsi.ts";
import { CopyResults } from "../copy/copy-results.ts";
import type { DeviceServerOptions } from "../device-server.ts";
import { Drive } from "../drive.ts";
import type { LogicalUnit } from "../logical-unit.ts";
import type { Nexus } from "../task.ts";
import { DISK_COMMANDS } from "./commands.ts";
import { TransferPool } from "./transfer-pool.ts";

/** 128 MiB/s: others' commands keep most of the machine. */
const ERASE_RATE = 0x800_0000;

export interface DiskOptions extends DeviceServerOptions {
  /** Bytes a second that SANITIZE and FORMAT UNIT write at most. */
  eraseRate?: number;
  /** The logical units between which EXTENDED COPY may copy; without it, this one alone. */
  copyTargets?: () => Iterable<LogicalUnit>;
}

/** A direct-access block device. [SBC-3]. */
export class Disk extends Drive {
  readonly peripheralDeviceType = PERIPHERAL_DIRECT_ACCESS;
  readonly commands = DISK_COMMANDS;
  readonly transfers: TransferPool;
  /** Bytes a second that SANITIZE and FORMAT UNIT write. */
  readonly eraseRate: number;
  readonly copyTargets: () => Iterable<LogicalUnit>;
  readonly copies = new CopyResults();

  constructor({ eraseRate = ERASE_RATE, copyTargets, ...options }: DiskOptions) {
    super(options);
    this.eraseRate = eraseRate;
    this.copyTargets = copyTargets ?? (() => [this]);
    this.transfers = new TransferPool(options.log, this.taskSet);
  }

  override nexusLost(nexus: Nexus): void {
    super.nexusLost(nexus);
    this.copies.lost(nexus);
  }
}
