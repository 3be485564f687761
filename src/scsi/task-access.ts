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
 * Fills a task's buffer with data-in, cut at the CDB's allocation length.
 * @param data what the device has to say in full
 * @returns bytes placed, or -1 when there is no memory (answer BUSY)
 */
export function placeDataIn(task: ScsiTask, data: Uint8Array, allocationLength: number): number {
  const length = Math.min(data.length, allocationLength);
  if (length === 0) return 0;
  const address = task.reserve(length);
  if (address === 0) return -1;
  task.memory.u8.set(length === data.length ? data : data.subarray(0, length), address);
  return length;
}
