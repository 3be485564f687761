import {
  INQUIRY,
  READ_6,
  READ_10,
  READ_12,
  READ_16,
  REPORT_LUNS,
  REQUEST_SENSE,
  STATUS_BUSY,
  STATUS_CHECK_CONDITION,
  WRITE_6,
  WRITE_10,
  WRITE_12,
  WRITE_16,
  WRITE_AND_VERIFY_10,
  WRITE_AND_VERIFY_12,
  WRITE_AND_VERIFY_16,
} from "../../abi/scsi.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { wantsAca } from "../aca.ts";
import type { Identity } from "../identity.ts";
import type { LogicalUnit } from "../logical-unit.ts";
import {
  checkCondition,
  endWith,
  failTask,
  INVALID_FIELD_IN_CDB,
  INVALID_MESSAGE_ERROR,
  INVALID_OPERATION_CODE,
  invalidField,
  RESET_OCCURRED,
  type Sense,
  WRITE_PROTECTED,
} from "../sense.ts";
import { Statistics } from "../statistics.ts";
import { type Nexus, type ScsiTask, TASK_ACA } from "../task.ts";
import { cdb8 } from "../task-access.ts";
import { TaskSet } from "../task-set.ts";
import { UnitAttentions } from "../unit-attentions.ts";
import { cdbLength } from "./cdb-length.ts";
import {
  type CommandFilter,
  FILTER_PASSES,
  FILTER_REFUSES_ACTION,
  FILTER_REFUSES_COMMAND,
  FILTER_WRITE_PROTECTS,
} from "./command-filter.ts";
import { DeviceCommand } from "./device-command.ts";
import type { DeviceProfile } from "./device-profile.ts";
import { type InquiryChanges, rewriteInquiry } from "./inquiry-data.ts";
import { tellOutcome } from "./outcomes.ts";
import { unitAttentionIn } from "./received-sense.ts";
import { DIRECTION_FROM_DEVICE, type ScsiDevice } from "./scsi-device.ts";

/** [SAM-5] 5.14: they neither report nor clear a unit attention condition. */
const PASS_UNIT_ATTENTION = new Set([INQUIRY, REPORT_LUNS, REQUEST_SENSE]);
const READS = new Set([READ_6, READ_10, READ_12, READ_16]);
const WRITES = new Set([
  WRITE_6,
  WRITE_10,
  WRITE_12,
  WRITE_16,
  WRITE_AND_VERIFY_10,
  WRITE_AND_VERIFY_12,
  WRITE_AND_VERIFY_16,
]);
/** Bits of byte 1 that held the LUN in SCSI-2: the client's, which is none of the device's. */
const NOT_OLD_LUN = 0x1f;
/** Milliseconds that the device has for what is under way when the unit is closed. */
const CLOSE_PATIENCE = 5_000;

export interface PassThroughOptions {
  readonly device: ScsiDevice;
  /** What the device said of itself. */
  readonly profile: DeviceProfile;
  readonly filter: CommandFilter;
  /** Milliseconds that a command may take, by operation code. */
  readonly timeouts: readonly number[];
  /** INQUIRY strings to tell instead of the device's. */
  readonly strings: InquiryChanges["strings"];
  readonly readOnly: boolean;
  readonly log: Log;
  readonly clock?: Clock;
}

/**
 * A real device as a logical unit: CDB, data, status and sense data go through as they are. Ours are who may have a command
 * with the device now (the task set, never more than its queue depth), which commands may go there (the filter), unit
 * attentions that come from this side, and a few fields of INQUIRY.
 */
export class PassThroughUnit implements LogicalUnit {
  readonly readOnly: boolean;
  readonly size: number;
  readonly peripheralDeviceType: number;
  readonly identity: Identity;
  readonly statistics = new Statistics();
  readonly #device: ScsiDevice;
  readonly #filter: CommandFilter;
  readonly #timeouts: readonly number[];
  readonly #changes: InquiryChanges;
  /** The device takes bits 7 to 5 of byte 1 for a LUN. */
  readonly #oldLun: boolean;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #attentions = new UnitAttentions();
  readonly #nexuses = new Set<Nexus>();
  readonly #tasks: TaskSet;
  readonly #idle: DeviceCommand[] = [];

  constructor({ device, profile, filter, timeouts, strings, readOnly, log, clock = systemClock }: PassThroughOptions) {
    this.#device = device;
    this.#filter = filter;
    this.#timeouts = timeouts;
    this.#log = log;
    this.#clock = clock;
    this.#oldLun = profile.oldLun;
    this.readOnly = readOnly;
    this.size = profile.size;
    this.peripheralDeviceType = profile.peripheralDeviceType;
    const { vendor, product, revision, serial } = profile.identity;
    this.identity = {
      vendor: strings.vendor ?? vendor,
      product: strings.product ?? product,
      revision: strings.revision ?? revision,
      serial,
    };
    const { blockSize, peripheralDeviceType } = profile;
    this.#changes = { strings, blockSize, peripheralDeviceType, transferMaximum: device.transferMaximum };
    this.#tasks = new TaskSet((task) => this.#startGuarded(task), { underWay: device.queueDepth });
  }

  get description(): string {
    return this.#device.description;
  }

