import { FileStore } from "../backends/file.ts";
import { MemoryStore } from "../backends/memory.ts";
import type { LogicalUnitConfig } from "../config/schema.ts";
import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import type { BlockStore } from "../scsi/block-store.ts";
import { Disk } from "../scsi/disk/disk.ts";

/** Opens the backend of a logical unit. @throws StoreOpenError */
function openStore({ backend, readOnly }: LogicalUnitConfig, memory: SharedMemory, log: Log): BlockStore {
  switch (backend.type) {
    case "memory":
      return new MemoryStore(memory, backend.size);
    case "file":
      return new FileStore(memory, backend.path, readOnly, log);
  }
}

/**
 * Makes the disk that a configuration describes. The strings that nobody gave are IBM's, which AIX looks for, and a
 * serial number that stays the same as long as the address does. @throws StoreOpenError
 */
export function openDisk(config: LogicalUnitConfig, unitAddress: number, memory: SharedMemory, log: Log): Disk {
  const { bus, target, lun } = config;
  return new Disk({
    address: { bus, target, lun },
    store: openStore(config, memory, log),
    blockSize: config.blockSize,
    readOnly: config.readOnly,
    identity: {
      vendor: config.vendor ?? "IBM",
      product: config.product ?? "VDASD blkdev",
      revision: config.revision ?? "0001",
      serial: config.serial ?? `VSCSI-${unitAddress.toString(16)}-${bus}-${target}-${lun}`,
    },
    log,
  });
}
