import {
  AHS_EXTENDED_CDB,
  AHS_EXTENDED_CDB_DATA,
  AHS_HEADER_LENGTH,
  AHS_TYPE,
  ATTRIBUTE_ACA,
  BHS_FLAGS,
  BHS_ITT,
  BHS_LENGTH,
  BHS_OPCODE,
  COMMAND_ATTRIBUTE_MASK,
  COMMAND_FLAG_READ,
  COMMAND_FLAG_WRITE,
  DATA_OFFSET,
  DATA_SN,
  FLAG_FINAL,
  OPCODE_IMMEDIATE,
  REJECT_COMMAND_NOT_SUPPORTED,
  REJECT_INVALID_FIELD,
  REJECT_TASK_IN_PROGRESS,
  REJECT_TOO_MANY_IMMEDIATE,
  REQUEST_CMD_SN,
  RESERVED_TAG,
  TARGET_TRANSFER_TAG,
} from "../../abi/iscsi.ts";
import { STATUS_BUSY, STATUS_GOOD } from "../../abi/scsi.ts";
import type { Clock } from "../../core/clock.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import type { Parameters } from "../../iscsi/parameters.ts";
import type { Problem, ReceivedHeader } from "../../iscsi/pdu-reader.ts";
import type { DataBuffers } from "../../scsi/data-buffers.ts";
import {
  checkCondition,
  endWith,
  INVALID_FIELD_IN_CDB,
  NOT_ENOUGH_UNSOLICITED_DATA,
  PROTOCOL_SERVICE_CRC_ERROR,
  UNEXPECTED_UNSOLICITED_DATA,
} from "../../scsi/sense.ts";
import { countEnd } from "../../scsi/statistics.ts";
import type { Nexus, TargetDevice } from "../../scsi/task.ts";
import { sendResult } from "./command-result.ts";
import { type BufferAccount, CommandTask, type TaskOwner } from "./command-task.ts";
import type { DataOutClaim } from "./data-out.ts";
import type { Responses } from "./responses.ts";
import type { Session } from "./session.ts";

/** Longest data-out that is taken in for a command; a longer one is refused. */
const DATA_OUT_MAXIMUM = 0x100_0000;
/** Immediate commands that a session may have outstanding. */
const IMMEDIATE_MAXIMUM = 8;
/** Data buffers that one connection may hold. */
const BUFFERS_MAXIMUM = 0x400_0000;

export interface CommandsOptions {
  readonly clock: Clock;
  readonly memory: SharedMemory;
  readonly buffers: DataBuffers;
  readonly device: TargetDevice;
  readonly nexus: Nexus;
  readonly session: Session;
  readonly parameters: Parameters;
  readonly responses: Responses;
}

/** The SCSI commands of one connection: from a SCSI Command and its data-out to the response. */
export class Commands implements TaskOwner, BufferAccount {
  readonly #options: CommandsOptions;
  readonly #idle: CommandTask[] = [];
  readonly #active = new Map<number, CommandTask>();
  #made = 0;
  #held = 0;
  #closed = false;
  /** The task whose PDU is being received; undefined while data are thrown away. */
  #receiving: CommandTask | undefined;
  #final = false;
  /** Used again for every Data-Out. */
  readonly #dataOutClaim: DataOutClaim = { tag: 0, dataSN: 0, offset: 0, length: 0, final: false };
  readonly #lend = (address: number, size: number) => this.#options.responses.outbox.lend(address, size);

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  /** Commands without an answer. */
  get outstanding(): number {
    return this.#active.size;
  }

