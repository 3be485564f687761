import { CRQ_STATUS_ADAPTER_FAILED, CRQ_STATUS_OK } from "../abi/crq.ts";
import { H_IN_PROGRESS, H_SUCCESS } from "../abi/papr.ts";
import {
  ADAPTER_SLOTS,
  ANSWER_RSP,
  OPERATION_OTHER,
  OPERATION_READ,
  OPERATION_WRITE,
  SENSE_LENGTH_MAX,
  SLOT_ANSWER,
  SLOT_CRQ_STATUS,
  SLOT_IU_TYPE,
  SLOT_LIMIT_DELTA,
  SLOT_RESPONSE,
  SLOT_RSP_CODE,
  SLOT_RSP_FLAGS,
  SLOT_SCSI_STATUS,
  SLOT_SENSE_LENGTH,
  SLOT_SIZE,
} from "../abi/records.ts";
import { HARDWARE_ERROR, NO_SENSE, STATUS_BUSY, STATUS_CHECK_CONDITION, STATUS_GOOD } from "../abi/scsi.ts";
import { SRP_RSP_DATA, SRP_RSP_RSPVALID, SRP_RSP_SNSVALID, SRP_TSK_MGMT } from "../abi/srp.ts";
import type { Clock } from "../core/clock.ts";
import type { CrqLink } from "../core/crq-link.ts";
import { LatencyHistogram } from "../core/latency.ts";
import { DataBuffers } from "../scsi/data-buffers.ts";
import { checkCondition, DATA_PHASE_ERROR, endWith, INVALID_FIELD_IN_CDB, type Sense } from "../scsi/sense.ts";
import { countEnd } from "../scsi/statistics.ts";
import type { Nexus, ScsiTask, TargetDevice } from "../scsi/task.ts";
import type { AnswerQueue } from "./answer-queue.ts";
import { CommandTask, type TaskOwner } from "./command-task.ts";
import { Credit } from "./credit.ts";
import type { CommandCounters } from "./options.ts";
import { writeResiduals } from "./residuals.ts";
import { judgeTaskManagement } from "./task-management.ts";

/** Longest data-out that is taken in for a command; a longer one is refused. */
const DATA_OUT_MAXIMUM = 0x100_0000;

export interface CommandProcessorOptions {
  link: CrqLink;
  device: TargetDevice;
  nexus: Nexus;
  clock: Clock;
  requestLimit: number;
  answers: AnswerQueue;
  /** Called whenever a request has ended. */
  settled: () => void;
  /** ENABLE_FAST_FAIL is in force. */
  fastFail: () => boolean;
  /** The client takes OVER residuals for UNDER. */
  linuxResiduals: () => boolean;
}

/** A task management request that is answered when the last of its tasks has left. */
interface WaitingManagement {
  readonly slot: number;
  readonly code: number;
  /** Tasks of this nexus that it waits for, and whether the logical unit has still to say that it is done. */
  readonly left: Set<ScsiTask>;
  unitBusy: boolean;
}

/** Commands and task management requests: from a decoded slot to its answer. */
export class CommandProcessor implements TaskOwner {
  readonly #options: CommandProcessorOptions;
  readonly #link: CrqLink;
  readonly #buffers: DataBuffers;
  /** By the position of their slots; made when a slot is used first. */
  readonly #tasks: (CommandTask | undefined)[];
  readonly #slots: number;
  readonly #credit: Credit;
  #waiting: WaitingManagement[] = [];
  /** Slots whose data-out is on its way, by index. */
  readonly #gathering: Uint8Array;
  /** SRP commands received so far, and how many of them were aborted. */
  requests = 0;
  aborted = 0;
  /** Reads and writes among them, and responses with a sense key other than NO SENSE. */
  reads = 0;
  writes = 0;
  errors = 0;
  /** Commands answered with another status than GOOD. */
  failed = 0;
  /** Bytes that commands moved to the client, and from it. */
  bytesIn = 0;
  bytesOut = 0;
  /** From a command's arrival to its answer. */
  readonly latency = new LatencyHistogram();

  constructor(options: CommandProcessorOptions) {
    const { link } = options;
    this.#options = options;
    this.#credit = new Credit(options.requestLimit);
    this.#link = link;
    this.#buffers = new DataBuffers(link.memory);
    this.#slots = link.memory.view.getUint32(link.adapter + ADAPTER_SLOTS, true);
    this.#tasks = new Array(link.slotCount).fill(undefined);
    this.#gathering = new Uint8Array(link.slotCount);
  }

