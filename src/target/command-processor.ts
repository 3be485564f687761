import { CRQ_STATUS_ADAPTER_FAILED, CRQ_STATUS_OK } from "../abi/crq.ts";
import { H_IN_PROGRESS, H_SUCCESS } from "../abi/papr.ts";
import {
  ADAPTER_SLOTS,
  ANSWER_RSP,
  OPERATION_OTHER,
  SENSE_LENGTH_MAX,
  SLOT_ANSWER,
  SLOT_CRQ_STATUS,
  SLOT_DATA_IN_RESIDUAL,
  SLOT_DATA_OUT_RESIDUAL,
  SLOT_INDEX,
  SLOT_IU_TYPE,
  SLOT_LIMIT_DELTA,
  SLOT_RESPONSE,
  SLOT_RSP_CODE,
  SLOT_RSP_FLAGS,
  SLOT_SCSI_STATUS,
  SLOT_SENSE_LENGTH,
  SLOT_SIZE,
} from "../abi/records.ts";
import { HARDWARE_ERROR, STATUS_BUSY, STATUS_CHECK_CONDITION } from "../abi/scsi.ts";
import {
  SRP_RSP_DATA,
  SRP_RSP_DIOVER,
  SRP_RSP_DIUNDER,
  SRP_RSP_DOOVER,
  SRP_RSP_DOUNDER,
  SRP_RSP_RSPVALID,
  SRP_RSP_SNSVALID,
  SRP_TSK_COMPLETE,
  SRP_TSK_MGMT,
} from "../abi/srp.ts";
import type { CrqLink } from "../core/crq-link.ts";
import { checkCondition, DATA_PHASE_ERROR, endWith, INVALID_FIELD_IN_CDB, type Sense } from "../scsi/sense.ts";
import type { Nexus, TargetDevice } from "../scsi/task.ts";
import type { AnswerQueue } from "./answer-queue.ts";
import { CommandTask, type TaskOwner } from "./command-task.ts";
import { DataBuffers } from "./data-buffers.ts";
import { judgeTaskManagement } from "./task-management.ts";

/** Linux counts a credit of its own for every request it aborts: that many more are not yet an over-run. [protocol] 3.10. */
const CREDIT_SLACK = 8;
/** Longest data-out that is taken in for a command; a longer one is refused. */
const DATA_OUT_MAXIMUM = 0x100_0000;

export interface CommandProcessorOptions {
  link: CrqLink;
  device: TargetDevice;
  nexus: Nexus;
  requestLimit: number;
  answers: AnswerQueue;
  /** Called whenever a request has ended. */
  settled: () => void;
  /** ENABLE_FAST_FAIL is in force. */
  fastFail: () => boolean;
}

/** Commands and task management requests: from a decoded slot to its answer. */
export class CommandProcessor implements TaskOwner {
  readonly #options: CommandProcessorOptions;
  readonly #link: CrqLink;
  readonly #buffers: DataBuffers;
  readonly #tasks: readonly CommandTask[];
  /** Tasks that a task management request still waits for, by the index of its slot. */
  readonly #awaited: Uint16Array;
  /** Slots whose data-out is on its way, by index. */
  readonly #gathering: Uint8Array;
  /** Credits of aborted commands, to be given back with the next response. */
  #owedCredit = 0;
  /** SRP commands received so far. */
  requests = 0;
  /** Commands and task management requests without an answer. */
  outstanding = 0;

  constructor(options: CommandProcessorOptions) {
    const { link, nexus } = options;
    this.#options = options;
    this.#link = link;
    this.#buffers = new DataBuffers(link.memory);
    const slots = link.memory.view.getUint32(link.adapter + ADAPTER_SLOTS, true);
    this.#tasks = Array.from(
      { length: link.slotCount },
      (_, index) => new CommandTask(link.memory, slots + index * SLOT_SIZE, nexus, this.#buffers, this),
    );
    this.#awaited = new Uint16Array(link.slotCount);
    this.#gathering = new Uint8Array(link.slotCount);
  }

  /**
   * Takes a CMD or TSK_MGMT. `refusal` is the sense data that a faulty descriptor earned.
   * @returns false when the client has overrun its credit; the slot is released
   */
  take(slot: number, refusal: Sense | undefined): boolean {
    if (this.outstanding >= this.#options.requestLimit + CREDIT_SLACK) {
      this.#link.core.slot_release(this.#link.adapter, slot);
      return false;
    }
    this.outstanding++;
    const { view } = this.#link.memory;
    if (view.getUint32(slot + SLOT_IU_TYPE, true) === SRP_TSK_MGMT) this.#manage(slot);
    else this.#command(slot, refusal);
    return true;
  }

