import { SLOT_IU, SLOT_LUN, SLOT_TAG } from "../abi/records.ts";
import {
  SRP_TAG_LENGTH,
  SRP_TSK_ABORT_TASK,
  SRP_TSK_ABORT_TASK_SET,
  SRP_TSK_CLEAR_TASK_SET,
  SRP_TSK_COMPLETE,
  SRP_TSK_FIELDS_INVALID,
  SRP_TSK_FUNCTION,
  SRP_TSK_LUN_RESET,
  SRP_TSK_NOT_SUPPORTED,
  SRP_TSK_TASK_TAG,
} from "../abi/srp.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import type { TargetDevice } from "../scsi/task.ts";
import type { CommandTask } from "./command-task.ts";

export interface TaskManagement {
  /** Response code when nothing has to be waited for. */
  code: number;
  /** Which of the nexus's tasks it ends. */
  aborts: (task: CommandTask) => boolean;
  /** Offset of the LUN of a logical unit to reset, 0 for none. */
  resets: number;
}

const NOTHING = () => false;

/**
 * What a TSK_MGMT asks for. [SRP] r16a 6.8, [SAM-5] clause 7. A task that is not there counts as aborted; a logical unit
 * that is not there makes the fields invalid; CLEAR ACA is not supported, since no unit establishes ACA.
 */
export function judgeTaskManagement(memory: SharedMemory, slot: number, device: TargetDevice): TaskManagement {
  const { u8 } = memory;
  const lun = slot + SLOT_LUN;
  const sameUnit = (task: CommandTask) => sameBytes(u8, task.lunOffset, lun);
  const tag = slot + SLOT_IU + SRP_TSK_TASK_TAG;
  const functions: Readonly<Record<number, Omit<TaskManagement, "code">>> = {
    [SRP_TSK_ABORT_TASK]: {
      aborts: (task) => sameUnit(task) && sameBytes(u8, task.slot + SLOT_TAG, tag),
      resets: 0,
    },
    [SRP_TSK_ABORT_TASK_SET]: { aborts: sameUnit, resets: 0 },
    [SRP_TSK_CLEAR_TASK_SET]: { aborts: sameUnit, resets: 0 },
    [SRP_TSK_LUN_RESET]: { aborts: sameUnit, resets: lun },
  };
  const wanted = functions[u8[slot + SLOT_IU + SRP_TSK_FUNCTION] ?? 0];
  if (wanted === undefined) return { code: SRP_TSK_NOT_SUPPORTED, aborts: NOTHING, resets: 0 };
  if (!device.exists(memory, lun)) return { code: SRP_TSK_FIELDS_INVALID, aborts: NOTHING, resets: 0 };
  return { code: SRP_TSK_COMPLETE, ...wanted };
}

function sameBytes(bytes: Uint8Array, a: number, b: number): boolean {
  for (let at = 0; at < SRP_TAG_LENGTH; at++) if (bytes[a + at] !== bytes[b + at]) return false;
  return true;
}
