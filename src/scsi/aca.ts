import { PERSISTENT_RESERVE_OUT, PR_PREEMPT_AND_ABORT, STATUS_ACA_ACTIVE, STATUS_BUSY } from "../abi/scsi.ts";
import { type Nexus, type ScsiTask, TASK_ACA } from "./task.ts";
import { cdb8 } from "./task-access.ts";
import type { TaskSet } from "./task-set.ts";

/** NACA in the CONTROL byte. [SAM-5] 5.2. */
const NORMAL_ACA = 0x04;
const GROUP_SHIFT = 5;
/** Place of the CONTROL byte for each group of operation codes; that of variable length CDBs is byte 1. [SPC-4] 4.2.5. */
const CONTROL_AT: readonly (number | undefined)[] = [5, 9, 9, 1, 15, 11];
const SERVICE_ACTION = 0x1f;

/** True when the initiator wants a CHECK CONDITION to hold back what it has sent after the command. [SAM-5] 5.2. */
export function wantsAca(task: ScsiTask): boolean {
  const at = CONTROL_AT[cdb8(task, 0) >> GROUP_SHIFT];
  return at !== undefined && (cdb8(task, at) & NORMAL_ACA) !== 0;
}

/**
 * Auto contingent allegiance of one logical unit: since the CHECK CONDITION of a command with NACA only the nexus that
 * got it may do something, one ACA task at a time, until it clears the condition. TST is 000b, QERR 00b: tasks that wait
 * are held back, those under way end. [SAM-5] 5.9
 */
export class AutoContingentAllegiance {
  readonly #taskSet: TaskSet;
  #faulted: Nexus | undefined;

  constructor(taskSet: TaskSet) {
    this.#taskSet = taskSet;
  }

  get active(): boolean {
    return this.#faulted !== undefined;
  }

  get faultedNexus(): Nexus | undefined {
    return this.#faulted;
  }

  /** Status that a new task must end with while the condition lasts; undefined when it is let in. [SAM-5] 5.9.3, 5.9.4. */
  refusal(task: ScsiTask): number | undefined {
    if (task.nexus === this.#faulted) {
      const mayStart = task.attribute === TASK_ACA && !this.#taskSet.isUnderWay(isAcaTask);
      return mayStart ? undefined : STATUS_ACA_ACTIVE;
    }
    const preempts =
      cdb8(task, 0) === PERSISTENT_RESERVE_OUT && (cdb8(task, 1) & SERVICE_ACTION) === PR_PREEMPT_AND_ABORT;
    if (preempts) return undefined;
    return wantsAca(task) ? STATUS_ACA_ACTIVE : STATUS_BUSY;
  }

  /** A command that was watched ended with CHECK CONDITION. That of an ACA task ends the condition first. [SAM-5] 5.9.5. */
  faulted(task: ScsiTask): void {
    const establishes = wantsAca(task) && (!this.active || task.nexus === this.#faulted);
    if (establishes) {
      this.#faulted = task.nexus;
      this.#taskSet.hold();
    } else if (isAcaTask(task) && task.nexus === this.#faulted) {
      this.clear();
    }
  }

  /** Ends the condition: what it held back goes on. */
  clear(): void {
    if (this.#faulted === undefined) return;
    this.#faulted = undefined;
    this.#taskSet.resume();
  }
}

export function isAcaTask(task: ScsiTask): boolean {
  return task.attribute === TASK_ACA;
}
