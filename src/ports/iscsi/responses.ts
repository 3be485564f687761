import {
  ASYNC_EVENT,
  ASYNC_MESSAGE,
  ASYNC_PARAMETER_1,
  ASYNC_PARAMETER_2,
  ASYNC_PARAMETER_3,
  BHS_ITT,
  BHS_LENGTH,
  BHS_LUN,
  FLAG_CONTINUE,
  FLAG_FINAL,
  LOGOUT_RESPONSE,
  LOGOUT_RESPONSE_CODE,
  NOP_IN,
  R2T_LENGTH,
  R2T_OFFSET,
  R2T_SN,
  READY_TO_TRANSFER,
  REJECT,
  REJECT_REASON,
  RESERVED_TAG,
  RESPONSE_EXP_CMD_SN,
  RESPONSE_MAX_CMD_SN,
  RESPONSE_STAT_SN,
  TARGET_TRANSFER_TAG,
  TASK_MANAGEMENT_RESPONSE,
  TASK_RESPONSE,
  TEXT_RESPONSE,
} from "../../abi/iscsi.ts";
import type { Outbox } from "../../iscsi/outbox.ts";

/** ExpCmdSN and MaxCmdSN as a response tells them. */
export interface CommandWindow {
  readonly expCmdSN: number;
  readonly maxCmdSN: number;
}

const NO_DATA = new Uint8Array();

/** Writes the PDUs of one connection, each with the sequence numbers of its moment. [RFC 7143] 4.2.2. */
export class Responses {
  readonly outbox: Outbox;
  /** The session's, once there is one. */
  window: CommandWindow = { expCmdSN: 0, maxCmdSN: 0 };
  statSN = 0;

  constructor(outbox: Outbox) {
    this.outbox = outbox;
  }

  /** Begins a response that takes a StatSN. @returns offset of its header in the outbox's bytes */
  begin(opcode: number, flags: number, itt: number, copied = 0): number {
    const at = this.outbox.begin(opcode, flags, copied);
    this.outbox.bytes.writeUInt32BE(itt, at + BHS_ITT);
    this.stamp(at);
    this.statSN = (this.statSN + 1) >>> 0;
    return at;
  }

  /** StatSN as it stands, ExpCmdSN and MaxCmdSN. */
  stamp(at: number): void {
    this.outbox.bytes.writeUInt32BE(this.statSN, at + RESPONSE_STAT_SN);
    this.stampWindow(at);
  }

  /** ExpCmdSN and MaxCmdSN alone: a Data-In without status has no StatSN. [RFC 7143] 11.7. */
  stampWindow(at: number): void {
    const { bytes } = this.outbox;
    bytes.writeUInt32BE(this.window.expCmdSN, at + RESPONSE_EXP_CMD_SN);
    bytes.writeUInt32BE(this.window.maxCmdSN, at + RESPONSE_MAX_CMD_SN);
  }

  /** [RFC 7143] 11.8. `lun` stands at `lunOffset` of `lunBytes`. */
  readyToTransfer(
    itt: number,
    tag: number,
    sequence: number,
    offset: number,
    length: number,
    lunBytes: Uint8Array,
    lunOffset: number,
  ): void {
    const at = this.outbox.begin(READY_TO_TRANSFER, FLAG_FINAL);
    const { bytes } = this.outbox;
    for (let byte = 0; byte < 8; byte++) bytes[at + BHS_LUN + byte] = lunBytes[lunOffset + byte] ?? 0;
    bytes.writeUInt32BE(itt, at + BHS_ITT);
    bytes.writeUInt32BE(tag, at + TARGET_TRANSFER_TAG);
    this.stamp(at);
    bytes.writeUInt32BE(sequence, at + R2T_SN);
    bytes.writeUInt32BE(offset, at + R2T_OFFSET);
    bytes.writeUInt32BE(length, at + R2T_LENGTH);
    this.outbox.end(at);
  }

  /** Answer to a NOP-Out, with as much of its data as the initiator takes. [RFC 7143] 11.19. */
  nopIn(itt: number, lun: Uint8Array, data: Uint8Array): void {
    const at = this.begin(NOP_IN, FLAG_FINAL, itt, data.length);
    this.outbox.bytes.set(lun, at + BHS_LUN);
    this.outbox.bytes.writeUInt32BE(RESERVED_TAG, at + TARGET_TRANSFER_TAG);
    this.outbox.endWithCopy(at, data, 0, data.length);
  }

  /** A NOP-In of our own, which asks for an answer and takes no StatSN. [RFC 7143] 11.19. */
  ping(tag: number): void {
    const at = this.outbox.begin(NOP_IN, FLAG_FINAL);
    this.outbox.bytes.writeUInt32BE(RESERVED_TAG, at + BHS_ITT);
    this.outbox.bytes.writeUInt32BE(tag, at + TARGET_TRANSFER_TAG);
    this.stamp(at);
    this.outbox.end(at);
  }

  /** [RFC 7143] 11.11. A `tag` other than RESERVED_TAG: more follows when asked for. */
  text(itt: number, tag: number, data: Uint8Array): void {
    const at = this.begin(TEXT_RESPONSE, tag === RESERVED_TAG ? FLAG_FINAL : FLAG_CONTINUE, itt, data.length);
    this.outbox.bytes.writeUInt32BE(tag, at + TARGET_TRANSFER_TAG);
    this.outbox.endWithCopy(at, data, 0, data.length);
  }

  /** [RFC 7143] 11.6. */
  taskManagement(itt: number, response: number): void {
    const at = this.begin(TASK_MANAGEMENT_RESPONSE, FLAG_FINAL, itt);
    this.outbox.bytes[at + TASK_RESPONSE] = response;
    this.outbox.end(at);
  }

  /** [RFC 7143] 11.15: Time2Wait and Time2Retain are zero, nothing is retained. */
  logout(itt: number, response: number): void {
    const at = this.begin(LOGOUT_RESPONSE, FLAG_FINAL, itt);
    this.outbox.bytes[at + LOGOUT_RESPONSE_CODE] = response;
    this.outbox.end(at);
  }

  /** Refuses a PDU, whose header comes back as data. [RFC 7143] 11.17. */
  reject(reason: number, header: Uint8Array): void {
    const at = this.begin(REJECT, FLAG_FINAL, RESERVED_TAG, BHS_LENGTH);
    this.outbox.bytes[at + REJECT_REASON] = reason;
    this.outbox.endWithCopy(at, header, 0, BHS_LENGTH);
  }

  /** [RFC 7143] 11.9. */
  asyncMessage(event: number, parameters: readonly [number, number, number]): void {
    const at = this.begin(ASYNC_MESSAGE, FLAG_FINAL, RESERVED_TAG);
    const { bytes } = this.outbox;
    bytes[at + ASYNC_EVENT] = event;
    bytes.writeUInt16BE(parameters[0], at + ASYNC_PARAMETER_1);
    bytes.writeUInt16BE(parameters[1], at + ASYNC_PARAMETER_2);
    bytes.writeUInt16BE(parameters[2], at + ASYNC_PARAMETER_3);
    this.outbox.endWithCopy(at, NO_DATA, 0, 0);
  }
}
