import { MODE_PAGE_CACHING, PERIPHERAL_DIRECT_ACCESS } from "../../abi/scsi.ts";
import type { BlockStore } from "../block-store.ts";
import type { Command, CommandTable } from "../command.ts";
import { CopyResults } from "../copy/copy-results.ts";
import type { DeviceServerOptions } from "../device-server.ts";
import { Drive } from "../drive.ts";
import type { LogicalUnit } from "../logical-unit.ts";
import { Medium } from "../medium.ts";
import { ModePages } from "../mode/mode-pages.ts";
import type { Nexus } from "../task.ts";
import { diskCommands } from "./commands.ts";
import { CACHING_FLAGS, DISK_MODE_PAGES, WRITE_CACHE_ENABLE } from "./mode-pages.ts";
import { TransferPool } from "./transfer-pool.ts";
import { DISK_VITAL_PRODUCT_DATA } from "./vital-product-data.ts";

// Device-specific parameter. [SBC-3] 6.5.1.
const WRITE_PROTECT = 0x80;
const DPO_FUA = 0x10;

/** 128 MiB/s: others' commands keep most of the machine. */
const ERASE_RATE = 0x800_0000;

export interface DiskOptions extends DeviceServerOptions {
  /** Bytes of a logical block, of every medium that comes into it; those of the first one unless told. */
  blockSize?: number;
  /** Bytes of a physical block, of every medium that comes into it; what the store has unless told. */
  physicalBlockSize?: number | undefined;
  /** The disk lets go of blocks; false unless told. A medium whose store does not gets zeros written instead. */
  thin?: boolean;
  /** Bytes a second that SANITIZE and FORMAT UNIT write at most. */
  eraseRate?: number;
  /** Commands beside those that every disk has: vendor-specific ones, say. */
  furtherCommands?: readonly Command<Disk>[];
  /** The logical units between which EXTENDED COPY may copy; without it, this one alone. */
  copyTargets?: () => Iterable<LogicalUnit>;
}

/** A direct-access block device. [SBC-3]. */
export class Disk extends Drive {
  readonly peripheralDeviceType = PERIPHERAL_DIRECT_ACCESS;
  readonly commands: CommandTable<Disk>;
  /** Logical block provisioning: the disk lets go of blocks. [SBC-3] 4.7.3. */
  readonly thin: boolean;
  /** What the disk keeps outlives the daemon: WRITE ATOMIC needs that. */
  readonly keepsState: boolean;
  readonly vitalProductData = DISK_VITAL_PRODUCT_DATA;
  readonly modes: ModePages<this>;
  readonly transfers: TransferPool;
  readonly #blockSize: number;
  readonly #physicalBlockSize: number | undefined;
  /** WCE of the caching mode page. Without it every write is on stable storage before it is done. */
  writeCacheEnabled = true;
  /** Bytes a second that SANITIZE and FORMAT UNIT write. */
  readonly eraseRate: number;
  readonly copyTargets: () => Iterable<LogicalUnit>;
  readonly copies = new CopyResults();

  /** @throws RangeError when one of `furtherCommands` is there already; what DeviceServer throws */
  constructor(diskOptions: DiskOptions) {
    const { eraseRate = ERASE_RATE, furtherCommands, copyTargets, ...rest } = diskOptions;
    const { blockSize, physicalBlockSize, thin = false, ...options } = rest;
    super(options);
    this.#physicalBlockSize = physicalBlockSize;
    this.#blockSize = blockSize ?? options.medium.blockSize;
    this.thin = thin;
    this.keepsState = options.state !== undefined;
    this.commands = diskCommands(this, furtherCommands);
    this.eraseRate = eraseRate;
    this.copyTargets = copyTargets ?? (() => [this]);
    this.transfers = new TransferPool(options.log, this.taskSet);
    this.modes = new ModePages<this>(DISK_MODE_PAGES, this, options.state, options.log);
    this.modesChanged();
  }

  mediumOf(store: BlockStore, readOnly: boolean): Medium {
    return new Medium(store, this.#blockSize, readOnly, this.#physicalBlockSize);
  }

  override get deviceSpecificParameter(): number {
    return DPO_FUA | (this.writeProtected ? WRITE_PROTECT : 0);
  }

  override modesChanged(): void {
    super.modesChanged();
    this.writeCacheEnabled = (this.modes.currentByte(MODE_PAGE_CACHING, CACHING_FLAGS) & WRITE_CACHE_ENABLE) !== 0;
  }

  override nexusLost(nexus: Nexus): void {
    super.nexusLost(nexus);
    this.copies.lost(nexus);
  }
}
