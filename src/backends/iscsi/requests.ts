import {
  AHS_EXTENDED_CDB,
  AHS_EXTENDED_CDB_DATA,
  AHS_TYPE,
  ATTRIBUTE_ACA,
  ATTRIBUTE_HEAD_OF_QUEUE,
  ATTRIBUTE_ORDERED,
  ATTRIBUTE_SIMPLE,
  BHS_ITT,
  BHS_LENGTH,
  BHS_LUN,
  COMMAND_CDB,
  COMMAND_CDB_LENGTH,
  COMMAND_EXPECTED_LENGTH,
  COMMAND_FLAG_READ,
  COMMAND_FLAG_WRITE,
  DATA_OFFSET,
  DATA_SN,
  FLAG_FINAL,
  FUNCTION_ABORT_TASK,
  FUNCTION_LOGICAL_UNIT_RESET,
  LOGOUT_CLOSE_SESSION,
  LOGOUT_REQUEST,
  NOP_OUT,
  OPCODE_IMMEDIATE,
  REQUEST_CMD_SN,
  REQUEST_EXP_STAT_SN,
  RESERVED_TAG,
  SCSI_COMMAND,
  SCSI_DATA_OUT,
  TARGET_TRANSFER_TAG,
  TASK_MANAGEMENT_REQUEST,
  TASK_REF_CMD_SN,
  TASK_REFERENCED_TAG,
} from "../../abi/iscsi.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import type { Outbox } from "../../iscsi/outbox.ts";
import type { Parameters } from "../../iscsi/parameters.ts";
import { WORD } from "../../iscsi/pdu-reader.ts";
import { TASK_ACA, TASK_HEAD_OF_QUEUE, TASK_ORDERED, TASK_SIMPLE } from "../../scsi/task.ts";
import { LUN_LENGTH } from "./address.ts";
import { abortTag, type Command, INDEX_LOGOUT, INDEX_PING, INDEX_RESET } from "./command.ts";

/** Data-out up to this length are copied behind their header; longer ones are written from where they stand. Bytes. */
const COPIED_MAXIMUM = 8192;

const ATTRIBUTES: Readonly<Record<number, number>> = {
  [TASK_SIMPLE]: ATTRIBUTE_SIMPLE,
  [TASK_ORDERED]: ATTRIBUTE_ORDERED,
  [TASK_HEAD_OF_QUEUE]: ATTRIBUTE_HEAD_OF_QUEUE,
  [TASK_ACA]: ATTRIBUTE_ACA,
};

interface RequestsOptions {
  readonly outbox: Outbox;
  readonly memory: SharedMemory;
  readonly parameters: Parameters;
  /** Eight bytes. */
  readonly lun: Uint8Array;
  readonly cmdSN: number;
  readonly expStatSN: number;
}

/** Writes the PDUs of one session, each with the sequence numbers of its moment. [RFC 7143] 4.2.2. */
export class Requests {
  readonly #outbox: Outbox;
  readonly #memory: SharedMemory;
  readonly #parameters: Parameters;
  readonly #lun: Uint8Array;
  /** Of the next command. */
  cmdSN: number;
  /** StatSN that is expected next: acknowledges all before it. */
  expStatSN: number;

  constructor(options: RequestsOptions) {
    this.#outbox = options.outbox;
    this.#memory = options.memory;
    this.#parameters = options.parameters;
    this.#lun = options.lun;
    this.cmdSN = options.cmdSN;
    this.expStatSN = options.expStatSN;
  }

  /** SCSI Command with immediate data, and the unsolicited Data-Out PDUs behind it. [RFC 7143] 11.3. */
  command(command: Command): void {
    const { request, outLength } = command;
    const { immediateData, initialR2T, unsolicitedMaximum, sendDataMaximum } = this.#parameters;
    const unasked = Math.min(outLength, unsolicitedMaximum);
    const immediate = immediateData ? Math.min(unasked, sendDataMaximum) : 0;
    const unsolicitedEnd = initialR2T ? immediate : unasked;
    const direction = (outLength > 0 ? COMMAND_FLAG_WRITE : 0) | (command.inLength > 0 ? COMMAND_FLAG_READ : 0);
    const final = unsolicitedEnd > immediate ? 0 : FLAG_FINAL;
    const flags = final | direction | (ATTRIBUTES[request.attribute] ?? ATTRIBUTE_SIMPLE);
    const longer = Math.max(0, request.cdbLength - COMMAND_CDB_LENGTH);
    const copies = immediate <= COPIED_MAXIMUM;
    const ahsWords = longer === 0 ? 0 : Math.ceil((AHS_EXTENDED_CDB_DATA + longer) / WORD);
    const at = this.#outbox.begin(SCSI_COMMAND, flags, copies ? immediate : 0, ahsWords);
    const { bytes } = this.#outbox;
    bytes.set(this.#lun, at + BHS_LUN);
    bytes.writeUInt32BE(outLength + command.inLength, at + COMMAND_EXPECTED_LENGTH);
    this.#number(at, command.tag);
    command.cmdSN = this.cmdSN;
    this.cmdSN = (this.cmdSN + 1) >>> 0;
    this.#cdb(bytes, at, request.cdbOffset, request.cdbLength, longer);
    this.#data(command, at, 0, immediate, copies);
    if (unsolicitedEnd > immediate) this.dataOut(command, RESERVED_TAG, immediate, unsolicitedEnd);
    command.sent = unsolicitedEnd;
  }

  #cdb(bytes: Buffer, at: number, cdb: number, length: number, longer: number): void {
    const { u8 } = this.#memory;
    for (let byte = 0; byte < length - longer; byte++) bytes[at + COMMAND_CDB + byte] = u8[cdb + byte] ?? 0;
    if (longer === 0) return;
    const ahs = at + BHS_LENGTH;
    bytes.writeUInt16BE(longer + 1, ahs);
    bytes[ahs + AHS_TYPE] = AHS_EXTENDED_CDB;
    for (let byte = 0; byte < longer; byte++)
      bytes[ahs + AHS_EXTENDED_CDB_DATA + byte] = u8[cdb + COMMAND_CDB_LENGTH + byte] ?? 0;
  }

