import { OPTICAL_BLOCK_SIZE } from "../../abi/mmc.ts";
import { NO_MEDIUM } from "../medium.ts";
import {
  answerWith,
  COMMAND_SEQUENCE_ERROR,
  checkCondition,
  good,
  ILLEGAL_MODE_FOR_THIS_TRACK,
  INVALID_FIELD_IN_CDB,
  PARAMETER_LIST_LENGTH_ERROR,
} from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16 } from "../task-access.ts";
import { field16, field32 } from "./addresses.ts";
import type { OpticalDrive } from "./optical-drive.ts";

/** Kilobytes (1000) a second that the drive claims: 48 times the speed of a music CD, 176.4 kB/s. [MMC-6] 6.8. */
export const CLAIMED_SPEED = 8467;

/** READ FORMAT CAPACITIES, also of an empty drive. [MMC-6] 6.23. */
export function readFormatCapacities({ medium }: OpticalDrive, task: ScsiTask) {
  const FORMATTED = 2;
  const NO_MEDIUM_PRESENT = 3;
  const CAPACITY_UNKNOWN = 0xffffffff;
  const empty = medium === NO_MEDIUM;
  const descriptor = [
    ...field32(empty ? CAPACITY_UNKNOWN : medium.blockCount),
    ...[empty ? NO_MEDIUM_PRESENT : FORMATTED, ...field32(OPTICAL_BLOCK_SIZE).slice(1)],
  ];
  answerWith(task, Uint8Array.from([0, 0, 0, descriptor.length, ...descriptor]), cdb16(task, 7));
}

/** MECHANISM STATUS: of a drive that is no changer. [MMC-6] 6.10. */
export function mechanismStatus({ tray }: OpticalDrive, task: ScsiTask) {
  const DOOR_OPEN = 0x10;
  const SLOTS = 1;
  const currentAddress = [0, 0, 0];
  const slotTableLength = [0, 0];
  const data = [0, tray.open ? DOOR_OPEN : 0, ...currentAddress, SLOTS, ...slotTableLength];
  answerWith(task, Uint8Array.from(data), cdb16(task, 8));
}

/** READ BUFFER CAPACITY: of the buffer for writing, which a drive that only reads has not. [MMC-6] 6.20. */
export function readBufferCapacity(_drive: OpticalDrive, task: ScsiTask) {
  const body = [0, 0, ...field32(0), ...field32(0)];
  answerWith(task, Uint8Array.from([...field16(body.length), ...body]), cdb16(task, 7));
}

/** GET PERFORMANCE: the same speed everywhere. [MMC-6] 6.8. */
export function getPerformance({ medium }: OpticalDrive, task: ScsiTask) {
  const PERFORMANCE = 0x00;
  const WRITE_SPEED = 0x03;
  /** EXCEPT and WRITE of the data type field: exceptions, and writing. */
  const EXCEPTIONS = 0x03;
  const WRITING = 0x04;
  const kind = cdb8(task, 10);
  const dataType = cdb8(task, 1);
  if (kind !== PERFORMANCE && kind !== WRITE_SPEED) return checkCondition(task, INVALID_FIELD_IN_CDB);
  const none = kind === WRITE_SPEED || (dataType & (EXCEPTIONS | WRITING)) !== 0 || cdb16(task, 8) === 0;
  const nominal = [
    ...field32(0),
    ...field32(CLAIMED_SPEED),
    ...field32(Math.max(medium.blockCount - 1, 0)),
    ...field32(CLAIMED_SPEED),
  ];
  const descriptors = none ? [] : nominal;
  const rest = [dataType & (EXCEPTIONS | WRITING), 0, 0, 0, ...descriptors];
  const data = Uint8Array.from([...field32(rest.length), ...rest]);
  answerWith(task, data, data.length);
}

/** SET CD SPEED: taken note of by nobody, since there is nothing to turn. [MMC-6] 6.37. */
export function setCdSpeed(_drive: OpticalDrive, task: ScsiTask) {
  good(task);
}

/** SET STREAMING: a performance descriptor, as SET CD SPEED. [MMC-6] 6.41. */
export function setStreaming(_drive: OpticalDrive, task: ScsiTask) {
  const PERFORMANCE_DESCRIPTOR = 0x00;
  const DESCRIPTOR_LENGTH = 28;
  const length = cdb16(task, 9);
  task.dataOutCount = length;
  if (cdb8(task, 8) !== PERFORMANCE_DESCRIPTOR) return checkCondition(task, INVALID_FIELD_IN_CDB);
  if (length !== DESCRIPTOR_LENGTH || task.dataOutLength < length)
    return checkCondition(task, PARAMETER_LIST_LENGTH_ERROR);
  good(task);
}

/** PLAY AUDIO(10), (12), PLAY AUDIO MSF: the only track is data. [MMC-6] annex on CD audio. */
export function playAudio(_drive: OpticalDrive, task: ScsiTask) {
  checkCondition(task, ILLEGAL_MODE_FOR_THIS_TRACK);
}

/** PAUSE/RESUME: nothing plays that could be paused. */
export function pauseResume(_drive: OpticalDrive, task: ScsiTask) {
  checkCondition(task, COMMAND_SEQUENCE_ERROR);
}

/** STOP PLAY/SCAN: it is not an error to stop what is not playing. */
export function stopPlayScan(_drive: OpticalDrive, task: ScsiTask) {
  good(task);
}
