import { SLOT_IU, SLOT_LUN, SLOT_TAG } from "../abi/records.ts";
import {
  SRP_TAG_LENGTH,
  SRP_TSK_ABORT_TASK,
  SRP_TSK_ABORT_TASK_SET,
  SRP_TSK_CLEAR_ACA,
  SRP_TSK_CLEAR_TASK_SET,
  SRP_TSK_COMPLETE,
  SRP_TSK_FIELDS_INVALID,
  SRP_TSK_FUNCTION,
  SRP_TSK_LUN_RESET,
  SRP_TSK_NOT_SUPPORTED,
  SRP_TSK_TASK_TAG,
} from "../abi/srp.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import type { Nexus, ScsiTask, TargetDevice } from "../scsi/task.ts";
import type { CommandTask } from "./command-task.ts";

export interface TaskManagement {
  /** Response code, once everything has been waited for. */
  code: number;
  /** Which of this nexus's own tasks it ends. */
  aborts: (task: CommandTask) => boolean;
  /** What the logical unit does; `then` follows when it is done. `own` are the tasks that `aborts` picked. */
  atUnit: (own: ReadonlySet<ScsiTask>, then: () => void) => void;
}

const NONE = () => false;
const NOTHING = (_own: ReadonlySet<ScsiTask>, then: () => void) => then();

/**
 * What a TSK_MGMT asks for. [SRP] r16a 6.8, [SAM-5] clause 7. A task that is not there counts as aborted; a logical unit
 * that is not there makes the fields invalid; CLEAR ACA is not supported by a unit that establishes no ACA.
 */
export function judgeTaskManagement(
  memory: SharedMemory,
  slot: number,
  device: TargetDevice,
  nexus: Nexus,
): TaskManagement {
  const { u8 } = memory;
  const lun = slot + SLOT_LUN;
  const sameUnit = (task: CommandTask) => sameBytes(u8, task.lunOffset, lun);
  const tag = slot + SLOT_IU + SRP_TSK_TASK_TAG;
  const abortOwn = (own: ReadonlySet<ScsiTask>, then: () => void) =>
    device.abortTasks(memory, lun, (task) => own.has(task), then);
  const functions: Readonly<Record<number, () => TaskManagement>> = {
    [SRP_TSK_ABORT_TASK]: () => ({
      code: SRP_TSK_COMPLETE,
      aborts: (task) => sameUnit(task) && sameBytes(u8, task.slot + SLOT_TAG, tag),
      atUnit: abortOwn,
    }),
    [SRP_TSK_ABORT_TASK_SET]: () => ({ code: SRP_TSK_COMPLETE, aborts: sameUnit, atUnit: abortOwn }),
    [SRP_TSK_CLEAR_TASK_SET]: () => ({
      code: SRP_TSK_COMPLETE,
      aborts: sameUnit,
      atUnit: (_own, then) => device.clearTaskSet(nexus, memory, lun, then),
    }),
    [SRP_TSK_LUN_RESET]: () => ({
      code: SRP_TSK_COMPLETE,
      aborts: sameUnit,
      atUnit: (_own, then) => device.reset(memory, lun, then),
    }),
    [SRP_TSK_CLEAR_ACA]: () => ({
      code: device.clearAca(nexus, memory, lun) ? SRP_TSK_COMPLETE : SRP_TSK_NOT_SUPPORTED,
      aborts: NONE,
      atUnit: NOTHING,
    }),
  };
  const wanted = functions[u8[slot + SLOT_IU + SRP_TSK_FUNCTION] ?? 0];
  if (wanted === undefined) return { code: SRP_TSK_NOT_SUPPORTED, aborts: NONE, atUnit: NOTHING };
  if (!device.exists(memory, lun)) return { code: SRP_TSK_FIELDS_INVALID, aborts: NONE, atUnit: NOTHING };
  return wanted();
}

function sameBytes(bytes: Uint8Array, a: number, b: number): boolean {
  for (let at = 0; at < SRP_TAG_LENGTH; at++) if (bytes[a + at] !== bytes[b + at]) return false;
  return true;
}