  /** True if the copy was one of ours. */
  copyDone(slot: number, result: number): boolean {
    const index = this.#link.memory.view.getUint32(slot + SLOT_INDEX, true);
    const task = this.#tasks[index];
    if (this.#gathering[index] !== 1 || task === undefined) return false;
    this.#gathering[index] = 0;
    this.#gathered(task, result);
    return true;
  }

  taskDone(task: CommandTask): void {
    if (!task.active) return;
    if (task.aborted) this.#endAborted(task);
    else this.#answer(task);
    this.#options.settled();
  }

  /** The connection is gone: nothing under way is answered any more. Copies that were under way never end. */
  abandon(): void {
    this.#owedCredit = 0;
    for (const [index, task] of this.#tasks.entries()) {
      if (!task.active) continue;
      task.aborted = true;
      task.waiter = -1;
      if (this.#gathering[index] === 1) {
        this.#gathering[index] = 0;
        this.#endAborted(task);
      }
    }
    // Task management requests that waited for these have nobody to answer.
    for (const [index, count] of this.#awaited.entries()) {
      if (count === 0) continue;
      this.#awaited[index] = 0;
      this.outstanding--;
      this.#release(this.#slotAt(index));
    }
  }

  close(): void {
    this.#buffers.close();
  }

  #command(slot: number, refusal: Sense | undefined): void {
    this.requests++;
    const task = this.#tasks[this.#indexOf(slot)];
    if (task === undefined) return;
    task.begin();
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

  #answer(task: CommandTask): void {
    const { slot, dataInLength, dataOutLength } = task;
    const moved = Math.min(task.dataInCount, dataInLength);
    if (moved > 0 && this.#link.scatter(slot, 0, task.buffer, moved) !== H_SUCCESS) {
      // Told again, with sense data: done() comes back here with no data to move.
      return checkCondition(task, DATA_PHASE_ERROR);
    }
    const { view, u8 } = this.#link.memory;
    let flags = 0;
    let outResidual = 0;
    let inResidual = 0;
    // Residuals as SRP has them: OVER is what did not fit, UNDER what was not filled. [SRP] r16a 6.9.
    if (dataOutLength > 0 && task.dataOutCount < dataOutLength) {
      flags |= SRP_RSP_DOUNDER;
      outResidual = dataOutLength - task.dataOutCount;
    } else if (task.dataOutCount > dataOutLength) {
      flags |= SRP_RSP_DOOVER;
      outResidual = task.dataOutCount - dataOutLength;
    }
    if (task.dataInCount > dataInLength) {
      flags |= SRP_RSP_DIOVER;
      inResidual = task.dataInCount - dataInLength;
    } else if (dataInLength > task.dataInCount) {
      flags |= SRP_RSP_DIUNDER;
      inResidual = dataInLength - task.dataInCount;
    }
    if (task.status === STATUS_CHECK_CONDITION) {
      flags |= SRP_RSP_SNSVALID;
      const length = Math.min(task.senseLength, SENSE_LENGTH_MAX);
      for (let at = 0; at < length; at++) u8[slot + SLOT_RESPONSE + SRP_RSP_DATA + at] = task.sense[at] ?? 0;
      view.setUint32(slot + SLOT_SENSE_LENGTH, length, true);
    }
    view.setUint32(slot + SLOT_SCSI_STATUS, task.status, true);
    view.setUint32(slot + SLOT_RSP_FLAGS, flags, true);
    view.setUint32(slot + SLOT_DATA_OUT_RESIDUAL, outResidual, true);
    view.setUint32(slot + SLOT_DATA_IN_RESIDUAL, inResidual, true);
    view.setUint32(slot + SLOT_CRQ_STATUS, this.#crqStatus(task), true);
    task.end();
    this.#respond(slot);
  }

  /** With fast fail on, a read or write that the device itself failed says so in the entry too. [protocol] 4.3. */
  #crqStatus(task: CommandTask): number {
    const SENSE_KEY = 2;
    const failed =
      task.status === STATUS_CHECK_CONDITION &&
      task.operation !== OPERATION_OTHER &&
      ((task.sense[SENSE_KEY] ?? 0) & 0xf) === HARDWARE_ERROR;
    return failed && this.#options.fastFail() ? CRQ_STATUS_ADAPTER_FAILED : CRQ_STATUS_OK;
  }

  /** Sends the SRP_RSP of a slot, with its own credit and those owed for aborted commands. */
  #respond(slot: number): void {
    const { view } = this.#link.memory;
    view.setUint32(slot + SLOT_ANSWER, ANSWER_RSP, true);
    view.setUint32(slot + SLOT_LIMIT_DELTA, 1 + this.#owedCredit, true);
    this.#owedCredit = 0;
    this.outstanding--;
    this.#options.answers.push(slot);
  }

  /** An aborted command leaves without a response; whoever aborted it may be answered now. */
  #endAborted(task: CommandTask): void {
    const { waiter } = task;
    task.end();
    this.outstanding--;
    this.#owedCredit++;
    this.#release(task.slot);
    if (waiter < 0) return;
    const left = (this.#awaited[waiter] ?? 1) - 1;
    this.#awaited[waiter] = left;
    if (left === 0) this.#answerManagement(this.#slotAt(waiter), SRP_TSK_COMPLETE);
  }

  #manage(slot: number): void {
    const { device } = this.#options;
    const { code, aborts, resets } = judgeTaskManagement(this.#link.memory, slot, device);
    const index = this.#indexOf(slot);
    let waiting = 0;
    for (const task of this.#tasks) {
      if (!task.active || task.aborted || !aborts(task)) continue;
      task.aborted = true;
      task.waiter = index;
      waiting++;
    }
    if (resets) device.reset(this.#link.memory, resets);
    // The answer comes when the last of them has left: none may complete after it. [protocol] 6.1.
    if (waiting > 0) this.#awaited[index] = waiting;
    else this.#answerManagement(slot, code);
  }

  #answerManagement(slot: number, code: number): void {
    const { view } = this.#link.memory;
    view.setUint32(slot + SLOT_SCSI_STATUS, 0, true);
    view.setUint32(slot + SLOT_RSP_FLAGS, SRP_RSP_RSPVALID, true);
    view.setUint32(slot + SLOT_RSP_CODE, code, true);
    this.#respond(slot);
  }

  #release(slot: number): void {
    this.#link.core.slot_release(this.#link.adapter, slot);
  }

  #indexOf(slot: number): number {
    return this.#link.memory.view.getUint32(slot + SLOT_INDEX, true);
  }

  #slotAt(index: number): number {
    return this.#tasks[index]?.slot ?? 0;
  }
}