  /** Commands and task management requests without an answer. */
  get outstanding(): number {
    return this.#credit.outstanding;
  }

  get counters(): CommandCounters {
    const { requests, outstanding, reads, writes, aborted, failed, errors, bytesIn, bytesOut } = this;
    const buffers = this.#buffers.inUse;
    return { requests, outstanding, reads, writes, aborted, failed, errors, bytesIn, bytesOut, buffers };
  }

  /** A connection begins: credit is counted anew. */
  renew(): void {
    this.#credit.renew();
  }

  /**
   * Takes a CMD or TSK_MGMT. `refusal` is the sense data that a faulty descriptor earned.
   * @returns false when the client has overrun its credit; the slot is released
   */
  take(slot: number, refusal: Sense | undefined): boolean {
    if (!this.#credit.take()) {
      this.#release(slot);
      return false;
    }
    const { view } = this.#link.memory;
    if (view.getUint32(slot + SLOT_IU_TYPE, true) === SRP_TSK_MGMT) this.#manage(slot);
    else this.#command(slot, refusal);
    return true;
  }

  /** True if the copy was one of ours. */
  copyDone(slot: number, result: number): boolean {
    const index = this.#indexOf(slot);
    const task = this.#tasks[index];
    if (this.#gathering[index] !== 1 || task === undefined) return false;
    this.#gathering[index] = 0;
    this.#gathered(task, result);
    return true;
  }

  dataInAddress(slot: number, bytes: number): number {
    return this.#link.dataInAddress(slot, bytes);
  }

  taskDone(task: CommandTask): void {
    if (!task.active) return;
    const now = this.#options.clock.now();
    countEnd(task, now);
    if (task.aborted) this.#endAborted(task);
    else this.#answer(task, now);
    this.#options.settled();
  }

  /**
   * The connection is gone: nothing under way is answered any more. The link has forgotten the copies that were under
   * way, so their tasks end here; those with the device end when it says so.
   */
  abandon(): void {
    // Task management requests that waited for these have nobody to answer.
    for (const { slot } of this.#waiting) {
      this.#credit.discard();
      this.#release(slot);
    }
    this.#waiting = [];
    for (const [index, task] of this.#tasks.entries()) {
      if (!task?.active) continue;
      task.aborted = true;
      if (this.#gathering[index] !== 1) continue;
      this.#gathering[index] = 0;
      this.#endAborted(task);
    }
  }

  close(): void {
    this.#buffers.close();
  }

  #command(slot: number, refusal: Sense | undefined): void {
    this.requests++;
    const task = this.#taskOf(slot);
    task.begin();
    task.startedAt = this.#options.clock.now();
    if (task.operation === OPERATION_READ) this.reads++;
    else if (task.operation === OPERATION_WRITE) this.writes++;
    if (refusal !== undefined) return checkCondition(task, refusal);
    if (task.dataOutLength === 0) return this.#options.device.execute(task);
    if (task.dataOutLength > DATA_OUT_MAXIMUM) return checkCondition(task, INVALID_FIELD_IN_CDB);
    const buffer = task.reserve(task.dataOutLength);
    if (buffer === 0) return endWith(task, STATUS_BUSY);
    const result = this.#link.gather(slot, 0, buffer, task.dataOutLength);
    if (result === H_IN_PROGRESS) this.#gathering[this.#indexOf(slot)] = 1;
    else this.#gathered(task, result);
  }

  #gathered(task: CommandTask, result: number): void {
    if (task.aborted) return this.taskDone(task);
    if (result === H_SUCCESS) this.#options.device.execute(task);
    else checkCondition(task, DATA_PHASE_ERROR);
  }

  #answer(task: CommandTask, now: number): void {
    const { slot } = task;
    const moved = Math.min(task.dataInCount, task.dataInLength);
    if (moved > 0 && !task.isPlaced && this.#link.scatter(slot, 0, task.buffer, moved) !== H_SUCCESS) {
      // Told again, with sense data: done() comes back here with no data to move.
      return checkCondition(task, DATA_PHASE_ERROR);
    }
    const { view, u8 } = this.#link.memory;
    let flags = writeResiduals(view, slot, task, this.#options.linuxResiduals());
    if (task.status === STATUS_CHECK_CONDITION) {
      flags |= SRP_RSP_SNSVALID;
      if (senseKey(task) !== NO_SENSE) this.errors++;
      const length = Math.min(task.senseLength, SENSE_LENGTH_MAX);
      for (let at = 0; at < length; at++) u8[slot + SLOT_RESPONSE + SRP_RSP_DATA + at] = task.sense[at] ?? 0;
      view.setUint32(slot + SLOT_SENSE_LENGTH, length, true);
    }
    view.setUint32(slot + SLOT_SCSI_STATUS, task.status, true);
    view.setUint32(slot + SLOT_RSP_FLAGS, flags, true);
    view.setUint32(slot + SLOT_CRQ_STATUS, this.#crqStatus(task), true);
    this.#count(task, moved, now);
    task.end();
    this.#respond(slot);
  }

  #count(task: CommandTask, dataIn: number, now: number): void {
    this.latency.observe(now - task.startedAt);
    this.bytesIn += dataIn;
    this.bytesOut += task.dataOutLength;
    if (task.status !== STATUS_GOOD) this.failed++;
  }

