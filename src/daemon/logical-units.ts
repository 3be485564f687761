import { StoreOpenError } from "../backends/open-file.ts";
import { openStore } from "../backends/open-store.ts";
import type { NamedUnitConfig } from "../config/schema.ts";
import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
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

/** INQUIRY's product of each kind of unit, which AIX looks for beside vendor IBM and revision 0001. [protocol] 5.2. */
const PRODUCTS = { disk: "VDASD blkdev", optical: "VOPTA blkdev" } as const;

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
 * Makes the drive that a configuration describes, and what is in it. The strings that nobody gave are IBM's, and a serial
 * number that stays the same as long as the place (or the name) does.
 * @throws StoreOpenError, StateDirectoryError, StoredStateError
 */
export function openLogicalUnit(config: UnitConfig, place: string, context: UnitContext): Drive {
  const { memory, log, storage, copyTargets, portGroups } = context;
  const { type, backend } = config;
  const optical = type === "optical";
  const readOnly = config.readOnly || optical;
  const medium = backend === undefined ? NO_MEDIUM : mediumFor(config, openStore(backend, { memory, readOnly, log }));
  const identity = {
    vendor: config.vendor ?? "IBM",
    product: config.product ?? PRODUCTS[type],
    revision: config.revision ?? "0001",
    serial: config.serial ?? `VSCSI-${place}`,
  };
  const kept = { reservationStorage: storage, state: storage?.subjects, portGroups };
  if (optical) return new OpticalDrive({ medium, identity, log, ...kept });
  const disk = new Disk({
    medium,
    removable: config.removable ?? false,
    blockSize: config.blockSize,
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

/** A store as the first medium of the drive that a configuration describes. @throws StoreOpenError */
function mediumFor({ type, blockSize, readOnly }: UnitConfig, store: BlockStore): Medium {
  const medium = type === "optical" ? disc(store) : new Medium(store, blockSize, readOnly);
  if (medium.blockCount === 0)
    throw new StoreOpenError(`${store.description}: holds no whole block of ${medium.blockSize} bytes`);
  return medium;
}