  charge(bytes: number): boolean {
    if (this.#held + bytes > BUFFERS_MAXIMUM) return false;
    this.#held += bytes;
    return true;
  }

  refund(bytes: number): void {
    this.#held -= bytes;
  }

  /** The socket has taken the data of a buffer. */
  giveBack(address: number, size: number): void {
    this.#options.buffers.give(address, size);
    this.refund(size);
  }

  /** The header of a SCSI Command. */
  begin(pdu: ReceivedHeader): Problem | undefined {
    this.#receiving = undefined;
    const { view } = pdu;
    const { session } = this.#options;
    const immediate = (view.getUint8(BHS_OPCODE) & OPCODE_IMMEDIATE) !== 0;
    // Beyond the window, or seen before: ignored without a word. [RFC 7143] 4.2.2.1.
    if (!immediate && !session.expects(view.getUint32(REQUEST_CMD_SN))) return undefined;
    const refusal = this.#refusal(pdu, immediate);
    if (refusal !== undefined) {
      this.#options.responses.reject(refusal, pdu.bytes);
      if (!immediate) session.skip(view.getUint32(REQUEST_CMD_SN));
      return undefined;
    }
    const task = this.#idle.pop() ?? this.#make();
    task.begin(pdu);
    const problem = takeExtendedCdb(task, pdu);
    if (problem !== undefined) {
      this.#idle.push(task);
      return problem;
    }
    if (immediate) session.immediate++;
    session.commands++;
    this.#active.set(task.itt, task);
    this.#prepareDataOut(task, pdu);
    this.#receiving = task;
    return undefined;
  }

  /** Reason to reject a SCSI Command, or undefined. */
  #refusal({ view }: ReceivedHeader, immediate: boolean): number | undefined {
    const flags = view.getUint8(BHS_FLAGS);
    const itt = view.getUint32(BHS_ITT);
    const bidirectional = COMMAND_FLAG_READ | COMMAND_FLAG_WRITE;
    if (itt === RESERVED_TAG || (flags & COMMAND_ATTRIBUTE_MASK) > ATTRIBUTE_ACA) return REJECT_INVALID_FIELD;
    if (this.#active.has(itt)) return REJECT_TASK_IN_PROGRESS;
    if ((flags & bidirectional) === bidirectional) return REJECT_COMMAND_NOT_SUPPORTED;
    if (immediate && this.#options.session.immediate >= IMMEDIATE_MAXIMUM) return REJECT_TOO_MANY_IMMEDIATE;
    return undefined;
  }

  /** Judges what the command says of its data, and makes room for them. */
  #prepareDataOut(task: CommandTask, pdu: ReceivedHeader): void {
    const { parameters } = this.#options;
    const announced = (pdu.view.getUint8(BHS_FLAGS) & FLAG_FINAL) === 0;
    const { dataOutLength } = task;
    const unsolicitedEnd = parameters.unsolicitedMaximum;
    const allowed = parameters.immediateData ? Math.min(unsolicitedEnd, dataOutLength) : 0;
    const unexpected = pdu.dataLength > allowed || (announced && (parameters.initialR2T || dataOutLength === 0));
    const follows = announced && !unexpected;
    task.dataOut.begin(dataOutLength, unsolicitedEnd, follows, task.index, parameters.maxBurstLength);
    if (unexpected) task.refusal = UNEXPECTED_UNSOLICITED_DATA;
    else if (dataOutLength > DATA_OUT_MAXIMUM) task.refusal = INVALID_FIELD_IN_CDB;
    else if (dataOutLength > 0 && task.reserve(dataOutLength) === 0) task.refusalStatus = STATUS_BUSY;
  }

  /** The header of a SCSI Data-Out. [RFC 7143] 11.7. */
  beginDataOut({ view, dataLength }: ReceivedHeader): Problem | undefined {
    const task = this.#active.get(view.getUint32(BHS_ITT));
    this.#receiving = undefined;
    // Its command has ended early or was aborted: the initiator could not know when it sent this.
    if (task === undefined || task.executing || task.aborted) return undefined;
    this.#final = (view.getUint8(BHS_FLAGS) & FLAG_FINAL) !== 0;
    const fault = task.refused ? undefined : task.dataOut.judge(this.#claim(view, dataLength));
    if (typeof fault === "string") return fault;
    if (fault !== undefined) task.refusal = fault;
    this.#receiving = task;
    return undefined;
  }

  #claim(view: DataView, length: number): DataOutClaim {
    const claim = this.#dataOutClaim;
    claim.tag = view.getUint32(TARGET_TRANSFER_TAG);
    claim.dataSN = view.getUint32(DATA_SN);
    claim.offset = view.getUint32(DATA_OFFSET);
    claim.length = length;
    claim.final = this.#final;
    return claim;
  }

  /** Data of the PDU that is being received. */
  data(source: Uint8Array, from: number, to: number): void {
    const task = this.#receiving;
    if (task === undefined || task.refused || task.aborted) return;
    task.memory.u8.set(source.subarray(from, to), task.buffer + task.dataOut.received);
    task.dataOut.received += to - from;
  }

  /** A SCSI Command is there with its immediate data: it takes its place in the command order. */
  end(): void {
    const task = this.#receiving;
    this.#receiving = undefined;
    if (task === undefined) return;
    if (task.immediate) return task.deliver();
    // Another connection of the session may have used the same CmdSN meanwhile.
    if (this.#options.session.expects(task.cmdSN)) this.#options.session.submit(task.cmdSN, task);
    else this.#retire(task);
  }

  /** A Data-Out is there. `intact` is false when its data digest is wrong: its command can't succeed any more. */
  endDataOut(intact: boolean): void {
    const task = this.#receiving;
    this.#receiving = undefined;
    if (task === undefined || task.aborted) return;
    if (!intact) task.refusal ??= PROTOCOL_SERVICE_CRC_ERROR;
    if (!task.dataOut.advance(this.#final)) task.refusal ??= NOT_ENOUGH_UNSOLICITED_DATA;
    if (task.delivered) this.#proceed(task);
  }

  /** The task's turn in the command order has come. */
  deliver(task: CommandTask): void {
    if (this.#active.get(task.itt) !== task) return;
    if (task.aborted) this.#endSilently(task);
    else this.#proceed(task);
  }

  /** Executes a task whose data are complete, else asks for what is missing. */
  #proceed(task: CommandTask): void {
    const { dataOut } = task;
    // Also a command that fails waits for the data that are on their way. [RFC 7143] 7.8.
    if (task.refused ? dataOut.flowing : dataOut.unsolicited) return;
    if (task.refusal !== undefined) checkCondition(task, task.refusal);
    else if (task.refusalStatus !== STATUS_GOOD) endWith(task, task.refusalStatus);
    else if (dataOut.complete) {
      task.executing = true;
      task.startedAt = this.#options.clock.now();
      this.#options.device.execute(task);
    } else this.#solicit(task);
  }

  #solicit(task: CommandTask): void {
    const { parameters, responses } = this.#options;
    const { dataOut } = task;
    while (dataOut.outstanding < parameters.maxOutstandingR2T && dataOut.nextLength > 0) {
      responses.readyToTransfer(
        task.itt,
        dataOut.nextTag,
        dataOut.solicitations,
        dataOut.nextOffset,
        dataOut.nextLength,
        task.memory.u8,
        task.lunOffset,
      );
      dataOut.solicit();
    }
  }

  taskDone(task: CommandTask): void {
    if (this.#active.get(task.itt) !== task) return;
    countEnd(task, this.#options.clock.now());
    if (task.aborted) return this.#endSilently(task);
    this.#leaveWindow(task);
    sendResult(task, this.#options.responses, this.#options.parameters, this.#lend);
    this.#retire(task);
  }

  /**
   * Aborts what `which` picks among the tasks that the logical units do not have: those whose data are still coming, and
   * those that wait for their turn. @returns how many
   */
  abortWaiting(which: (task: CommandTask) => boolean): number {
    let count = 0;
    for (const task of [...this.#active.values()]) {
      if (task.executing || task.aborted || !which(task)) continue;
      count++;
      task.aborted = true;
      // One that is not delivered keeps its place in the order until then.
      if (task.delivered) this.#endSilently(task);
    }
    return count;
  }

  find(itt: number): CommandTask | undefined {
    return this.#active.get(itt);
  }

  /** The connection is gone: nobody is answered any more. Tasks that the logical units have end when those say so. */
  close(): void {
    this.#closed = true;
    const half = this.#receiving;
    for (const task of [...this.#active.values()]) {
      task.aborted = true;
      // One whose PDU is not whole has no place in the command order yet.
      if (task === half && !task.delivered) this.#retire(task);
      else if (!task.executing) this.#endSilently(task);
    }
    for (const task of this.#idle) task.destroy();
    this.#idle.length = 0;
  }

  #endSilently(task: CommandTask): void {
    this.#leaveWindow(task);
    this.#retire(task);
  }

  #leaveWindow(task: CommandTask): void {
    if (task.immediate) this.#options.session.immediate--;
    else this.#options.session.ended();
  }

  #retire(task: CommandTask): void {
    this.#active.delete(task.itt);
    if (this.#receiving === task) this.#receiving = undefined;
    task.end();
    if (this.#closed) task.destroy();
    else this.#idle.push(task);
  }

  #make(): CommandTask {
    const { memory, nexus, buffers } = this.#options;
    return new CommandTask(memory, this.#made++, nexus, buffers, this, this);
  }
}

/** Additional header segments: at most one extended CDB. [RFC 7143] 11.2.2. */
function takeExtendedCdb(task: CommandTask, { bytes, view, ahsLength }: ReceivedHeader): Problem | undefined {
  const end = BHS_LENGTH + ahsLength;
  for (let at = BHS_LENGTH; at < end; ) {
    const length = view.getUint16(at);
    const next = at + AHS_HEADER_LENGTH + length;
    if (length === 0 || next > end) return `additional header segment of ${length} bytes`;
    if (bytes[at + AHS_TYPE] === AHS_EXTENDED_CDB) task.extendCdb(bytes, at + AHS_EXTENDED_CDB_DATA, next);
    at = (next + 3) & ~3;
  }
  return undefined;
}
