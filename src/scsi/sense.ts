import {
  ABORTED_COMMAND,
  COPY_ABORTED,
  DATA_PROTECT,
  HARDWARE_ERROR,
  ILLEGAL_REQUEST,
  MEDIUM_ERROR,
  MISCOMPARE,
  NO_SENSE,
  NOT_READY,
  STATUS_BUSY,
  STATUS_CHECK_CONDITION,
  STATUS_GOOD,
  UNIT_ATTENTION,
} from "../abi/scsi.ts";
import type { Log } from "../core/log.ts";
import { type SenseDetail, writeSense } from "./sense-data.ts";
import type { ScsiTask } from "./task.ts";
import { cdb8 } from "./task-access.ts";

/** Sense key, additional sense code and qualifier, with the name that [SPC-4] annex E gives them. */
export interface Sense {
  readonly key: number;
  readonly asc: number;
  readonly ascq: number;
  readonly name: string;
}

function sense(key: number, asc: number, ascq: number, name: string): Sense {
  return { key, asc, ascq, name };
}

export const NO_ADDITIONAL_SENSE = sense(NO_SENSE, 0x00, 0x00, "NO ADDITIONAL SENSE INFORMATION");
export const MEDIUM_NOT_PRESENT = sense(NOT_READY, 0x3a, 0x00, "MEDIUM NOT PRESENT");
export const MEDIUM_NOT_PRESENT_TRAY_CLOSED = sense(NOT_READY, 0x3a, 0x01, "MEDIUM NOT PRESENT - TRAY CLOSED");
export const MEDIUM_NOT_PRESENT_TRAY_OPEN = sense(NOT_READY, 0x3a, 0x02, "MEDIUM NOT PRESENT - TRAY OPEN");
export const NOT_READY_STOPPED = sense(NOT_READY, 0x04, 0x02, "LOGICAL UNIT NOT READY, INITIALIZING COMMAND REQUIRED");
export const TARGET_PORT_IN_STANDBY = sense(
  NOT_READY,
  0x04,
  0x0b,
  "LOGICAL UNIT NOT ACCESSIBLE, TARGET PORT IN STANDBY STATE",
);
export const TARGET_PORT_UNAVAILABLE = sense(
  NOT_READY,
  0x04,
  0x0c,
  "LOGICAL UNIT NOT ACCESSIBLE, TARGET PORT IN UNAVAILABLE STATE",
);
export const FORMAT_IN_PROGRESS = sense(NOT_READY, 0x04, 0x04, "LOGICAL UNIT NOT READY, FORMAT IN PROGRESS");
export const SANITIZE_IN_PROGRESS = sense(NOT_READY, 0x04, 0x1b, "LOGICAL UNIT NOT READY, SANITIZE IN PROGRESS");
export const WRITE_ERROR = sense(MEDIUM_ERROR, 0x0c, 0x00, "WRITE ERROR");
export const UNRECOVERED_READ_ERROR = sense(MEDIUM_ERROR, 0x11, 0x00, "UNRECOVERED READ ERROR");
export const FORMAT_COMMAND_FAILED = sense(MEDIUM_ERROR, 0x31, 0x01, "FORMAT COMMAND FAILED");
export const SANITIZE_COMMAND_FAILED = sense(MEDIUM_ERROR, 0x31, 0x03, "SANITIZE COMMAND FAILED");
export const INTERNAL_TARGET_FAILURE = sense(HARDWARE_ERROR, 0x44, 0x00, "INTERNAL TARGET FAILURE");
export const PARAMETER_LIST_LENGTH_ERROR = sense(ILLEGAL_REQUEST, 0x1a, 0x00, "PARAMETER LIST LENGTH ERROR");
export const INVALID_OPERATION_CODE = sense(ILLEGAL_REQUEST, 0x20, 0x00, "INVALID COMMAND OPERATION CODE");
export const LBA_OUT_OF_RANGE = sense(ILLEGAL_REQUEST, 0x21, 0x00, "LOGICAL BLOCK ADDRESS OUT OF RANGE");
export const INVALID_FIELD_IN_CDB = sense(ILLEGAL_REQUEST, 0x24, 0x00, "INVALID FIELD IN CDB");
export const COMMAND_SEQUENCE_ERROR = sense(ILLEGAL_REQUEST, 0x2c, 0x00, "COMMAND SEQUENCE ERROR");
export const INCOMPATIBLE_FORMAT = sense(ILLEGAL_REQUEST, 0x30, 0x02, "CANNOT READ MEDIUM - INCOMPATIBLE FORMAT");
export const LOGICAL_UNIT_NOT_SUPPORTED = sense(ILLEGAL_REQUEST, 0x25, 0x00, "LOGICAL UNIT NOT SUPPORTED");
export const INVALID_FIELD_IN_PARAMETER_LIST = sense(ILLEGAL_REQUEST, 0x26, 0x00, "INVALID FIELD IN PARAMETER LIST");
export const INVALID_RELEASE_OF_PERSISTENT_RESERVATION = sense(
  ILLEGAL_REQUEST,
  0x26,
  0x04,
  "INVALID RELEASE OF PERSISTENT RESERVATION",
);
export const SAVING_NOT_SUPPORTED = sense(ILLEGAL_REQUEST, 0x39, 0x00, "SAVING PARAMETERS NOT SUPPORTED");
export const INVALID_MESSAGE_ERROR = sense(ILLEGAL_REQUEST, 0x49, 0x00, "INVALID MESSAGE ERROR");
export const INSUFFICIENT_REGISTRATION_RESOURCES = sense(
  ILLEGAL_REQUEST,
  0x55,
  0x04,
  "INSUFFICIENT REGISTRATION RESOURCES",
);
export const OPERATION_IN_PROGRESS = sense(ILLEGAL_REQUEST, 0x00, 0x16, "OPERATION IN PROGRESS");
export const TOO_MANY_TARGET_DESCRIPTORS = sense(ILLEGAL_REQUEST, 0x26, 0x06, "TOO MANY TARGET DESCRIPTORS");
export const UNSUPPORTED_TARGET_DESCRIPTOR = sense(
  ILLEGAL_REQUEST,
  0x26,
  0x07,
  "UNSUPPORTED TARGET DESCRIPTOR TYPE CODE",
);
export const TOO_MANY_SEGMENT_DESCRIPTORS = sense(ILLEGAL_REQUEST, 0x26, 0x08, "TOO MANY SEGMENT DESCRIPTORS");
export const UNSUPPORTED_SEGMENT_DESCRIPTOR = sense(
  ILLEGAL_REQUEST,
  0x26,
  0x09,
  "UNSUPPORTED SEGMENT DESCRIPTOR TYPE CODE",
);
export const INLINE_DATA_LENGTH_EXCEEDED = sense(ILLEGAL_REQUEST, 0x26, 0x0b, "INLINE DATA LENGTH EXCEEDED");
export const MEDIUM_REMOVAL_PREVENTED = sense(ILLEGAL_REQUEST, 0x53, 0x02, "MEDIUM REMOVAL PREVENTED");
export const ILLEGAL_MODE_FOR_THIS_TRACK = sense(ILLEGAL_REQUEST, 0x64, 0x00, "ILLEGAL MODE FOR THIS TRACK");
export const MEDIUM_MAY_HAVE_CHANGED = sense(
  UNIT_ATTENTION,
  0x28,
  0x00,
  "NOT READY TO READY CHANGE, MEDIUM MAY HAVE CHANGED",
);
export const RESET_OCCURRED = sense(UNIT_ATTENTION, 0x29, 0x00, "POWER ON, RESET, OR BUS DEVICE RESET OCCURRED");
export const RESERVATIONS_PREEMPTED = sense(UNIT_ATTENTION, 0x2a, 0x03, "RESERVATIONS PREEMPTED");
export const RESERVATIONS_RELEASED = sense(UNIT_ATTENTION, 0x2a, 0x04, "RESERVATIONS RELEASED");
export const REGISTRATIONS_PREEMPTED = sense(UNIT_ATTENTION, 0x2a, 0x05, "REGISTRATIONS PREEMPTED");
export const COMMANDS_CLEARED = sense(UNIT_ATTENTION, 0x2f, 0x00, "COMMANDS CLEARED BY ANOTHER INITIATOR");
export const MODE_PARAMETERS_CHANGED = sense(UNIT_ATTENTION, 0x2a, 0x01, "MODE PARAMETERS CHANGED");
export const ACCESS_STATE_CHANGED = sense(UNIT_ATTENTION, 0x2a, 0x06, "ASYMMETRIC ACCESS STATE CHANGED");
export const TIMESTAMP_CHANGED = sense(UNIT_ATTENTION, 0x2a, 0x10, "TIMESTAMP CHANGED");
export const IDENTIFYING_INFORMATION_CHANGED = sense(UNIT_ATTENTION, 0x3f, 0x05, "DEVICE IDENTIFIER CHANGED");
export const CAPACITY_DATA_CHANGED = sense(UNIT_ATTENTION, 0x2a, 0x09, "CAPACITY DATA HAS CHANGED");
export const REPORTED_LUNS_CHANGED = sense(UNIT_ATTENTION, 0x3f, 0x0e, "REPORTED LUNS DATA HAS CHANGED");
export const WRITE_PROTECTED = sense(DATA_PROTECT, 0x27, 0x00, "WRITE PROTECTED");
export const SOFTWARE_WRITE_PROTECTED = sense(DATA_PROTECT, 0x27, 0x02, "LOGICAL UNIT SOFTWARE WRITE PROTECTED");
export const SPACE_ALLOCATION_FAILED = sense(DATA_PROTECT, 0x27, 0x07, "SPACE ALLOCATION FAILED WRITE PROTECT");
export const COPY_TARGET_FAILED = sense(COPY_ABORTED, 0x00, 0x00, "NO ADDITIONAL SENSE INFORMATION");
export const UNREACHABLE_COPY_TARGET = sense(COPY_ABORTED, 0x08, 0x04, "UNREACHABLE COPY TARGET");
export const COPY_TARGET_NOT_REACHABLE = sense(COPY_ABORTED, 0x0d, 0x02, "COPY TARGET DEVICE NOT REACHABLE");
export const INCORRECT_COPY_TARGET_TYPE = sense(COPY_ABORTED, 0x0d, 0x03, "INCORRECT COPY TARGET DEVICE TYPE");
export const UNEXPECTED_INEXACT_SEGMENT = sense(COPY_ABORTED, 0x26, 0x0a, "UNEXPECTED INEXACT SEGMENT");
export const UNEXPECTED_UNSOLICITED_DATA = sense(
  ABORTED_COMMAND,
  0x0c,
  0x0c,
  "WRITE ERROR - UNEXPECTED UNSOLICITED DATA",
);
export const NOT_ENOUGH_UNSOLICITED_DATA = sense(
  ABORTED_COMMAND,
  0x0c,
  0x0d,
  "WRITE ERROR - NOT ENOUGH UNSOLICITED DATA",
);
export const PROTOCOL_SERVICE_CRC_ERROR = sense(ABORTED_COMMAND, 0x47, 0x05, "PROTOCOL SERVICE CRC ERROR");
export const DATA_PHASE_ERROR = sense(ABORTED_COMMAND, 0x4b, 0x00, "DATA PHASE ERROR");
export const MISCOMPARE_DURING_VERIFY = sense(MISCOMPARE, 0x1d, 0x00, "MISCOMPARE DURING VERIFY OPERATION");

