import { STATUS_CHECK_CONDITION } from "../../abi/scsi.ts";
import type { Sense } from "../sense.ts";
import { FIXED_SENSE_LENGTH, writeSense } from "../sense-data.ts";
import type { ScsiTask } from "../task.ts";

/** What a copy target device ended a command with. */
export interface TargetFailure {
  readonly role: "source" | "destination";
  readonly status: number;
  /** Its sense data, if any. */
  readonly sense: Uint8Array;
}

/** Why a copy was aborted, and where. [SPC-4] 5.17.7. */
export interface CopyFailure {
  readonly sense: Sense;
  /** Number of the segment descriptor. */
  readonly segment: number;
  readonly target?: TargetFailure;
}

// Forwarded sense data descriptor. [SPC-4] 4.5.2.9.
const FORWARDED_SENSE = 0x0c;
const FORWARDED_HEADER = 4;
const FROM_COPY_SOURCE = 1;
const FROM_COPY_DESTINATION = 2;
/** Byte of ADDITIONAL SENSE LENGTH, and how many bytes it does not count. */
const ADDITIONAL_LENGTH = 7;
const UNCOUNTED = 8;

/** Sense data of a copy that was aborted, with the status and sense data of the target that failed. */
export function copySense(failure: CopyFailure, descriptor: boolean, room: number): Uint8Array {
  const { target, segment, sense } = failure;
  const data = new Uint8Array(Math.max(room, FIXED_SENSE_LENGTH));
  const forwarded = target === undefined ? undefined : forwardedSense(target, descriptor);
  // COMMAND-SPECIFIC INFORMATION: where the source's, where the destination's status stands, and the segment.
  const at = forwarded === undefined || descriptor ? 0 : FIXED_SENSE_LENGTH;
  const place = target?.role === "source" ? at << 24 : at << 16;
  const end = writeSense(data, descriptor, sense, { commandSpecific: place + segment });
  if (forwarded === undefined || end + forwarded.length > data.length) return data.slice(0, end);
  data.set(forwarded, end);
  data[ADDITIONAL_LENGTH] = end + forwarded.length - UNCOUNTED;
  return data.slice(0, end + forwarded.length);
}

function forwardedSense({ role, status, sense }: TargetFailure, descriptor: boolean): Uint8Array {
  if (!descriptor) return Uint8Array.of(status, ...sense);
  const source = role === "source" ? FROM_COPY_SOURCE : FROM_COPY_DESTINATION;
  return Uint8Array.of(FORWARDED_SENSE, sense.length + FORWARDED_HEADER - 2, source, status, ...sense);
}

/** Ends the EXTENDED COPY command. */
export function endAborted(task: ScsiTask, failure: CopyFailure): void {
  const data = copySense(failure, task.descriptorSense, task.sense.length);
  task.sense.set(data);
  task.senseLength = data.length;
  task.status = STATUS_CHECK_CONDITION;
  task.dataInCount = 0;
  task.done();
}