  /** One sequence of Data-Out PDUs with the bytes [from, to) of the command's buffer. [RFC 7143] 11.7. */
  dataOut(command: Command, transferTag: number, from: number, to: number): void {
    const { sendDataMaximum } = this.#parameters;
    let dataSN = 0;
    for (let offset = from; offset < to; dataSN++) {
      const end = Math.min(to, offset + sendDataMaximum);
      const copies = end - offset <= COPIED_MAXIMUM;
      const at = this.#outbox.begin(SCSI_DATA_OUT, end === to ? FLAG_FINAL : 0, copies ? end - offset : 0);
      const { bytes } = this.#outbox;
      bytes.set(this.#lun, at + BHS_LUN);
      bytes.writeUInt32BE(command.tag, at + BHS_ITT);
      bytes.writeUInt32BE(transferTag, at + TARGET_TRANSFER_TAG);
      bytes.writeUInt32BE(this.expStatSN, at + REQUEST_EXP_STAT_SN);
      bytes.writeUInt32BE(dataSN, at + DATA_SN);
      bytes.writeUInt32BE(offset, at + DATA_OFFSET);
      this.#data(command, at, offset, end, copies);
      offset = end;
    }
  }

  /** Ends a PDU with a piece of the command's buffer. */
  #data(command: Command, at: number, from: number, to: number, copies: boolean): void {
    const { u8 } = this.#memory;
    const { dataOffset } = command.request;
    if (copies) return this.#outbox.endWithCopy(at, u8, dataOffset + from, dataOffset + to);
    this.#outbox.endWithLoan(at, u8, dataOffset + from, dataOffset + to);
    this.#outbox.lend(command.tag, to - from);
    command.lent++;
  }

  /** Asks whether the target is there. [RFC 7143] 11.18. */
  ping(): void {
    const at = this.#immediate(NOP_OUT, FLAG_FINAL, INDEX_PING);
    this.#outbox.bytes.writeUInt32BE(RESERVED_TAG, at + TARGET_TRANSFER_TAG);
    this.#outbox.end(at);
  }

  /** Answers a NOP-In; `header` is its. */
  pong(header: Uint8Array, transferTag: number): void {
    const at = this.#immediate(NOP_OUT, FLAG_FINAL, RESERVED_TAG);
    const { bytes } = this.#outbox;
    for (let byte = BHS_LUN; byte < BHS_LUN + LUN_LENGTH; byte++) bytes[at + byte] = header[byte] ?? 0;
    bytes.writeUInt32BE(transferTag, at + TARGET_TRANSFER_TAG);
    this.#outbox.end(at);
  }

  /** [RFC 7143] 11.5. */
  abort(command: Command): void {
    const at = this.#immediate(TASK_MANAGEMENT_REQUEST, FLAG_FINAL | FUNCTION_ABORT_TASK, abortTag(command.tag));
    const { bytes } = this.#outbox;
    bytes.set(this.#lun, at + BHS_LUN);
    bytes.writeUInt32BE(command.tag, at + TASK_REFERENCED_TAG);
    bytes.writeUInt32BE(command.cmdSN, at + TASK_REF_CMD_SN);
    this.#outbox.end(at);
  }

  resetUnit(): void {
    const at = this.#immediate(TASK_MANAGEMENT_REQUEST, FLAG_FINAL | FUNCTION_LOGICAL_UNIT_RESET, INDEX_RESET);
    const { bytes } = this.#outbox;
    bytes.set(this.#lun, at + BHS_LUN);
    bytes.writeUInt32BE(RESERVED_TAG, at + TASK_REFERENCED_TAG);
    this.#outbox.end(at);
  }

  /** [RFC 7143] 11.14. */
  logout(): void {
    this.#outbox.end(this.#immediate(LOGOUT_REQUEST, FLAG_FINAL | LOGOUT_CLOSE_SESSION, INDEX_LOGOUT));
  }

  /** Begins a request that goes before all commands and takes no CmdSN of its own. [RFC 7143] 4.2.2.1. */
  #immediate(opcode: number, flags: number, tag: number): number {
    const at = this.#outbox.begin(opcode | OPCODE_IMMEDIATE, flags);
    this.#number(at, tag);
    return at;
  }

  #number(at: number, tag: number): void {
    const { bytes } = this.#outbox;
    bytes.writeUInt32BE(tag, at + BHS_ITT);
    bytes.writeUInt32BE(this.cmdSN, at + REQUEST_CMD_SN);
    bytes.writeUInt32BE(this.expStatSN, at + REQUEST_EXP_STAT_SN);
  }
}
