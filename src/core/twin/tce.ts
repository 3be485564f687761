import { H_PARAMETER, H_PERMISSION, H_RESOURCE, TCE_PAGE_SIZE } from "../../abi/papr.ts";
import {
  EXTENT_IOBA_HIGH,
  EXTENT_IOBA_LOW,
  EXTENT_LENGTH,
  EXTENT_LINEAR,
  EXTENT_SIZE,
  WINDOW_MEMORY,
  WINDOW_MEMORY_SIZE,
  WINDOW_STATE,
  WINDOW_TCE_COUNT,
  WINDOW_TCES,
  WINDOW_TRANSLATED,
} from "../../abi/records.ts";
import type { SharedMemory } from "../shared-memory.ts";

/** No page stands at linear address 0. */
export const UNREACHABLE = 0;
const PAGE_MASK = TCE_PAGE_SIZE - 1;
const TWO_TO_32 = 0x1_0000_0000;

/** True when [ioba, ioba + length) lies in the window. A window ends below 2^44, so doubles are exact here. */
export function inWindow(memory: SharedMemory, window: number, high: number, low: number, length: number): boolean {
  const end = memory.view.getUint32(window + WINDOW_TCE_COUNT, true) * TCE_PAGE_SIZE;
  // With a high word beyond 2^21 precision would be lost; such an address is outside every window anyway.
  if (high > 0xffff) return false;
  const ioba = high * TWO_TO_32 + low;
  return ioba <= end && length <= end - ioba;
}

/** Linear address of an IOBA inside the window, given as page index and offset, or UNREACHABLE. */
export function linearOf(memory: SharedMemory, window: number, ioba: number, rights: number): number {
  const { view } = memory;
  if (view.getUint32(window + WINDOW_STATE, true) !== WINDOW_TRANSLATED) return UNREACHABLE;
  const tce = view.getUint32(window + WINDOW_TCES, true) + Math.floor(ioba / TCE_PAGE_SIZE) * 8;
  const low = view.getUint32(tce, true);
  if ((low & rights) !== rights || view.getUint32(tce + 4, true) !== 0) return UNREACHABLE;
  const page = (low & ~PAGE_MASK) >>> 0;
  if (page + TCE_PAGE_SIZE > view.getUint32(window + WINDOW_MEMORY_SIZE, true)) return UNREACHABLE;
  return view.getUint32(window + WINDOW_MEMORY, true) + page + (ioba % TCE_PAGE_SIZE);
}

/** Bytes from `ioba` to the end of its page, at most `length`. */
export function pageRest(ioba: number, length: number): number {
  return Math.min(length, TCE_PAGE_SIZE - (ioba % TCE_PAGE_SIZE));
}

/** IOBA as a double; only after `inWindow` has bounded it. */
export function wide(high: number, low: number): number {
  return high * TWO_TO_32 + low;
}

export function appendTranslated(
  memory: SharedMemory,
  window: number,
  high: number,
  low: number,
  total: number,
  rights: number,
  extents: number,
  before: number,
  limit: number,
): number {
  if (!inWindow(memory, window, high, low, total)) return H_PARAMETER;
  let ioba = wide(high, low);
  let count = before;
  for (let left = total; left > 0; ) {
    const piece = pageRest(ioba, left);
    const linear = linearOf(memory, window, ioba, rights);
    if (linear === UNREACHABLE) return H_PERMISSION;
    count = appendExtent(memory, extents, count, limit, Math.floor(ioba / TWO_TO_32), ioba >>> 0, linear, piece);
    if (count < 0) return count;
    ioba += piece;
    left -= piece;
  }
  return count;
}

/** Appends one run, or lengthens the last when both addresses go on from it. */
export function appendExtent(
  memory: SharedMemory,
  extents: number,
  count: number,
  limit: number,
  high: number,
  low: number,
  linear: number,
  length: number,
): number {
  const { view } = memory;
  if (count > 0) {
    const last = extents + (count - 1) * EXTENT_SIZE;
    const size = view.getUint32(last + EXTENT_LENGTH, true);
    const before = view.getUint32(last + EXTENT_LINEAR, true);
    const joins = linear === 0 ? before === 0 : before + size === linear;
    if (joins && follows(view, last, size, high, low) && size + length < TWO_TO_32) {
      view.setUint32(last + EXTENT_LENGTH, size + length, true);
      return count;
    }
  }
  if (count >= limit) return H_RESOURCE;
  const extent = extents + count * EXTENT_SIZE;
  view.setUint32(extent + EXTENT_LINEAR, linear, true);
  view.setUint32(extent + EXTENT_LENGTH, length, true);
  view.setUint32(extent + EXTENT_IOBA_HIGH, high, true);
  view.setUint32(extent + EXTENT_IOBA_LOW, low, true);
  return count + 1;
}

/** True when (high, low) is `size` bytes behind the extent's IOBA, modulo 2^64 as the core adds. */
function follows(view: DataView, extent: number, size: number, high: number, low: number): boolean {
  const sum = view.getUint32(extent + EXTENT_IOBA_LOW, true) + size;
  const carry = sum >= TWO_TO_32 ? 1 : 0;
  return sum >>> 0 === low && (view.getUint32(extent + EXTENT_IOBA_HIGH, true) + carry) >>> 0 === high;
}
