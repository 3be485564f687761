import { SEGMENT_BLOCK_TO_BLOCK, TARGET_IDENTIFICATION } from "../../abi/copy.ts";
import type { Disk } from "../disk/disk.ts";
import { answerWith, invalidField } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb32 } from "../task-access.ts";
import type { CopyResult } from "./copy-results.ts";
import {
  CONCURRENT_COPIES_MAXIMUM,
  DESCRIPTOR_LISTS_MAXIMUM,
  SEGMENT_DESCRIPTORS_MAXIMUM,
  TARGET_DESCRIPTORS_MAXIMUM,
} from "./limits.ts";

const LIST_IDENTIFIER = 2;
const ALLOCATION_LENGTH = 10;
/** AVAILABLE DATA, in front of each answer, does not count itself. */
const AVAILABLE_DATA_LENGTH = 4;

const STATUS_LENGTH = 12;
const SEGMENTS_MOST = 0xffff;
const TRANSFER_COUNT_MOST = 0xffff_ffff;
/** TRANSFER COUNT UNITS: a power of 1024 bytes. [SPC-4] 6.18. */
const UNIT_STEP = 1024;

/** RECEIVE COPY STATUS (LID1). [SPC-4] 6.18. */
export function receiveCopyStatus(disk: Disk, task: ScsiTask) {
  const result = resultOf(disk, task);
  if (result === undefined) return invalidField(task, LIST_IDENTIFIER);
  const data = answer(STATUS_LENGTH);
  data.setUint8(4, result.state);
  data.setUint16(5, Math.min(result.segmentsProcessed, SEGMENTS_MOST));
  let units = 0;
  let count = result.bytesWritten;
  for (; count > TRANSFER_COUNT_MOST; count /= UNIT_STEP) units++;
  data.setUint8(7, units);
  data.setUint32(8, Math.floor(count));
  send(task, data);
}

/** RECEIVE COPY DATA (LID1). [SPC-4] 6.16. No segment of ours holds data for the initiator. */
export function receiveCopyData(disk: Disk, task: ScsiTask) {
  if (resultOf(disk, task) === undefined) return invalidField(task, LIST_IDENTIFIER);
  send(task, answer(AVAILABLE_DATA_LENGTH));
}

const DETAILS_STATUS = 56;
const DETAILS_SENSE_LENGTH = 58;
const DETAILS_SENSE = 60;

/** RECEIVE COPY FAILURE DETAILS (LID1). [SPC-4] 6.20: once; then the copy is forgotten. */
export function receiveCopyFailureDetails(disk: Disk, task: ScsiTask) {
  const identifier = cdb8(task, LIST_IDENTIFIER);
  const result = resultOf(disk, task);
  if (result === undefined || result.inProgress) return invalidField(task, LIST_IDENTIFIER);
  const { failureSense: sense, commandStatus } = result;
  if (sense === undefined) return send(task, answer(AVAILABLE_DATA_LENGTH));
  const data = answer(DETAILS_SENSE + sense.length);
  data.setUint8(DETAILS_STATUS, commandStatus);
  data.setUint16(DETAILS_SENSE_LENGTH, sense.length);
  new Uint8Array(data.buffer).set(sense, DETAILS_SENSE);
  disk.copies.forget(task.nexus, identifier);
  send(task, data);
}

/** Types of descriptors that are implemented, in ascending order. */
const DESCRIPTOR_TYPES = [SEGMENT_BLOCK_TO_BLOCK, TARGET_IDENTIFICATION] as const;
const PARAMETERS_LENGTH = 44;
/** SNLID: a list need not have an identifier. */
const NO_LIST_IDENTIFIER = 0x01;
/** Data are moved in units of 2^9 bytes. */
const SEGMENT_GRANULARITY = 9;

/** RECEIVE COPY OPERATING PARAMETERS. [SPC-4] 6.19. What is 0 is not limited, or not there. */
export function receiveCopyOperatingParameters(_disk: Disk, task: ScsiTask) {
  const data = answer(PARAMETERS_LENGTH + DESCRIPTOR_TYPES.length);
  data.setUint8(4, NO_LIST_IDENTIFIER);
  data.setUint16(8, TARGET_DESCRIPTORS_MAXIMUM);
  data.setUint16(10, SEGMENT_DESCRIPTORS_MAXIMUM);
  data.setUint32(12, DESCRIPTOR_LISTS_MAXIMUM);
  data.setUint16(34, CONCURRENT_COPIES_MAXIMUM);
  data.setUint8(36, CONCURRENT_COPIES_MAXIMUM);
  data.setUint8(37, SEGMENT_GRANULARITY);
  data.setUint8(43, DESCRIPTOR_TYPES.length);
  for (const [at, type] of DESCRIPTOR_TYPES.entries()) data.setUint8(PARAMETERS_LENGTH + at, type);
  send(task, data);
}

function resultOf({ copies }: Disk, task: ScsiTask): CopyResult | undefined {
  return copies.find(task.nexus, cdb8(task, LIST_IDENTIFIER));
}

function answer(length: number): DataView {
  const data = new DataView(new ArrayBuffer(length));
  data.setUint32(0, length - AVAILABLE_DATA_LENGTH);
  return data;
}

function send(task: ScsiTask, data: DataView) {
  answerWith(task, new Uint8Array(data.buffer), cdb32(task, ALLOCATION_LENGTH));
}
