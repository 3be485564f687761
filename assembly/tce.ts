// Translation of I/O addresses by TCEs. [LoPAR] ch_address_map (TCE definition), ch_virtual_io (LRDMA).

import { H_PARAMETER, H_PERMISSION, H_RESOURCE, TCE_PAGE_SHIFT, TCE_PAGE_SIZE } from "../src/abi/papr";
import {
  EXTENT_IOBA_HIGH,
  EXTENT_IOBA_LOW,
  EXTENT_LENGTH,
  EXTENT_LINEAR,
  EXTENT_SIZE,
  WINDOW_MEMORY,
  WINDOW_MEMORY_SIZE,
  WINDOW_STATE,
  WINDOW_TCES,
  WINDOW_TCE_COUNT,
  WINDOW_TRANSLATED,
} from "../src/abi/records";

/** No page stands at linear address 0, so 0 can say "not reachable". */
export const UNREACHABLE: u32 = 0;

/** True when [ioba, ioba + length) lies in the window; nothing can wrap, since the sum is of 64-bit and 32-bit. */
@inline
export function inWindow(window: u32, ioba: u64, length: u32): bool {
  const end = <u64>load<u32>(window + WINDOW_TCE_COUNT) << TCE_PAGE_SHIFT;
  return ioba <= end && <u64>length <= end - ioba;
}

/** Linear address of the byte at `ioba` (inside the window), or UNREACHABLE without the rights or off the partition. */
export function linearOf(window: u32, ioba: u64, rights: u32): u32 {
  if (load<u32>(window + WINDOW_STATE) != WINDOW_TRANSLATED) return UNREACHABLE;
  const tce = load<u64>(load<u32>(window + WINDOW_TCES) + (<u32>(ioba >> TCE_PAGE_SHIFT) << 3));
  if ((<u32>tce & rights) != rights) return UNREACHABLE;
  // Compared as page numbers: the end of the page as a byte address would wrap for the last page of 64 bits.
  const page = tce >> TCE_PAGE_SHIFT;
  if (page >= <u64>(load<u32>(window + WINDOW_MEMORY_SIZE) >> TCE_PAGE_SHIFT)) return UNREACHABLE;
  return load<u32>(window + WINDOW_MEMORY) + (<u32>page << TCE_PAGE_SHIFT) + (<u32>ioba & (TCE_PAGE_SIZE - 1));
}

/** Bytes from `ioba` to the end of its page, at most `length`. */
@inline
export function pageRest(ioba: u64, length: u32): u32 {
  return min<u32>(length, TCE_PAGE_SIZE - (<u32>ioba & (TCE_PAGE_SIZE - 1)));
}

/**
 * Appends [ioba, ioba + length) to `count` extents that are already there, joining neighbours.
 * Returns the new count, H_PARAMETER, H_PERMISSION, or H_RESOURCE beyond `limit`.
 */
@inline
export function appendTranslated(
  window: u32,
  start: u64,
  total: u32,
  rights: u32,
  extents: u32,
  count: i32,
  limit: i32,
): i32 {
  if (!inWindow(window, start, total)) return H_PARAMETER;
  let ioba = start;
  let length = total;
  while (length > 0) {
    const piece = pageRest(ioba, length);
    const linear = linearOf(window, ioba, rights);
    if (linear == UNREACHABLE) return H_PERMISSION;
    count = appendExtent(extents, count, limit, ioba, linear, piece);
    if (count < 0) return count;
    ioba += piece;
    length -= piece;
  }
  return count;
}

/** Appends one run, or lengthens the last when both addresses go on from it. A `linear` of 0 marks staged memory. */
export function appendExtent(extents: u32, count: i32, limit: i32, ioba: u64, linear: u32, length: u32): i32 {
  if (count > 0) {
    const last = extents + <u32>(count - 1) * EXTENT_SIZE;
    const size = load<u32>(last + EXTENT_LENGTH);
    const before = load<u32>(last + EXTENT_LINEAR);
    const joins = linear == 0 ? before == 0 : before + size == linear;
    if (joins && extentIoba(last) + size == ioba && <u64>size + length <= u32.MAX_VALUE) {
      store<u32>(last + EXTENT_LENGTH, size + length);
      return count;
    }
  }
  if (count >= limit) return H_RESOURCE;
  const extent = extents + <u32>count * EXTENT_SIZE;
  store<u32>(extent + EXTENT_LINEAR, linear);
  store<u32>(extent + EXTENT_LENGTH, length);
  store<u32>(extent + EXTENT_IOBA_HIGH, <u32>(ioba >> 32));
  store<u32>(extent + EXTENT_IOBA_LOW, <u32>ioba);
  return count + 1;
}

@inline
export function extentIoba(extent: u32): u64 {
  return (<u64>load<u32>(extent + EXTENT_IOBA_HIGH) << 32) | load<u32>(extent + EXTENT_IOBA_LOW);
}
