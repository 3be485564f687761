import { OPTICAL_BLOCK_SIZE, PROFILE_CD_ROM, PROFILE_DVD_ROM, PROFILE_NONE } from "../../abi/mmc.ts";
import { PERIPHERAL_CD_DVD } from "../../abi/scsi.ts";
import type { BlockStore } from "../block-store.ts";
import type { DeviceServerOptions } from "../device-server.ts";
import { TransferPool } from "../disk/transfer-pool.ts";
import { Drive } from "../drive.ts";
import { Medium, NO_MEDIUM } from "../medium.ts";
import { ModePages } from "../mode/mode-pages.ts";
import { PRIMARY_VITAL_PRODUCT_DATA } from "../primary/vital-product-data.ts";
import { OPTICAL_COMMANDS } from "./commands.ts";
import { OPTICAL_MODE_PAGES } from "./mode-pages.ts";

/** What an 80-minute CD holds; a larger image is a DVD. */
const CD_BLOCKS_MAXIMUM = 80 * 60 * 75;

/** A drive that reads discs of one finished session with one data track. [MMC-6]. */
export class OpticalDrive extends Drive {
  readonly peripheralDeviceType = PERIPHERAL_CD_DVD;
  readonly commands = OPTICAL_COMMANDS;
  readonly vitalProductData = PRIMARY_VITAL_PRODUCT_DATA;
  readonly modes: ModePages<this>;
  readonly transfers: TransferPool;

  constructor(options: Omit<DeviceServerOptions, "removable">) {
    super({ ...options, removable: true });
    this.transfers = new TransferPool(options.log, this.taskSet);
    this.modes = new ModePages<this>(OPTICAL_MODE_PAGES, this, options.state, options.log);
    this.modesChanged();
  }

  /** [MMC-6] 7.2.2. */
  override get hasModeBlockDescriptor(): boolean {
    return false;
  }

  mediumOf(store: BlockStore): Medium {
    return disc(store);
  }

  /** The current profile: what kind of disc this is, as far as a drive can tell. [MMC-6] 5.3.1. */
  get profile(): number {
    if (this.medium === NO_MEDIUM) return PROFILE_NONE;
    return this.medium.blockCount <= CD_BLOCKS_MAXIMUM ? PROFILE_CD_ROM : PROFILE_DVD_ROM;
  }
}

/** A disc whose sectors are the store's bytes. */
export function disc(store: BlockStore): Medium {
  return new Medium(store, OPTICAL_BLOCK_SIZE, true);
}
