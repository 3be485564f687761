import { PREVENT_ALLOW_MEDIUM_REMOVAL, START_STOP_UNIT } from "../abi/scsi.ts";
import { CONTROL, type Command, OLD_LUN, type ReservationClass } from "./command.ts";
import type { Drive } from "./drive.ts";
import { type Medium, NO_MEDIUM } from "./medium.ts";
import { checkCondition, good, INVALID_FIELD_IN_CDB, MEDIUM_REMOVAL_PREVENTED, NOT_READY_STOPPED } from "./sense.ts";
import type { ScsiTask } from "./task.ts";
import { cdb8 } from "./task-access.ts";

const START = 0x01;
const LOAD_EJECT = 0x02;
const NO_FLUSH = 0x04;
const POWER_CONDITION = 0xf0;
const PREVENT = 0x01;
const PERSISTENT = 0x02;

/** Commands that move a medium or hold it where it is: those of every drive. */
export const MEDIUM_COMMANDS: readonly Command<Drive>[] = [
  {
    opcode: START_STOP_UNIT,
    name: "START STOP UNIT",
    usage: [0xff, OLD_LUN | 1, 0, 0x0f, 0xf7, CONTROL],
    reservation: startStopReservation,
    whenNotReady: true,
    execute: startStopUnit,
  },
  {
    opcode: PREVENT_ALLOW_MEDIUM_REMOVAL,
    name: "PREVENT ALLOW MEDIUM REMOVAL",
    usage: [0xff, OLD_LUN, 0, 0, PREVENT | PERSISTENT, CONTROL],
    reservation: preventAllowReservation,
    whenNotReady: true,
    execute: preventAllow,
  },
];

/** To start or load hurts nobody; to stop, to eject or to change the power condition does. [SBC-3] table 13. */
function startStopReservation(task: ScsiTask): ReservationClass {
  return (cdb8(task, 4) & (START | POWER_CONDITION)) === START ? "allowed" : "write";
}

/** To allow the removal hurts nobody; to prevent it does. [SBC-3] table 13. */
function preventAllowReservation(task: ScsiTask): ReservationClass {
  return (cdb8(task, 4) & PREVENT) === 0 ? "allowed" : "write";
}

/** START STOP UNIT. [SBC-3] 5.25, [MMC-6] 6.42. Every transition is at once, so IMMED makes no difference. */
function startStopUnit(drive: Drive, task: ScsiTask) {
  const flags = cdb8(task, 4);
  // Beside a power condition, START and LOEJ say nothing; in each of them the next command is served.
  if ((flags & POWER_CONDITION) !== 0) return start(drive, task);
  if ((flags & LOAD_EJECT) !== 0) return (flags & START) !== 0 ? load(drive, task) : eject(drive, task);
  if ((flags & START) === 0) return stop(drive, task);
  if (drive.medium === NO_MEDIUM) return checkCondition(task, drive.absence);
  start(drive, task);
}

function start(drive: Drive, task: ScsiTask) {
  drive.notReady = undefined;
  good(task);
}

/** A drive with a tray spins its medium up again when someone uses it [MMC-6] 6.42; a fixed disk waits for a START. */
function stop(drive: Drive, task: ScsiTask) {
  if (!drive.removable) drive.notReady = NOT_READY_STOPPED;
  flush(drive, drive.medium, task);
}

function load(drive: Drive, task: ScsiTask) {
  if (!drive.removable) return checkCondition(task, INVALID_FIELD_IN_CDB);
  if (!drive.tray.open) return start(drive, task);
  if (drive.prevention.ofInitiators) return checkCondition(task, MEDIUM_REMOVAL_PREVENTED);
  drive.moveTrayIn(task.nexus);
  good(task);
}

/** The medium stays in the tray, and its store open: what the flush can't bring to it is told all the same. */
function eject(drive: Drive, task: ScsiTask) {
  if (!drive.removable) return checkCondition(task, INVALID_FIELD_IN_CDB);
  if (drive.prevention.ofInitiators) return checkCondition(task, MEDIUM_REMOVAL_PREVENTED);
  const { medium } = drive;
  drive.moveTrayOut();
  flush(drive, medium, task);
}

function flush({ transfers }: Drive, medium: Medium, task: ScsiTask) {
  if (medium.readOnly || (cdb8(task, 4) & NO_FLUSH) !== 0) return good(task);
  const transfer = transfers.take(task, "flush", 0);
  transfer.settle(medium.store.flush(transfer));
}

/** PREVENT ALLOW MEDIUM REMOVAL. [SPC-4] 6.13, [MMC-6] 6.14. A fixed medium stays where it is, whatever is asked for. */
function preventAllow(drive: Drive, task: ScsiTask) {
  const flags = cdb8(task, 4);
  if (drive.removable) drive.prevention.set(task.nexus, (flags & PREVENT) !== 0, (flags & PERSISTENT) !== 0);
  good(task);
}
