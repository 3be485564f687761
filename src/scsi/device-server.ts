import { MODE_PAGE_CONTROL, STATUS_RESERVATION_CONFLICT } from "../abi/scsi.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { AutoContingentAllegiance, isAcaTask, wantsAca } from "./aca.ts";
import { type Command, type CommandTable, cdbFault, cdbFits } from "./command.ts";
import type { Identity } from "./identity.ts";
import type { LogicalUnit } from "./logical-unit.ts";
import { type Medium, NO_MEDIUM } from "./medium.ts";
import { CONTROL_FORMAT, CONTROL_PROTECTION, D_SENSE, SOFTWARE_WRITE_PROTECT } from "./mode/common-pages.ts";
import type { ModePages } from "./mode/mode-pages.ts";
import type { Occupation } from "./occupation.ts";
import { UnitBuffers } from "./primary/buffers.ts";
import { Timestamp } from "./primary/timestamp.ts";
import { registrantOf } from "./reservations/registrant.ts";
import { Reservations } from "./reservations/reservations.ts";
import type { ReservationStorage } from "./reservations/stored-state.ts";
import { SelfTests } from "./self-tests.ts";
import {
  ACCESS_STATE_CHANGED,
  checkCondition,
  endWith,
  failTask,
  INVALID_FIELD_IN_CDB,
  INVALID_MESSAGE_ERROR,
  INVALID_OPERATION_CODE,
  MEDIUM_NOT_PRESENT,
  RESET_OCCURRED,
  type Sense,
  SOFTWARE_WRITE_PROTECTED,
  TARGET_PORT_IN_STANDBY,
  TARGET_PORT_UNAVAILABLE,
  WRITE_PROTECTED,
} from "./sense.ts";
import type { SenseDetail } from "./sense-data.ts";
import { Statistics } from "./statistics.ts";
import { STANDBY, TargetPortGroups } from "./target-port-groups.ts";
import type { Nexus, ScsiTask } from "./task.ts";
import { cdb8 } from "./task-access.ts";
import { TaskSet } from "./task-set.ts";
import { UnitAttentions } from "./unit-attentions.ts";
import type { UnitState } from "./unit-state.ts";
import type { VitalProductDataPage } from "./vital-product-data.ts";

export interface DeviceServerOptions {
  /** What is in it at the start; a drive may be empty. */
  medium: Medium;
  /** The medium can be taken out. */
  removable: boolean;
  identity: Identity;
  log: Log;
  /** Where reservations outlive the process; without it APTPL is refused. */
  reservationStorage?: ReservationStorage | undefined;
  /** What the unit keeps across restarts of the daemon; without one it keeps nothing. */
  state?: UnitState | undefined;
  clock?: Clock;
  /** Tasks that the unit takes at a time. */
  queueDepth?: number | undefined;
  /** Through which ports it may be used; without one through all of them, always. */
  portGroups?: TargetPortGroups | undefined;
}

/**
 * What every kind of logical unit has: the order of gates that a command passes, unit attentions, the task set, the
 * medium. A kind adds its commands, its peripheral device type and its state. [SAM-5] clause 4.6, [SPC-4].
 */
export abstract class DeviceServer implements LogicalUnit {
  /** [SPC-4] 6.6.2. */
  abstract readonly peripheralDeviceType: number;
  abstract readonly commands: CommandTable<this>;
  abstract readonly modes: ModePages<this>;
  abstract readonly vitalProductData: readonly VitalProductDataPage<this>[];
  readonly identity: Identity;
  readonly removable: boolean;
  readonly log: Log;
  readonly state: UnitState | undefined;
  readonly clock: Clock;
  readonly portGroups: TargetPortGroups;
  readonly attentions = new UnitAttentions();
  readonly statistics = new Statistics();
  readonly buffers = new UnitBuffers();
  readonly selfTests: SelfTests;
  readonly timestamp: Timestamp;
  readonly taskSet: TaskSet;
  readonly reservations: Reservations;
  readonly #aca: AutoContingentAllegiance;
  readonly #faulted = (task: ScsiTask) => this.#aca.faulted(task);
  #medium: Medium;
  /** D_SENSE of the control mode page: sense data in descriptor format. */
  #descriptorSense = false;
  /** SWP of the control mode page. */
  #softwareWriteProtected = false;
  /** Why commands that need a ready unit are refused now: stopped, becoming ready. An absent medium need not be told here. */
  notReady: Sense | undefined;
  /** Told with `notReady`: the progress of the operation that causes it. */
  notReadyDetail: SenseDetail | undefined;

