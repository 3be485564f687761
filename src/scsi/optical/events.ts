import {
  CLASS_DEVICE_BUSY,
  CLASS_MEDIA,
  CLASS_OPERATIONAL_CHANGE,
  CLASS_POWER_MANAGEMENT,
  MEDIA_STATUS_PRESENT,
  MEDIA_STATUS_TRAY_OPEN,
} from "../../abi/mmc.ts";
import type { Drive } from "../drive.ts";
import { NO_MEDIUM } from "../medium.ts";
import { answerWith, checkCondition, INVALID_FIELD_IN_CDB } from "../sense.ts";
import type { Nexus, ScsiTask } from "../task.ts";
import { cdb8, cdb16 } from "../task-access.ts";
import { field16 } from "./addresses.ts";
import type { OpticalDrive } from "./optical-drive.ts";

const POLLED = 0x01;
const NO_EVENT_AVAILABLE = 0x80;
const HEADER_AFTER_LENGTH = 2;
/** A descriptor that tells of no change, and of nothing that could. */
const NO_CHANGE = [0, 0, 0, 0] as const;
const PERSISTENT_PREVENTION = 0x80;
const POWER_ACTIVE = 1;

type Descriptor = (drive: Drive, nexus: Nexus) => readonly number[];

/** The event descriptor of each class: event code, status, and two bytes of its own. [MMC-6] 6.6.2. */
const DESCRIPTORS: ReadonlyMap<number, Descriptor> = new Map<number, Descriptor>([
  [
    CLASS_OPERATIONAL_CHANGE,
    ({ prevention }) => (prevention.persistent ? [0, PERSISTENT_PREVENTION, 0, 0] : NO_CHANGE),
  ],
  [CLASS_POWER_MANAGEMENT, () => [0, POWER_ACTIVE, 0, 0]],
  [CLASS_MEDIA, (drive, nexus) => [drive.mediaEvents.pending(nexus), mediaStatus(drive), 0, 0]],
  [CLASS_DEVICE_BUSY, () => NO_CHANGE],
]);

const SUPPORTED = [...DESCRIPTORS.keys()].reduce((classes, code) => classes | (1 << code), 0);

/** GET EVENT STATUS NOTIFICATION, polled. [MMC-6] 6.6. One event of one class at a time. */
export function getEventStatusNotification(drive: OpticalDrive, task: ScsiTask) {
  if ((cdb8(task, 1) & POLLED) === 0) return checkCondition(task, INVALID_FIELD_IN_CDB);
  const allocation = cdb16(task, 7);
  const reported = classToReport(drive, task);
  const descriptor = reported === undefined ? undefined : DESCRIPTORS.get(reported)?.(drive, task.nexus);
  if (reported === undefined || descriptor === undefined)
    return answer(task, [...field16(HEADER_AFTER_LENGTH), NO_EVENT_AVAILABLE, SUPPORTED], allocation);
  const length = field16(HEADER_AFTER_LENGTH + descriptor.length);
  // An event that did not fit is told again.
  if (reported === CLASS_MEDIA && allocation > length.length + HEADER_AFTER_LENGTH)
    drive.mediaEvents.reported(task.nexus);
  answer(task, [...length, reported, SUPPORTED, ...descriptor], allocation);
}

function answer(task: ScsiTask, data: readonly number[], allocation: number) {
  answerWith(task, Uint8Array.from(data), allocation);
}

/** Of the requested classes, the first with an event, else the first that is supported. [MMC-6] 6.6.2.1. */
function classToReport(drive: OpticalDrive, task: ScsiTask): number | undefined {
  const requested = cdb8(task, 4);
  const classes = [...DESCRIPTORS.keys()].filter((code) => (requested & (1 << code)) !== 0);
  return classes.find((code) => DESCRIPTORS.get(code)?.(drive, task.nexus)[0] !== 0) ?? classes[0];
}

function mediaStatus({ medium, tray }: Drive): number {
  return (medium === NO_MEDIUM ? 0 : MEDIA_STATUS_PRESENT) | (tray.open ? MEDIA_STATUS_TRAY_OPEN : 0);
}
