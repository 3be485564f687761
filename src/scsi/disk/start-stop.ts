import { STORE_DONE } from "../block-store.ts";
import type { ReservationClass } from "../command.ts";
import { checkCondition, good, INVALID_FIELD_IN_CDB, NOT_READY_STOPPED } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8 } from "../task-access.ts";
import type { Disk } from "./disk.ts";

const START = 0x01;
const LOAD_EJECT = 0x02;
const POWER_CONDITION_SHIFT = 4;

/** START STOP UNIT: stopping flushes first. A fixed disk neither loads nor ejects. [SBC-3] 5.25. */
export function startStopUnit(disk: Disk, task: ScsiTask) {
  const byte4 = cdb8(task, 4);
  if ((byte4 & LOAD_EJECT) !== 0) return checkCondition(task, INVALID_FIELD_IN_CDB);
  if (byte4 >> POWER_CONDITION_SHIFT !== 0 || (byte4 & START) !== 0) {
    disk.notReady = undefined;
    return good(task);
  }
  disk.notReady = NOT_READY_STOPPED;
  const transfer = disk.transfers.take(task, "flush", 0);
  transfer.settle(disk.medium.readOnly ? STORE_DONE : disk.medium.store.flush(transfer));
}

/** To start a unit hurts nobody; to stop it, or to change its power condition, does. [SBC-3] table 13. */
export function startStopReservation(task: ScsiTask): ReservationClass {
  const byte4 = cdb8(task, 4);
  return (byte4 & START) !== 0 && byte4 >> POWER_CONDITION_SHIFT === 0 ? "allowed" : "write";
}
