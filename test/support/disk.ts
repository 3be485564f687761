import { MemoryStore } from "../../src/backends/memory.ts";
import { silentLog } from "../../src/core/log.ts";
import type { SharedMemory } from "../../src/core/shared-memory.ts";
import type { BlockStore } from "../../src/scsi/block-store.ts";
import { Disk, type DiskOptions } from "../../src/scsi/disk/disk.ts";
import { ScsiTargetDevice } from "../../src/scsi/target-device.ts";
import { NEXUS } from "./scsi-task.ts";

export const IBM = { vendor: "IBM", product: "VDASD blkdev", revision: "0001", serial: "S1" };

/** A disk at bus 0, target 1, LUN 0 unless told otherwise. */
export function makeDisk(store: BlockStore, options: Partial<DiskOptions> = {}): Disk {
  const address = { bus: 0, target: 1, lun: 0 };
  return new Disk({ address, store, blockSize: 512, readOnly: false, identity: IBM, log: silentLog, ...options });
}

/** A device with one disk of 1 MiB of memory, or on `store`. */
export function deviceWithDisk(
  memory: SharedMemory,
  options: Partial<DiskOptions> = {},
  store: BlockStore = new MemoryStore(memory, 1 << 20),
): ScsiTargetDevice {
  const device = new ScsiTargetDevice(silentLog);
  device.addLogicalUnit(makeDisk(store, options));
  device.nexusOpened(NEXUS);
  return device;
}
