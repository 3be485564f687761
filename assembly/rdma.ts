// Copies between I/O space and linear memory, page by page. [LoPAR] ch_virtual_io, H_COPY_RDMA.

import { H_DEST_PARM, H_PERMISSION, H_SOURCE_PARM, H_SUCCESS, TCE_READ, TCE_WRITE } from "../src/abi/papr";
import {
  ADAPTER_REMOTE_WINDOW,
  DIRECTION_IN,
  DIRECTION_OUT,
  EXTENT_LENGTH,
  EXTENT_LINEAR,
  EXTENT_SIZE,
  SLOT_DIRECTION,
  SLOT_EXTENTS,
  SLOT_EXTENT_COUNT,
  SLOT_GENERATION,
  SLOT_TRANSFER_LENGTH,
  WINDOW_GENERATION,
  WINDOW_STATE,
  WINDOW_TRANSLATED,
} from "../src/abi/records";
import { copy } from "./bytes";
import { extentIoba, inWindow, linearOf, pageRest, UNREACHABLE } from "./tce";

export function copyBetween(length: u32, from: u32, fromIoba: u64, to: u32, toIoba: u64): i32 {
  if (!inWindow(from, fromIoba, length)) return H_SOURCE_PARM;
  if (!inWindow(to, toIoba, length)) return H_DEST_PARM;
  while (length > 0) {
    const piece = pageRest(toIoba, pageRest(fromIoba, length));
    const source = linearOf(from, fromIoba, TCE_READ);
    const destination = linearOf(to, toIoba, TCE_WRITE);
    if (source == UNREACHABLE || destination == UNREACHABLE) return H_PERMISSION;
    // The two windows may show the same page.
    memory.copy(destination, source, piece);
    fromIoba += piece;
    toIoba += piece;
    length -= piece;
  }
  return H_SUCCESS;
}

export function copyOut(window: u32, start: u64, source: u32, length: u32): i32 {
  if (!inWindow(window, start, length)) return H_DEST_PARM;
  return copyRuns(window, start, source, length, TCE_WRITE);
}

export function copyIn(window: u32, start: u64, destination: u32, length: u32): i32 {
  if (!inWindow(window, start, length)) return H_SOURCE_PARM;
  return copyRuns(window, start, destination, length, TCE_READ);
}

/** Copies a run of pages that are neighbours in linear memory at once. What comes before a missing page is copied. */
@inline
function copyRuns(window: u32, ioba: u64, ours: u32, length: u32, rights: u32): i32 {
  let theirs: u32 = 0;
  let run: u32 = 0;
  while (length > 0) {
    const piece = pageRest(ioba, length);
    const linear = linearOf(window, ioba, rights);
    if (run > 0 && linear != theirs + run) {
      copyTowards(theirs, ours, run, rights);
      ours += run;
      run = 0;
    }
    if (linear == UNREACHABLE) return H_PERMISSION;
    if (run == 0) theirs = linear;
    run += piece;
    ioba += piece;
    length -= piece;
  }
  copyTowards(theirs, ours, run, rights);
  return H_SUCCESS;
}

@inline
function copyTowards(theirs: u32, ours: u32, length: u32, rights: u32): void {
  if (rights == TCE_WRITE) copy(theirs, ours, length);
  else copy(ours, theirs, length);
}

/** Where a slot's data-in buffer is, when its first bytes are in one piece there and may be written as they stand; 0 otherwise. */
export function dataInAddress(adapter: u32, slot: u32, length: u32): u32 {
  const window = load<u32>(adapter + ADAPTER_REMOTE_WINDOW);
  const usable =
    load<u32>(window + WINDOW_STATE) == WINDOW_TRANSLATED &&
    load<u32>(window + WINDOW_GENERATION) == load<u32>(slot + SLOT_GENERATION) &&
    load<u32>(slot + SLOT_DIRECTION) == DIRECTION_IN &&
    load<u32>(slot + SLOT_EXTENT_COUNT) > 0 &&
    load<u32>(slot + SLOT_EXTENTS + EXTENT_LENGTH) >= length;
  return usable ? load<u32>(slot + SLOT_EXTENTS + EXTENT_LINEAR) : 0;
}

/**
 * Moves bytes between a slot's buffer and our memory. While the TCEs stand as they stood when the slot was decoded its
 * extents are used as they are; after a change each piece is translated again by its IOBA.
 */
@inline
export function copySlot(adapter: u32, slot: u32, offset: u32, ours: u32, length: u32, out: bool): i32 {
  if (<u64>offset + length > <u64>load<u32>(slot + SLOT_TRANSFER_LENGTH)) return out ? H_DEST_PARM : H_SOURCE_PARM;
  const window = load<u32>(adapter + ADAPTER_REMOTE_WINDOW);
  if (load<u32>(window + WINDOW_STATE) != WINDOW_TRANSLATED) return H_PERMISSION;
  // The extents were checked for the rights of their own direction only: a data-out buffer may be read-only.
  const direction: u32 = out ? DIRECTION_IN : DIRECTION_OUT;
  if (length > 0 && load<u32>(slot + SLOT_DIRECTION) != direction) return H_PERMISSION;
  const current = load<u32>(window + WINDOW_GENERATION) == load<u32>(slot + SLOT_GENERATION);
  let extent = slot + SLOT_EXTENTS;
  const end = extent + load<u32>(slot + SLOT_EXTENT_COUNT) * EXTENT_SIZE;
  let skip = offset;
  while (length > 0 && extent < end) {
    const size = load<u32>(extent + EXTENT_LENGTH);
    if (skip >= size) {
      skip -= size;
      extent += EXTENT_SIZE;
      continue;
    }
    const piece = min<u32>(length, size - skip);
    if (current) {
      const theirs = load<u32>(extent + EXTENT_LINEAR) + skip;
      if (out) copy(theirs, ours, piece);
      else copy(ours, theirs, piece);
    } else {
      const ioba = extentIoba(extent) + skip;
      const result = out ? copyOut(window, ioba, ours, piece) : copyIn(window, ioba, ours, piece);
      if (result != H_SUCCESS) return H_PERMISSION;
    }
    ours += piece;
    length -= piece;
    skip = 0;
    extent += EXTENT_SIZE;
  }
  // A buffer that could not be translated when it was decoded has fewer extents than its length.
  return length == 0 ? H_SUCCESS : H_PERMISSION;
}
