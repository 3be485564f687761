import type { ScsiTask } from "./task.ts";

/** Byte of a task's CDB; 0 beyond its end. */
export function cdb8(task: ScsiTask, at: number): number {
  return at < task.cdbLength ? (task.memory.u8[task.cdbOffset + at] ?? 0) : 0;
}

/** Big-endian 16-bit field of a task's CDB. */
export function cdb16(task: ScsiTask, at: number): number {
  return (cdb8(task, at) << 8) | cdb8(task, at + 1);
}

/** Big-endian 32-bit field of a task's CDB. */
export function cdb32(task: ScsiTask, at: number): number {
  return cdb16(task, at) * 0x10000 + cdb16(task, at + 2);
}

/**
 * The first `length` bytes of a task's data-out, copied: in the buffer an initiator, or the answer, could change them
 * behind a check. The caller has checked that they are there.
 */
export function dataOut(task: ScsiTask, length: number): DataView {
  return new DataView(task.memory.u8.slice(task.buffer, task.buffer + length).buffer);
}
