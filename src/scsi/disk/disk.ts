import { PERIPHERAL_DIRECT_ACCESS } from "../../abi/scsi.ts";
import type { DeviceServerOptions } from "../device-server.ts";
import { Drive } from "../drive.ts";
import { DISK_COMMANDS } from "./commands.ts";
import { TransferPool } from "./transfer-pool.ts";

/** A direct-access block device. [SBC-3]. */
export class Disk extends Drive {
  readonly peripheralDeviceType = PERIPHERAL_DIRECT_ACCESS;
  readonly commands = DISK_COMMANDS;
  readonly transfers: TransferPool;

  constructor(options: DeviceServerOptions) {
    super(options);
    this.transfers = new TransferPool(options.log, this.taskSet);
  }
}