/**
 * Ends a task with CHECK CONDITION and sense data, in the format that the unit's D_SENSE bit asks for.
 * `detail` fills the fields that depend on the error: `checkCondition(task, LBA_OUT_OF_RANGE, { information: lba })`.
 */
export function checkCondition(task: ScsiTask, what: Sense, detail?: SenseDetail): void {
  task.status = STATUS_CHECK_CONDITION;
  task.senseLength = writeSense(task.sense, task.descriptorSense, what, detail);
  task.dataInCount = 0;
  task.faulted?.(task);
  task.done();
}

/** INVALID FIELD IN CDB, with the byte that is wrong and, when the field is no whole byte, its most significant bit. */
export function invalidField(task: ScsiTask, byte: number, bit?: number): void {
  checkCondition(task, INVALID_FIELD_IN_CDB, bitDetail(byte, bit));
}

/** INVALID FIELD IN PARAMETER LIST, with the byte and bit that are wrong. */
export function invalidParameter(task: ScsiTask, byte: number, bit?: number): void {
  checkCondition(task, INVALID_FIELD_IN_PARAMETER_LIST, bitDetail(byte, bit));
}

function bitDetail(fieldPointer: number, bitPointer: number | undefined): SenseDetail {
  return bitPointer === undefined ? { fieldPointer } : { fieldPointer, bitPointer };
}