  /** With fast fail on, a read or write that the device itself failed says so in the entry too. [protocol] 4.3. */
  #crqStatus(task: CommandTask): number {
    const failed =
      task.status === STATUS_CHECK_CONDITION && task.operation !== OPERATION_OTHER && senseKey(task) === HARDWARE_ERROR;
    return failed && this.#options.fastFail() ? CRQ_STATUS_ADAPTER_FAILED : CRQ_STATUS_OK;
  }

  /** Sends the SRP_RSP of a slot, with its own credit and those owed for aborted commands. */
  #respond(slot: number): void {
    const { view } = this.#link.memory;
    view.setUint32(slot + SLOT_ANSWER, ANSWER_RSP, true);
    view.setUint32(slot + SLOT_LIMIT_DELTA, this.#credit.respond(), true);
    this.#options.answers.push(slot);
  }

  /** An aborted command leaves without a response; whoever waited for that may be answered now. */
  #endAborted(task: CommandTask): void {
    task.end();
    this.aborted++;
    this.#credit.abort();
    this.#release(task.slot);
    for (const { left } of this.#waiting) left.delete(task);
    this.#answerManagements();
  }

  #manage(slot: number): void {
    const { device, nexus } = this.#options;
    const { code, aborts, atUnit } = judgeTaskManagement(this.#link.memory, slot, device, nexus);
    // A task that an earlier request has aborted is waited for all the same: its data may still be moving.
    const left = new Set<ScsiTask>(
      this.#tasks.filter((task) => task !== undefined).filter((task) => task.active && aborts(task)),
    );
    for (const task of left) task.aborted = true;
    // The answer comes when the last of them has left: none may complete after it. [protocol] 6.1.
    const waiting: WaitingManagement = { slot, code, left, unitBusy: true };
    this.#waiting.push(waiting);
    atUnit(new Set(left), () => {
      waiting.unitBusy = false;
      this.#answerManagements();
      this.#options.settled();
    });
  }

  /** Answers the task management requests that have nothing more to wait for. */
  #answerManagements(): void {
    const answerable = this.#waiting.filter(({ left, unitBusy }) => left.size === 0 && !unitBusy);
    if (answerable.length === 0) return;
    this.#waiting = this.#waiting.filter((waiting) => !answerable.includes(waiting));
    for (const { slot, code } of answerable) this.#answerManagement(slot, code);
  }

  #answerManagement(slot: number, code: number): void {
    const { view } = this.#link.memory;
    view.setUint32(slot + SLOT_SCSI_STATUS, 0, true);
    view.setUint32(slot + SLOT_CRQ_STATUS, CRQ_STATUS_OK, true);
    view.setUint32(slot + SLOT_RSP_FLAGS, SRP_RSP_RSPVALID, true);
    view.setUint32(slot + SLOT_RSP_CODE, code, true);
    this.#respond(slot);
  }

  #release(slot: number): void {
    this.#link.core.slot_release(this.#link.adapter, slot);
  }

  #indexOf(slot: number): number {
    return (slot - this.#slots) / SLOT_SIZE;
  }

  #taskOf(slot: number): CommandTask {
    const index = this.#indexOf(slot);
    const known = this.#tasks[index];
    if (known !== undefined) return known;
    const task = new CommandTask(this.#link.memory, slot, this.#options.nexus, this.#buffers, this);
    this.#tasks[index] = task;
    return task;
  }
}

/** SENSE KEY of fixed (70h, 71h) and of descriptor format (72h, 73h) sense data. [SPC-4] 4.5. */
function senseKey({ sense }: CommandTask): number {
  const descriptors = ((sense[0] ?? 0) & 0x7f) >= 0x72;
  return (sense[descriptors ? 1 : 2] ?? 0) & 0xf;
}
