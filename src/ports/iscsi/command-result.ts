import {
  BHS_ITT,
  DATA_FLAG_STATUS,
  DATA_IN_RESIDUAL,
  DATA_IN_STATUS,
  DATA_OFFSET,
  DATA_SN,
  FLAG_FINAL,
  FLAG_OVERFLOW,
  FLAG_UNDERFLOW,
  RESERVED_TAG,
  SCSI_DATA_IN,
  SCSI_RESPONSE,
  SCSI_RESPONSE_EXP_DATA_SN,
  SCSI_RESPONSE_RESIDUAL,
  SCSI_RESPONSE_STATUS,
  SENSE_LENGTH_FIELD,
  TARGET_TRANSFER_TAG,
} from "../../abi/iscsi.ts";
import { SENSE_LENGTH_MAX } from "../../abi/records.ts";
import { STATUS_GOOD } from "../../abi/scsi.ts";
import type { Parameters } from "../../iscsi/parameters.ts";
import type { CommandTask } from "./command-task.ts";
import type { Responses } from "./responses.ts";

/** Data-in up to this many bytes are copied to stand with their header; more are written from where they are. */
const COPIED_MAXIMUM = 8192;
const SENSE_SEGMENT = new Uint8Array(SENSE_LENGTH_FIELD + SENSE_LENGTH_MAX);

/**
 * Sends what became of a command: data-in, status with the last of them when it is GOOD, else a SCSI Response. A large
 * buffer leaves the task by `lend` and comes back when the socket has taken it.
 */
export function sendResult(
  task: CommandTask,
  responses: Responses,
  parameters: Parameters,
  lend: (address: number, size: number) => void,
): void {
  const moved = Math.min(task.dataInCount, task.dataInLength);
  const statusWithData = moved > 0 && task.status === STATUS_GOOD;
  const sent = moved === 0 ? 0 : sendDataIn(task, responses, parameters, moved, statusWithData);
  if (moved > COPIED_MAXIMUM) task.lendBuffer(lend);
  if (!statusWithData) sendResponse(task, responses, sent);
}

/** Bytes that the command moved or would have moved, less those that the initiator expected. */
function residual(task: CommandTask): number {
  return Math.max(task.dataInCount, task.dataOutCount) - task.expectedLength;
}

function residualFlags(count: number): number {
  return count > 0 ? FLAG_OVERFLOW : count < 0 ? FLAG_UNDERFLOW : 0;
}

/** Data-In PDUs, cut at what the initiator takes and at the burst length. [RFC 7143] 11.7. @returns how many */
function sendDataIn(
  task: CommandTask,
  responses: Responses,
  { sendDataMaximum, maxBurstLength }: Parameters,
  moved: number,
  withStatus: boolean,
): number {
  const { outbox } = responses;
  const { u8 } = task.memory;
  let dataSN = 0;
  let burstEnd = maxBurstLength;
  for (let offset = 0; offset < moved; dataSN++) {
    const end = Math.min(offset + sendDataMaximum, burstEnd, moved);
    const last = end === moved;
    const copies = moved <= COPIED_MAXIMUM;
    const flags = last || end === burstEnd ? FLAG_FINAL : 0;
    const room = copies ? end - offset : 0;
    const at =
      last && withStatus ? beginLastData(task, responses, flags, room) : beginData(task, responses, flags, room);
    outbox.bytes.writeUInt32BE(RESERVED_TAG, at + TARGET_TRANSFER_TAG);
    outbox.bytes.writeUInt32BE(dataSN, at + DATA_SN);
    outbox.bytes.writeUInt32BE(offset, at + DATA_OFFSET);
    if (copies) outbox.endWithCopy(at, u8, task.buffer + offset, task.buffer + end);
    else outbox.endWithLoan(at, u8, task.buffer + offset, task.buffer + end);
    if (end === burstEnd) burstEnd += maxBurstLength;
    offset = end;
  }
  return dataSN;
}

function beginData({ itt }: CommandTask, responses: Responses, flags: number, room: number): number {
  const at = responses.outbox.begin(SCSI_DATA_IN, flags, room);
  responses.outbox.bytes.writeUInt32BE(itt, at + BHS_ITT);
  responses.stampWindow(at);
  return at;
}

/** The Data-In that carries the status too. */
function beginLastData(task: CommandTask, responses: Responses, flags: number, room: number): number {
  const count = residual(task);
  const at = responses.begin(SCSI_DATA_IN, flags | DATA_FLAG_STATUS | residualFlags(count), task.itt, room);
  responses.outbox.bytes[at + DATA_IN_STATUS] = task.status;
  responses.outbox.bytes.writeUInt32BE(Math.abs(count), at + DATA_IN_RESIDUAL);
  return at;
}

/** SCSI Response, with sense data behind their length. [RFC 7143] 11.4. */
function sendResponse(task: CommandTask, responses: Responses, dataInSent: number): void {
  const { outbox } = responses;
  const senseLength = Math.min(task.senseLength, SENSE_LENGTH_MAX);
  const segment = senseLength === 0 ? 0 : SENSE_LENGTH_FIELD + senseLength;
  const count = residual(task);
  const at = responses.begin(SCSI_RESPONSE, FLAG_FINAL | residualFlags(count), task.itt, segment);
  const { bytes } = outbox;
  bytes[at + SCSI_RESPONSE_STATUS] = task.status;
  bytes.writeUInt32BE(dataInSent > 0 ? dataInSent : task.dataOut.solicitations, at + SCSI_RESPONSE_EXP_DATA_SN);
  bytes.writeUInt32BE(Math.abs(count), at + SCSI_RESPONSE_RESIDUAL);
  SENSE_SEGMENT[0] = senseLength >> 8;
  SENSE_SEGMENT[1] = senseLength & 0xff;
  for (let index = 0; index < senseLength; index++) SENSE_SEGMENT[SENSE_LENGTH_FIELD + index] = task.sense[index] ?? 0;
  outbox.endWithCopy(at, SENSE_SEGMENT, 0, segment);
}
