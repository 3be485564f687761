import { type CoreKind, loadCore } from "../core/core.ts";
import { silentLog } from "../core/log.ts";
import { SharedMemory } from "../core/shared-memory.ts";
import { Hypervisor, type HypervisorOptions } from "../papr/hypervisor.ts";
import type { BlockStore } from "../scsi/block-store.ts";
import { Disk, type DiskOptions } from "../scsi/disk/disk.ts";
import { Medium } from "../scsi/medium.ts";

const BLOCK_SIZE = 512;

export interface CreateHypervisorOptions extends Partial<Omit<HypervisorOptions, "core">> {
  /** The core: "wasm" unless told otherwise, or "js", its twin. */
  readonly core?: CoreKind;
}

/**
 * A software hypervisor with a linear memory and a core of its own.
 * @throws CoreModuleError
 */
export function createHypervisor({ core = "wasm", ...options }: CreateHypervisorOptions = {}): Hypervisor {
  const { memory = new SharedMemory() } = options;
  return new Hypervisor({ ...options, memory, core: loadCore(memory, core) });
}

export interface CreateDiskOptions extends Partial<DiskOptions> {
  /** Refuses writes. */
  readonly readOnly?: boolean;
}

/**
 * A disk on a store: fixed, with blocks of 512 bytes and the INQUIRY strings that AIX wants, unless told otherwise.
 * Two disks of one server need two serial numbers: give `identity`.
 */
export function createDisk(store: BlockStore, { readOnly = false, ...options }: CreateDiskOptions = {}): Disk {
  const { blockSize = BLOCK_SIZE, physicalBlockSize } = options;
  return new Disk({
    medium: new Medium(store, blockSize, readOnly, physicalBlockSize),
    removable: false,
    identity: { vendor: "IBM", product: "VDASD blkdev", revision: "0001", serial: "VSCSI-1" },
    log: silentLog,
    ...options,
  });
}