  execute(task: ScsiTask): void {
    task.counters = this.statistics.others;
    // There is no CLEAR ACA on the way to the device: nothing may establish the condition. [SAM-5] 5.9
    if (task.attribute === TASK_ACA) return checkCondition(task, INVALID_MESSAGE_ERROR);
    const full = this.#tasks.refusal(task);
    if (full !== undefined) endWith(task, full);
    else if (this.#tasks.admits(task)) this.#start(task);
  }

  abortTasks(which: (task: ScsiTask) => boolean, then: () => void): void {
    this.#tasks.abort(which, then);
  }

  whenGone(which: (task: ScsiTask) => boolean, then: () => void): void {
    this.#tasks.whenGone(which, then);
  }

  clearAca(): boolean {
    return false;
  }

  reset(then: () => void): void {
    this.attention(RESET_OCCURRED);
    let left = 2;
    const oneDone = () => {
      if (--left === 0) then();
    };
    this.#tasks.abort(() => true, oneDone);
    this.#device.reset(oneDone);
  }

  attention(condition: Sense, except?: Nexus): void {
    this.#attentions.establishForAll(condition, except);
  }

  attentionFor(nexus: Nexus, condition: Sense): void {
    this.#attentions.establish(nexus, condition);
  }

  clearAttention(nexus: Nexus, condition: Sense): void {
    this.#attentions.clear(nexus, condition);
  }

  nexusOpened(nexus: Nexus): void {
    this.#nexuses.add(nexus);
    this.#attentions.opened(nexus);
  }

  nexusLost(nexus: Nexus): void {
    this.#nexuses.delete(nexus);
    this.#attentions.lost(nexus);
    this.#tasks.abort(
      (task) => task.nexus === nexus,
      () => {},
    );
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(CLOSE_PATIENCE, resolve);
      this.#tasks.abort(
        () => true,
        () => {
          cancel();
          resolve();
        },
      );
    });
    await this.#device.close();
  }

  abortCommand(command: DeviceCommand): void {
    this.#device.abort(command);
  }

  commandDone(command: DeviceCommand): void {
    const { task } = command;
    if (task === undefined) return;
    command.task = undefined;
    this.#tasks.ended(task);
    if (!task.aborted) this.#conclude(task, command);
    this.#idle.push(command);
    task.done();
    this.#tasks.left(task);
  }

  /** Starts a task that had to wait: nobody above is there to catch. */
  #startGuarded(task: ScsiTask): void {
    try {
      this.#start(task);
    } catch (error) {
      failTask(task, error, this.#log);
    }
  }

  #start(task: ScsiTask): void {
    task.descriptorSense = false;
    const opcode = cdb8(task, 0);
    if (!PASS_UNIT_ATTENTION.has(opcode)) {
      const attention = this.#attentions.take(task.nexus);
      if (attention !== undefined) return checkCondition(task, attention);
    }
    const judgement = this.#filter.judge(task);
    if (judgement !== FILTER_PASSES) return refuse(task, judgement);
    if (wantsAca(task)) return checkCondition(task, INVALID_FIELD_IN_CDB);
    // Data in both directions: no way to a device of ours has that.
    if (task.dataOutLength > 0 && task.dataInLength > 0) return checkCondition(task, INVALID_OPERATION_CODE);
    if (task.dataOutLength + task.dataInLength > this.#device.transferMaximum)
      return checkCondition(task, INVALID_FIELD_IN_CDB);
    this.#send(task, opcode);
  }

  #send(task: ScsiTask, opcode: number): void {
    const buffer = task.dataInLength > 0 ? task.reserve(task.dataInLength) : task.buffer;
    if (buffer === 0 && task.dataInLength > 0) return endWith(task, STATUS_BUSY);
    if (this.#oldLun) clearOldLun(task);
    task.counters = this.#countersOf(opcode);
    const command = this.#idle.pop() ?? new DeviceCommand(this);
    command.begin(task, cdbLength(task), buffer, this.#timeouts[opcode] ?? 0);
    this.#tasks.began(task, command.leave);
    this.#device.execute(command);
  }

  /** Takes over how the command has ended. */
  #conclude(task: ScsiTask, command: DeviceCommand): void {
    const { outcome, residual, dataLength } = command;
    if (outcome !== "answered") {
      const { description } = this.#device;
      this.#log.warn({ device: description, opcode: cdb8(task, 0), outcome, reason: command.reason }, "no answer");
      return tellOutcome(task, outcome);
    }
    const moved = Math.min(Math.max(dataLength - residual, 0), dataLength);
    task.status = command.status;
    task.dataInCount = command.direction === DIRECTION_FROM_DEVICE ? moved : 0;
    task.dataOutCount = command.direction === DIRECTION_FROM_DEVICE ? 0 : moved;
    task.senseLength = 0;
    if (task.status === STATUS_CHECK_CONDITION) this.#takeSense(task, command);
    if (task.counters !== undefined) task.counters.bytes += moved;
    if (task.dataInCount > 0) rewriteInquiry(task, this.#changes);
  }

  /** A unit attention condition is told to us once, and is every nexus's. */
  #takeSense(task: ScsiTask, { sense, senseLength }: DeviceCommand): void {
    const length = Math.min(senseLength, sense.length, task.sense.length);
    for (let at = 0; at < length; at++) task.sense[at] = sense[at] ?? 0;
    task.senseLength = length;
    const condition = unitAttentionIn(task.sense, length);
    if (condition !== undefined && this.#nexuses.size > 1) this.attention(condition, task.nexus);
  }

  #countersOf(opcode: number) {
    if (READS.has(opcode)) return this.statistics.reads;
    return WRITES.has(opcode) ? this.statistics.writes : this.statistics.others;
  }
}

function refuse(task: ScsiTask, judgement: number): void {
  if (judgement === FILTER_WRITE_PROTECTS) return checkCondition(task, WRITE_PROTECTED);
  if (judgement === FILTER_REFUSES_ACTION) return invalidField(task, 1, 4);
  if (judgement === FILTER_REFUSES_COMMAND) return checkCondition(task, INVALID_OPERATION_CODE);
}

function clearOldLun(task: ScsiTask): void {
  const at = task.cdbOffset + 1;
  task.memory.u8[at] = (task.memory.u8[at] ?? 0) & NOT_OLD_LUN;
}