/**
 * Ends a task whose handler threw. Guest input never throws: this is a bug of ours, and the command it hit must still
 * be answered.
 */
export function failTask(task: ScsiTask, error: unknown, log: Log): void {
  log.error({ err: error, opcode: cdb8(task, 0) }, "command handler failed");
  checkCondition(task, INTERNAL_TARGET_FAILURE);
}

/** Ends a task with GOOD; `dataInCount` bytes stand in its buffer. */
export function good(task: ScsiTask, dataInCount = 0): void {
  task.status = STATUS_GOOD;
  task.senseLength = 0;
  task.dataInCount = dataInCount;
  task.done();
}

/** Ends a task with data-in, cut at the CDB's allocation length. [SPC-4] 4.2.5.6. BUSY when there is no memory for it. */
export function answerWith(task: ScsiTask, data: Uint8Array, allocationLength: number) {
  const length = Math.min(data.length, allocationLength);
  if (length === 0) return good(task);
  const address = task.reserve(length);
  if (address === 0) return endWith(task, STATUS_BUSY);
  task.memory.u8.set(data.subarray(0, length), address);
  good(task, length);
}

/** Ends a task with a status that carries no sense data. */
export function endWith(task: ScsiTask, status: number): void {
  task.status = status;
  task.senseLength = 0;
  task.dataInCount = 0;
  task.done();
}
