import { openStore } from "../backends/open-store.ts";
import type { LogicalUnitConfig } from "../config/schema.ts";
import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import { Disk } from "../scsi/disk/disk.ts";
import { Medium } from "../scsi/medium.ts";

/**
 * Makes the disk that a configuration describes. The strings that nobody gave are IBM's, which AIX looks for, and a
 * serial number that stays the same as long as the address does. @throws StoreOpenError
 */
export function openDisk(config: LogicalUnitConfig, unitAddress: number, memory: SharedMemory, log: Log): Disk {
  const { bus, target, lun, readOnly } = config;
  return new Disk({
    medium: new Medium(openStore(config.backend, { memory, readOnly, log }), config.blockSize, readOnly),
    removable: false,
    identity: {
      vendor: config.vendor ?? "IBM",
      product: config.product ?? "VDASD blkdev",
      revision: config.revision ?? "0001",
      serial: config.serial ?? `VSCSI-${unitAddress.toString(16)}-${bus}-${target}-${lun}`,
    },
    log,
  });
}
