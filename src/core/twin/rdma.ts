import { H_DEST_PARM, H_PERMISSION, H_SOURCE_PARM, H_SUCCESS, TCE_READ, TCE_WRITE } from "../../abi/papr.ts";
import {
  ADAPTER_REMOTE_WINDOW,
  DIRECTION_IN,
  DIRECTION_OUT,
  EXTENT_IOBA_HIGH,
  EXTENT_IOBA_LOW,
  EXTENT_LENGTH,
  EXTENT_LINEAR,
  EXTENT_SIZE,
  SLOT_DIRECTION,
  SLOT_EXTENT_COUNT,
  SLOT_EXTENTS,
  SLOT_GENERATION,
  SLOT_TRANSFER_LENGTH,
  WINDOW_GENERATION,
  WINDOW_STATE,
  WINDOW_TRANSLATED,
} from "../../abi/records.ts";
import type { SharedMemory } from "../shared-memory.ts";
import { inWindow, linearOf, pageRest, UNREACHABLE, wide } from "./tce.ts";

export function copyBetween(
  memory: SharedMemory,
  length: number,
  from: number,
  fromHigh: number,
  fromLow: number,
  to: number,
  toHigh: number,
  toLow: number,
): number {
  if (!inWindow(memory, from, fromHigh, fromLow, length)) return H_SOURCE_PARM;
  if (!inWindow(memory, to, toHigh, toLow, length)) return H_DEST_PARM;
  let fromIoba = wide(fromHigh, fromLow);
  let toIoba = wide(toHigh, toLow);
  for (let left = length; left > 0; ) {
    const piece = pageRest(toIoba, pageRest(fromIoba, left));
    const source = linearOf(memory, from, fromIoba, TCE_READ);
    const destination = linearOf(memory, to, toIoba, TCE_WRITE);
    if (source === UNREACHABLE || destination === UNREACHABLE) return H_PERMISSION;
    memory.u8.copyWithin(destination, source, source + piece);
    fromIoba += piece;
    toIoba += piece;
    left -= piece;
  }
  return H_SUCCESS;
}

/** Our memory to I/O space (`out`), or I/O space to our memory. */
export function copyWindow(
  memory: SharedMemory,
  window: number,
  high: number,
  low: number,
  ours: number,
  length: number,
  out: boolean,
): number {
  if (!inWindow(memory, window, high, low, length)) return out ? H_DEST_PARM : H_SOURCE_PARM;
  const rights = out ? TCE_WRITE : TCE_READ;
  let ioba = wide(high, low);
  let at = ours;
  for (let left = length; left > 0; ) {
    const piece = pageRest(ioba, left);
    const theirs = linearOf(memory, window, ioba, rights);
    if (theirs === UNREACHABLE) return H_PERMISSION;
    if (out) memory.u8.copyWithin(theirs, at, at + piece);
    else memory.u8.copyWithin(at, theirs, theirs + piece);
    ioba += piece;
    at += piece;
    left -= piece;
  }
  return H_SUCCESS;
}

/** As dataInAddress in assembly/rdma.ts. */
export function dataInAddress({ view }: SharedMemory, adapter: number, slot: number, length: number): number {
  const window = view.getUint32(adapter + ADAPTER_REMOTE_WINDOW, true);
  const usable =
    view.getUint32(window + WINDOW_STATE, true) === WINDOW_TRANSLATED &&
    view.getUint32(window + WINDOW_GENERATION, true) === view.getUint32(slot + SLOT_GENERATION, true) &&
    view.getUint32(slot + SLOT_DIRECTION, true) === DIRECTION_IN &&
    view.getUint32(slot + SLOT_EXTENT_COUNT, true) > 0 &&
    view.getUint32(slot + SLOT_EXTENTS + EXTENT_LENGTH, true) >= length;
  return usable ? view.getUint32(slot + SLOT_EXTENTS + EXTENT_LINEAR, true) : 0;
}

/** As copySlot in assembly/rdma.ts: extents as they are, or translated anew after a change of the TCEs. */
export function copySlot(
  memory: SharedMemory,
  adapter: number,
  slot: number,
  offset: number,
  start: number,
  length: number,
  out: boolean,
): number {
  const { view, u8 } = memory;
  if (offset + length > view.getUint32(slot + SLOT_TRANSFER_LENGTH, true)) return out ? H_DEST_PARM : H_SOURCE_PARM;
  const window = view.getUint32(adapter + ADAPTER_REMOTE_WINDOW, true);
  if (view.getUint32(window + WINDOW_STATE, true) !== WINDOW_TRANSLATED) return H_PERMISSION;
  // The extents were checked for the rights of their own direction only: a data-out buffer may be read-only.
  const direction = out ? DIRECTION_IN : DIRECTION_OUT;
  if (length > 0 && view.getUint32(slot + SLOT_DIRECTION, true) !== direction) return H_PERMISSION;
  const current = view.getUint32(window + WINDOW_GENERATION, true) === view.getUint32(slot + SLOT_GENERATION, true);
  const count = view.getUint32(slot + SLOT_EXTENT_COUNT, true);
  let ours = start;
  let left = length;
  let skip = offset;
  for (let index = 0; index < count && left > 0; index++) {
    const extent = slot + SLOT_EXTENTS + index * EXTENT_SIZE;
    const size = view.getUint32(extent + EXTENT_LENGTH, true);
    if (skip >= size) {
      skip -= size;
      continue;
    }
    const piece = Math.min(left, size - skip);
    if (current) {
      const theirs = view.getUint32(extent + EXTENT_LINEAR, true) + skip;
      if (out) u8.copyWithin(theirs, ours, ours + piece);
      else u8.copyWithin(ours, theirs, theirs + piece);
    } else {
      const low = view.getUint32(extent + EXTENT_IOBA_LOW, true) + skip;
      const high = view.getUint32(extent + EXTENT_IOBA_HIGH, true) + (low > 0xffffffff ? 1 : 0);
      if (copyWindow(memory, window, high, low >>> 0, ours, piece, out) !== H_SUCCESS) return H_PERMISSION;
    }
    ours += piece;
    left -= piece;
    skip = 0;
  }
  return left === 0 ? H_SUCCESS : H_PERMISSION;
}