  /** What has the unit for itself. Unlike `notReady` it outlives a reset. */
  occupation: Occupation | undefined;

  readonly #forgetPortGroups: () => void;

  /** @throws when reservations that were to outlive the process can't be read */
  constructor(options: DeviceServerOptions) {
    const { medium, removable, identity, log, reservationStorage, state, clock = systemClock, portGroups } = options;
    const { queueDepth } = options;
    this.#medium = medium;
    this.removable = removable;
    this.identity = identity;
    this.log = log;
    this.state = state;
    this.clock = clock;
    this.portGroups = portGroups ?? new TargetPortGroups();
    this.#forgetPortGroups = this.portGroups.onChange(() => this.attention(ACCESS_STATE_CHANGED));
    this.selfTests = new SelfTests(clock);
    this.timestamp = new Timestamp(clock);
    this.taskSet = new TaskSet((task) => this.#startGuarded(task), { depth: queueDepth });
    this.#aca = new AutoContingentAllegiance(this.taskSet);
    this.reservations = new Reservations(
      ({ identity }, condition) =>
        this.attentions.establishWhere((nexus) => registrantOf(nexus).identity === identity, condition),
      reservationStorage,
    );
  }

  /** What is in the drive now: NO_MEDIUM when nothing is. */
  get medium(): Medium {
    return this.#medium;
  }

  /** MODE SENSE tells a block descriptor, as for every type of [SBC-3]. */
  get hasModeBlockDescriptor(): boolean {
    return true;
  }

  /** DEVICE-SPECIFIC PARAMETER of the mode parameter header. [SPC-4] 7.5.5. */
  get deviceSpecificParameter(): number {
    return 0;
  }

  /** Nobody may change the medium: it can't be written, or an initiator has protected it. */
  get writeProtected(): boolean {
    return this.#softwareWriteProtected || this.#medium.readOnly;
  }

  /** What an initiator is told when nothing is in the drive. */
  get absence(): Sense {
    return MEDIUM_NOT_PRESENT;
  }

  get size(): number {
    return this.#medium.size;
  }

  get readOnly(): boolean {
    return this.#medium.readOnly;
  }

  get description(): string {
    return this.#medium.store.description;
  }

  execute(task: ScsiTask): void {
    task.counters = this.statistics.others;
    const aca = isAcaTask(task);
    if (aca || wantsAca(task)) task.faulted = this.#faulted;
    if (this.#aca.active) {
      const refusal = this.#aca.refusal(task);
      if (refusal !== undefined) return endWith(task, refusal);
      // What is let in is there to end the condition: it waits for nobody.
      return this.#start(task);
    }
    if (aca) return checkCondition(task, INVALID_MESSAGE_ERROR);
    const full = this.taskSet.refusal(task);
    if (full !== undefined) return endWith(task, full);
    if (this.taskSet.admits(task)) this.#start(task);
  }

  /** Takes over the current values of the mode pages, at the start and whenever one has changed. */
  modesChanged(): void {
    const byte = (at: number) => this.modes.currentByte(MODE_PAGE_CONTROL, at);
    this.#descriptorSense = (byte(CONTROL_FORMAT) & D_SENSE) !== 0;
    this.#softwareWriteProtected = (byte(CONTROL_PROTECTION) & SOFTWARE_WRITE_PROTECT) !== 0;
  }

  abortTasks(which: (task: ScsiTask) => boolean, then: () => void): void {
    this.taskSet.abort(which, then);
  }

  whenGone(which: (task: ScsiTask) => boolean, then: () => void): void {
    this.taskSet.whenGone(which, then);
  }

  /** That of a nexus which has no ACA condition is no error. [SAM-5] 7.4. */
  clearAca(nexus: Nexus): boolean {
    if (this.#aca.faultedNexus !== nexus) return true;
    this.abortTasks(isAcaTask, () => {});
    this.#aca.clear();
    return true;
  }

  /** What PREEMPT AND ABORT does to the nexuses that have lost their registration. [SPC-4] 5.12.11.6. */
  preempted(which: (nexus: Nexus) => boolean, then: () => void): void {
    const faulted = this.#aca.faultedNexus;
    this.abortTasks((task) => which(task.nexus), then);
    if (faulted !== undefined && which(faulted)) this.#aca.clear();
  }

  reset(then: () => void): void {
    this.notReady = undefined;
    this.reservations.reset();
    this.notReadyDetail = undefined;
    this.modes.revert();
    this.modesChanged();
    this.attention(RESET_OCCURRED);
    this.abortTasks(() => true, then);
    this.#aca.clear();
  }

  attention(condition: Sense, except?: Nexus): void {
    this.attentions.establishForAll(condition, except);
  }

  attentionFor(nexus: Nexus, condition: Sense): void {
    this.attentions.establish(nexus, condition);
  }

  clearAttention(nexus: Nexus, condition: Sense): void {
    this.attentions.clear(nexus, condition);
  }

  nexusOpened(nexus: Nexus): void {
    this.attentions.opened(nexus);
    this.reservations.nexusOpened(nexus);
  }

  nexusLost(nexus: Nexus): void {
    this.attentions.lost(nexus);
    this.reservations.nexusLost(nexus);
    // [SAM-5] 6.3.4: I_T nexus loss aborts its tasks; nobody waits for that.
    this.abortTasks(
      (task) => task.nexus === nexus,
      () => {},
    );
    if (this.#aca.faultedNexus === nexus) this.#aca.clear();
  }

  async close(): Promise<void> {
    this.#forgetPortGroups();
    await this.occupation?.stop();
    await this.reservations.close();
    await this.#medium.store.close();
  }

  /** Puts another medium in the place of the one that is there. Who asked for it tells the nexuses and closes the old one. */
  protected exchangeMedium(medium: Medium): void {
    this.#medium = medium;
  }

  /** Starts a task that had to wait: nobody above is there to catch. */
  #startGuarded(task: ScsiTask): void {
    try {
      this.#start(task);
    } catch (error) {
      failTask(task, error, this.log);
    }
  }

  /**
   * The gates, in the order in which the standards judge: unit attention, operation code, reservation, CDB, readiness,
   * write protection.
   */
  #start(task: ScsiTask) {
    task.descriptorSense = this.#descriptorSense;
    const command = this.commands.find(task);
    if (!command?.passesUnitAttention) {
      const attention = this.attentions.take(task.nexus);
      if (attention !== undefined) return checkCondition(task, attention);
    }
    if (command === undefined) return checkCondition(task, this.#unknown(task));
    if (this.reservations.active && this.#conflicts(command, task)) return endWith(task, STATUS_RESERVATION_CONFLICT);
    if (!cdbFits(task, command.usage)) return checkCondition(task, INVALID_FIELD_IN_CDB, cdbFault(task, command.usage));
    if (this.portGroups.restricted && this.#refusedByAccessState(task, command)) return;
    if (this.occupation !== undefined && this.#refusedByOccupation(task, command, this.occupation)) return;
    if (!command.whenNotReady) {
      if (this.#medium === NO_MEDIUM) return checkCondition(task, this.absence);
      if (this.notReady !== undefined) return checkCondition(task, this.notReady, this.notReadyDetail);
    }
    if (command.writes && this.writeProtected) return checkCondition(task, this.#protection);
    command.execute(this, task);
  }

  #conflicts({ reservation }: Command, task: ScsiTask): boolean {
    return this.reservations.conflicts(task.nexus, typeof reservation === "function" ? reservation(task) : reservation);
  }

  /** [SPC-4] 4.2.5.1: a service action that is not there is a field of a command that is. */
  #unknown(task: ScsiTask): Sense {
    return this.commands.withOpcode(cdb8(task, 0)).length > 0 ? INVALID_FIELD_IN_CDB : INVALID_OPERATION_CODE;
  }

  get #protection(): Sense {
    return this.#medium.readOnly ? WRITE_PROTECTED : SOFTWARE_WRITE_PROTECTED;
  }

  /** [SPC-4] 5.15.2.4. */
  #refusedByAccessState(task: ScsiTask, { access }: Command): boolean {
    const state = this.portGroups.stateThrough(task.nexus.port);
    if (state < STANDBY || access === "unavailable" || (state === STANDBY && access === "standby")) return false;
    checkCondition(task, state === STANDBY ? TARGET_PORT_IN_STANDBY : TARGET_PORT_UNAVAILABLE);
    return true;
  }

  #refusedByOccupation(task: ScsiTask, command: Command, occupation: Occupation): boolean {
    const refusal = occupation.refusalOf(command);
    if (refusal === undefined) return false;
    const { progress } = occupation;
    checkCondition(task, refusal, progress === undefined ? undefined : { progress });
    return true;
  }
}
