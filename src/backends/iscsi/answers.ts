import {
  BHS_FLAGS,
  DATA_FLAG_STATUS,
  DATA_IN_RESIDUAL,
  DATA_IN_STATUS,
  DATA_OFFSET,
  DATA_SN,
  FLAG_UNDERFLOW,
  R2T_LENGTH,
  R2T_OFFSET,
  R2T_SN,
  RESERVED_TAG,
  SCSI_RESPONSE_RESIDUAL,
  SCSI_RESPONSE_RESPONSE,
  SCSI_RESPONSE_STATUS,
  SENSE_LENGTH_FIELD,
  TARGET_TRANSFER_TAG,
} from "../../abi/iscsi.ts";
import type { Problem, ReceivedHeader } from "../../iscsi/pdu-reader.ts";
import type { Command } from "./command.ts";
import type { Requests } from "./requests.ts";

/** Response code: the target has got as far as a status. [RFC 7143] 11.4.3. */
const COMPLETED_AT_TARGET = 0;

/**
 * Judges the header of a Data-In before its data are taken: they come in order and without a gap, and never beyond what
 * was asked for. [RFC 7143] 11.7.
 */
export function judgeDataIn(command: Command, { view, dataLength }: ReceivedHeader): Problem | undefined {
  const { inLength, received, nextDataSN } = command;
  const offset = view.getUint32(DATA_OFFSET);
  if (view.getUint32(DATA_SN) !== nextDataSN) return `Data-In ${view.getUint32(DATA_SN)} instead of ${nextDataSN}`;
  if (offset !== received) return `Data-In at offset ${offset} instead of ${received}`;
  if (dataLength > inLength - received) return `Data-In of ${dataLength} bytes where ${inLength - received} are left`;
  return undefined;
}

/** A Data-In is whole. @returns whether it carried the command's status too */
export function endDataIn(command: Command, { view }: ReceivedHeader): boolean {
  command.nextDataSN++;
  const flags = view.getUint8(BHS_FLAGS);
  if ((flags & DATA_FLAG_STATUS) === 0) return false;
  setStatus(command, view.getUint8(DATA_IN_STATUS), flags, view.getUint32(DATA_IN_RESIDUAL));
  return true;
}

/** A SCSI Response with its data segment. [RFC 7143] 11.4. */
export function takeResponse(command: Command, { view }: ReceivedHeader, segment: Uint8Array): void {
  const { request } = command;
  const response = view.getUint8(SCSI_RESPONSE_RESPONSE);
  if (response !== COMPLETED_AT_TARGET) {
    request.outcome = "lost";
    request.reason = `the target failed, with response ${response}`;
    return;
  }
  setStatus(command, view.getUint8(SCSI_RESPONSE_STATUS), view.getUint8(BHS_FLAGS), residualOf(view));
  if (segment.length < SENSE_LENGTH_FIELD) return;
  const claimed = ((segment[0] ?? 0) << 8) | (segment[1] ?? 0);
  const length = Math.min(claimed, segment.length - SENSE_LENGTH_FIELD, request.sense.length);
  for (let at = 0; at < length; at++) request.sense[at] = segment[SENSE_LENGTH_FIELD + at] ?? 0;
  request.senseLength = length;
}

function residualOf(view: DataView): number {
  return view.getUint32(SCSI_RESPONSE_RESIDUAL);
}

/** What was not transferred is the target's word, but never less than what did not cross the wire. */
function setStatus(command: Command, status: number, flags: number, count: number): void {
  const { request, inLength, outLength, received, sent } = command;
  request.outcome = "answered";
  request.status = status;
  request.senseLength = 0;
  const told = (flags & FLAG_UNDERFLOW) !== 0 ? count : 0;
  const missing = inLength > 0 ? inLength - received : outLength - sent;
  request.residual = Math.min(Math.max(told, missing), inLength + outLength);
}

/** An R2T: sends what it asks for, which is the next of the data and never more than there are. [RFC 7143] 11.8. */
export function answerR2t(
  command: Command,
  { view }: ReceivedHeader,
  requests: Requests,
  maxBurstLength: number,
): Problem | undefined {
  const { outLength, sent, nextR2TSN } = command;
  const tag = view.getUint32(TARGET_TRANSFER_TAG);
  const offset = view.getUint32(R2T_OFFSET);
  const length = view.getUint32(R2T_LENGTH);
  if (view.getUint32(R2T_SN) !== nextR2TSN) return `R2T ${view.getUint32(R2T_SN)} instead of ${nextR2TSN}`;
  if (tag === RESERVED_TAG) return "an R2T without a tag";
  if (offset !== sent) return `R2T at offset ${offset} instead of ${sent}`;
  if (length === 0 || length > maxBurstLength || length > outLength - sent)
    return `R2T for ${length} bytes where ${outLength - sent} are left`;
  command.nextR2TSN++;
  requests.dataOut(command, tag, offset, offset + length);
  command.sent = offset + length;
  return undefined;
}
