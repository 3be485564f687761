import { OPTICAL_BLOCK_SIZE } from "../abi/mmc.ts";
import { isDeviceBackend } from "../backends/open-device.ts";
import { StoreOpenError } from "../backends/open-file.ts";
import type { NamedUnitConfig } from "../config/schema.ts";
import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import { type Backend, openBackend } from "../filters/open-backend.ts";
import type { BlockStore } from "../scsi/block-store.ts";
import { resumeAtomicWrite } from "../scsi/disk/atomic/recovery.ts";
import { Disk } from "../scsi/disk/disk.ts";
import { Erasing } from "../scsi/disk/erase/erasing.ts";
import type { Drive } from "../scsi/drive.ts";
import type { LogicalUnit } from "../scsi/logical-unit.ts";
import { Medium, NO_MEDIUM } from "../scsi/medium.ts";
import { disc, OpticalDrive } from "../scsi/optical/optical-drive.ts";
import type { ReservationStorage } from "../scsi/reservations/stored-state.ts";
import type { TargetPortGroups } from "../scsi/target-port-groups.ts";
import type { UnitState } from "../scsi/unit-state.ts";
import { openPassThroughUnit } from "./passthrough-units.ts";

/** INQUIRY's product of each kind of unit, which AIX looks for beside vendor IBM and revision 0001. [protocol] 5.2. */
const PRODUCTS = { disk: "VDASD blkdev", optical: "VOPTA blkdev" } as const;
type DriveType = keyof typeof PRODUCTS;

/** Where a unit keeps what outlives the daemon. */
type UnitStorage = ReservationStorage & { readonly subjects: UnitState };

/** What describes a unit, wherever it is shown. */
export type UnitConfig = Omit<NamedUnitConfig, "name">;

/** What a unit is given by the daemon. */
export interface UnitContext {
  readonly memory: SharedMemory;
  readonly log: Log;
  readonly storage?: UnitStorage | undefined;
  /** The units between which EXTENDED COPY may copy. */
  readonly copyTargets?: () => Iterable<LogicalUnit>;
  readonly portGroups?: TargetPortGroups | undefined;
}

/**
 * Makes the unit that a configuration describes.
 * @throws StoreOpenError, DeviceError, StateDirectoryError, StoredStateError
 */
export async function openLogicalUnit(config: UnitConfig, place: string, context: UnitContext): Promise<LogicalUnit> {
  const { type } = config;
  if (type === "passthrough") return openPassThroughUnit(config, context);
  return openDrive({ ...config, type }, place, context);
}

/**
 * Makes the drive that a configuration describes, and what is in it. The strings that nobody gave are IBM's, and a serial
 * number that stays the same as long as the place (or the name) does.
 * @throws StoreOpenError, StateDirectoryError, StoredStateError
 */
async function openDrive(
  config: UnitConfig & { type: DriveType },
  place: string,
  context: UnitContext,
): Promise<Drive> {
  const { memory, log, storage, copyTargets, portGroups } = context;
  const { type } = config;
  const optical = type === "optical";
  const medium = await firstMedium(config, context);
  const identity = {
    vendor: config.vendor ?? "IBM",
    product: config.product ?? PRODUCTS[type],
    revision: config.revision ?? "0001",
    serial: config.serial ?? `VSCSI-${place}`,
  };
  const kept = { reservationStorage: storage, state: storage?.subjects, portGroups, queueDepth: config.queueDepth };
  if (optical) return new OpticalDrive({ medium, identity, log, ...kept });
  const disk = new Disk({
    medium,
    removable: config.removable ?? false,
    blockSize: config.blockSize,
    physicalBlockSize: config.physicalBlockSize,
    thin: isThin(config, medium),
    identity,
    log,
    ...kept,
    ...(config.eraseRate !== undefined && { eraseRate: config.eraseRate }),
    ...(copyTargets && { copyTargets }),
  });
  resumeAtomicWrite(disk, memory);
  Erasing.resume(disk, memory);
  return disk;
}

/** What is in the drive that a configuration describes when it is made. @throws StoreOpenError */
async function firstMedium(config: UnitConfig, { memory, log }: UnitContext): Promise<Medium> {
  const backend = storeBackendOf(config);
  if (backend === undefined) return NO_MEDIUM;
  const readOnly = config.readOnly || config.type === "optical";
  const store = await openBackend(backend, { memory, readOnly, log, blockSize: blockSizeOf(config) });
  try {
    return mediumFor(config, store);
  } catch (error) {
    store.close().catch((failure: unknown) => log.warn({ error: String(failure) }, "a store did not close well"));
    throw error;
  }
}

/** Where the bytes of a medium are. @throws StoreOpenError for a device, whose commands can only be passed through */
export function storeBackendOf({ backend }: UnitConfig): Backend | undefined {
  if (backend === undefined || !isDeviceBackend(backend)) return backend;
  throw new StoreOpenError(`${JSON.stringify(backend)}: is no medium, but a device: serve it with type "passthrough"`);
}

/** Bytes of a logical block of whatever is in the drive. */
export function blockSizeOf({ type, blockSize }: UnitConfig): number {
  return type === "optical" ? OPTICAL_BLOCK_SIZE : blockSize;
}

/** @throws StoreOpenError */
function mediumFor(config: UnitConfig, store: BlockStore): Medium {
  const { type, blockSize, readOnly, physicalBlockSize, thin } = config;
  const medium = type === "optical" ? disc(store) : new Medium(store, blockSize, readOnly, physicalBlockSize);
  if (medium.blockCount === 0)
    throw new StoreOpenError(`${store.description}: holds no whole block of ${medium.blockSize} bytes`);
  if (thin && !medium.readOnly && store.provisioning === undefined)
    throw new StoreOpenError(
      `${store.description}: can't be thin: what it is on gives no storage back; leave "thin" out`,
    );
  return medium;
}

/**
 * Whether the disk lets go of blocks: as the configuration says, else when what it is made on can. A removable one must be
 * told, since on a medium that keeps its storage every unmapping would be a write of zeros.
 */
function isThin({ thin, removable }: UnitConfig, { readOnly, store }: Medium): boolean {
  return thin ?? (removable !== true && !readOnly && store.provisioning !== undefined);
}
