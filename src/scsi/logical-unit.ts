import type { Identity } from "./identity.ts";
import type { Sense } from "./sense.ts";
import type { Statistics } from "./statistics.ts";
import type { Nexus, ScsiTask } from "./task.ts";

/**
 * One logical unit: device server and task manager, as target devices see it. Several of them may show the same unit, at
 * other LUNs and through other ports: what it knows of an initiator it knows by I_T nexus.
 */
export interface LogicalUnit {
  /** [SPC-4] 6.6.2. */
  readonly peripheralDeviceType: number;
  readonly identity: Identity;
  /** What it was used for, for status and metrics. */
  readonly statistics: Statistics;
  /** Capacity in bytes, for status; 0 where nobody knows. */
  readonly size: number;
  readonly readOnly: boolean;
  readonly description: string;
  /** Executes one command; calls `task.done()` exactly once. */
  execute(task: ScsiTask): void;
  /** Aborts the tasks that `which` picks; `then` follows when the last of them has left, at once if there is none. */
  abortTasks(which: (task: ScsiTask) => boolean, then: () => void): void;
  /** `then` follows when the tasks that `which` picks have left by themselves, at once if there is none. */
  whenGone(which: (task: ScsiTask) => boolean, then: () => void): void;
  /** CLEAR ACA [SAM-5] 7.4. @returns false when the unit establishes no ACA */
  clearAca(nexus: Nexus): boolean;
  /** LOGICAL UNIT RESET [SAM-5] 7.7: every task is aborted, what commands have changed is as after power on. */
  reset(then: () => void): void;
  /** Establishes a unit attention condition for every nexus but one. */
  attention(condition: Sense, except?: Nexus): void;
  /** Establishes one for one nexus. */
  attentionFor(nexus: Nexus, condition: Sense): void;
  /** Clears one, as REPORT LUNS does. */
  clearAttention(nexus: Nexus, condition: Sense): void;
  nexusOpened(nexus: Nexus): void;
  nexusLost(nexus: Nexus): void;
  /** Everything acknowledged is on stable storage, then the store is closed. */
  close(): Promise<void>;
}
