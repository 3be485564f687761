import { STORE_DONE } from "../block-store.ts";
import {
  answerWith,
  checkCondition,
  FIXED_SENSE_LENGTH,
  good,
  INVALID_FIELD_IN_CDB,
  NO_ADDITIONAL_SENSE,
  NOT_READY_STOPPED,
  writeFixedSense,
} from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8 } from "../task-access.ts";
import type { Disk } from "./disk.ts";

const START = 0x01;
const LOAD_EJECT = 0x02;
const POWER_CONDITION_SHIFT = 4;

/** TEST UNIT READY. [SPC-4] 6.47. */
export function testUnitReady(disk: Disk, task: ScsiTask) {
  if (disk.stopped) checkCondition(task, NOT_READY_STOPPED);
  else good(task);
}

/** REQUEST SENSE, fixed format: every error was told with its own status, so there is only the unit's condition. [SPC-4] 6.39. */
export function requestSense(disk: Disk, task: ScsiTask) {
  const data = new Uint8Array(FIXED_SENSE_LENGTH);
  writeFixedSense(data, 0, disk.stopped ? NOT_READY_STOPPED : NO_ADDITIONAL_SENSE);
  answerWith(task, data, cdb8(task, 4));
}

/** START STOP UNIT: stopping flushes first. A fixed disk neither loads nor ejects. [SBC-3] 5.25. */
export function startStopUnit(disk: Disk, task: ScsiTask) {
  const byte4 = cdb8(task, 4);
  if ((byte4 & LOAD_EJECT) !== 0) return checkCondition(task, INVALID_FIELD_IN_CDB);
  if (byte4 >> POWER_CONDITION_SHIFT !== 0 || (byte4 & START) !== 0) {
    disk.stopped = false;
    return good(task);
  }
  disk.stopped = true;
  const transfer = disk.transfers.take(task, "flush", 0);
  transfer.settle(disk.readOnly ? STORE_DONE : disk.store.flush(transfer));
}
