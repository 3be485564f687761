import { MemoryStore } from "../../src/backends/memory.ts";
import { NullStore } from "../../src/backends/null.ts";
import { silentLog } from "../../src/core/log.ts";
import type { SharedMemory } from "../../src/core/shared-memory.ts";
import { type Medium, NO_MEDIUM } from "../../src/scsi/medium.ts";
import { disc, OpticalDrive } from "../../src/scsi/optical/optical-drive.ts";
import { ScsiTargetDevice } from "../../src/scsi/target-device.ts";
import { FIRST_KEY } from "./disk.ts";
import { NEXUS } from "./scsi-task.ts";

export const BLOCK = 2048;
const IDENTITY = { vendor: "IBM", product: "VOPTA blkdev", revision: "0001", serial: "S12345" };

/** Blocks of a small disc, and of one that no CD holds. */
export const CD_BLOCKS = 300;
export const DVD_BLOCKS = 500_000;

export function cd(memory: SharedMemory): Medium {
  return disc(new MemoryStore(memory, CD_BLOCKS * BLOCK));
}

export function dvd(memory: SharedMemory, blocks = DVD_BLOCKS): Medium {
  return disc(new NullStore(memory, blocks * BLOCK));
}

/** A drive at FIRST_KEY of a device of its own. */
export function deviceWithDrive(medium: Medium = NO_MEDIUM): { device: ScsiTargetDevice; drive: OpticalDrive } {
  const device = new ScsiTargetDevice(silentLog);
  const drive = new OpticalDrive({ medium, identity: IDENTITY, log: silentLog });
  device.addLogicalUnit(FIRST_KEY, drive);
  device.nexusOpened(NEXUS);
  return { device, drive };
}
