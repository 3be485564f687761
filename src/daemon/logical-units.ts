import { openStore } from "../backends/open-store.ts";
import type { NamedUnitConfig } from "../config/schema.ts";
import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import { Disk } from "../scsi/disk/disk.ts";
import { Medium } from "../scsi/medium.ts";
import type { ReservationStorage } from "../scsi/reservations/stored-state.ts";

/** What describes a unit, wherever it is shown. */
type UnitConfig = Omit<NamedUnitConfig, "name" | "backend">;

/**
 * Makes the disk that a configuration describes. The strings that nobody gave are IBM's, which AIX looks for, and a
 * serial number that stays the same as long as the place (or the name) does. @throws StoreOpenError, StateDirectoryError, StoredStateError
 */
export function openDisk(
  config: UnitConfig,
  backend: NamedUnitConfig["backend"],
  place: string,
  memory: SharedMemory,
  log: Log,
  reservationStorage?: ReservationStorage,
): Disk {
  return new Disk({
    medium: new Medium(
      openStore(backend, { memory, readOnly: config.readOnly, log }),
      config.blockSize,
      config.readOnly,
    ),
    removable: false,
    identity: {
      vendor: config.vendor ?? "IBM",
      product: config.product ?? "VDASD blkdev",
      revision: config.revision ?? "0001",
      serial: config.serial ?? `VSCSI-${place}`,
    },
    log,
    reservationStorage,
  });
}
