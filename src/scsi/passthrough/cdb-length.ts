import { VARIABLE_LENGTH_CDB } from "../../abi/passthrough.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8 } from "../task-access.ts";

/** By the group that bits 7 to 5 of the operation code tell; 0 where they tell nothing. [SPC-4] 4.2.5.1. */
const BY_GROUP: readonly number[] = [6, 10, 10, 0, 16, 12, 0, 0];
const GROUP_SHIFT = 5;
const VARIABLE_HEADER = 8;

/**
 * Bytes of the CDB that a task carries. Transports have room for 16 and more, and devices check the length.
 * Where the operation code does not tell (vendor specific ones), all that the transport brought.
 */
export function cdbLength(task: ScsiTask): number {
  const opcode = cdb8(task, 0);
  const length = BY_GROUP[opcode >> GROUP_SHIFT] ?? 0;
  if (length > 0) return Math.min(length, task.cdbLength);
  if (opcode === VARIABLE_LENGTH_CDB) return Math.min(VARIABLE_HEADER + cdb8(task, 7), task.cdbLength);
  return task.cdbLength;
}
