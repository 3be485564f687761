import { PERIPHERAL_DIRECT_ACCESS } from "../../abi/scsi.ts";
import type { DeviceServerOptions } from "../device-server.ts";
import { Drive } from "../drive.ts";
import { DISK_COMMANDS } from "./commands.ts";
import { TransferPool } from "./transfer-pool.ts";

/** 128 MiB/s: others' commands keep most of the machine. */
const ERASE_RATE = 0x800_0000;

export interface DiskOptions extends DeviceServerOptions {
  /** Bytes a second that SANITIZE and FORMAT UNIT write at most. */
  eraseRate?: number;
}

/** A direct-access block device. [SBC-3]. */
export class Disk extends Drive {
  readonly peripheralDeviceType = PERIPHERAL_DIRECT_ACCESS;
  readonly commands = DISK_COMMANDS;
  readonly transfers: TransferPool;
  /** Bytes a second that SANITIZE and FORMAT UNIT write. */
  readonly eraseRate: number;

  constructor({ eraseRate = ERASE_RATE, ...options }: DiskOptions) {
    super(options);
    this.eraseRate = eraseRate;
    this.transfers = new TransferPool(options.log, this.taskSet);
  }
}
