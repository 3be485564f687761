import { MemoryStore } from "../../src/backends/memory.ts";
import { silentLog } from "../../src/core/log.ts";
import type { SharedMemory } from "../../src/core/shared-memory.ts";
import type { BlockStore } from "../../src/scsi/block-store.ts";
import { Disk, type DiskOptions } from "../../src/scsi/disk/disk.ts";
import { lunKey } from "../../src/scsi/lun.ts";
import { Medium } from "../../src/scsi/medium.ts";
import { ScsiTargetDevice } from "../../src/scsi/target-device.ts";
import { NEXUS } from "./scsi-task.ts";

export const IBM = { vendor: "IBM", product: "VDASD blkdev", revision: "0001", serial: "S1" };

export interface MakeDiskOptions extends Partial<DiskOptions> {
  readOnly?: boolean;
}

/** Where the first disk of most tests stands: bus 0, target 1, LUN 0. */
export const FIRST_KEY = lunKey({ bus: 0, target: 1, lun: 0 });

export function makeDisk(store: BlockStore, options: MakeDiskOptions = {}): Disk {
  const { blockSize = 512, readOnly = false, ...rest } = options;
  const medium = new Medium(store, blockSize, readOnly, options.physicalBlockSize);
  return new Disk({ medium, removable: false, identity: IBM, log: silentLog, ...rest });
}

/** A device with one disk of 1 MiB of memory, or on `store`, at FIRST_KEY. */
export function deviceWithDisk(
  memory: SharedMemory,
  options: MakeDiskOptions = {},
  store: BlockStore = new MemoryStore(memory, 1 << 20),
): ScsiTargetDevice {
  const device = new ScsiTargetDevice(silentLog);
  device.addLogicalUnit(FIRST_KEY, makeDisk(store, options));
  device.nexusOpened(NEXUS);
  return device;
}
