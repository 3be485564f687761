// CRQ rings: put as H_SEND_CRQ does, scan as a consumer does. [LoPAR] ch_virtual_io, Reliable CRQ Transport.

import { CRQ_ENTRY_SIZE, CRQ_FREE } from "../src/abi/crq";
import { H_CLOSED, H_DROPPED, H_HARDWARE, H_SUCCESS, TCE_READ, TCE_WRITE } from "../src/abi/papr";
import {
  QUEUE_ENQUEUE,
  QUEUE_INTERRUPT,
  QUEUE_IOBA,
  QUEUE_LENGTH,
  QUEUE_OPEN,
  QUEUE_SIGNAL_MODE,
  QUEUE_STATE,
  QUEUE_WINDOW,
} from "../src/abi/records";
import { loadHeader, storeHeader } from "./ring";
import { inWindow, linearOf, UNREACHABLE } from "./tce";

export function put(queue: u32, entry: u32): i32 {
  if (load<u32>(queue + QUEUE_STATE) != QUEUE_OPEN) return H_CLOSED;
  const window = load<u32>(queue + QUEUE_WINDOW);
  const offset = load<u32>(queue + QUEUE_ENQUEUE);
  const ioba = <u64>load<u32>(queue + QUEUE_IOBA) + offset;
  if (!inWindow(window, ioba, CRQ_ENTRY_SIZE)) return H_HARDWARE;
  // Entries are 16 bytes and the queue begins on a page: an entry never crosses one.
  const place = linearOf(window, ioba, TCE_READ | TCE_WRITE);
  if (place == UNREACHABLE) return H_HARDWARE;
  if (loadHeader(place) != CRQ_FREE) return H_DROPPED;
  moveBody(place, entry);
  storeHeader(place, load<u8>(entry));
  const next = offset + CRQ_ENTRY_SIZE;
  store<u32>(queue + QUEUE_ENQUEUE, next >= load<u32>(queue + QUEUE_LENGTH) ? 0 : next);
  if (load<u32>(queue + QUEUE_SIGNAL_MODE)) store<u32>(queue + QUEUE_INTERRUPT, 1);
  return H_SUCCESS;
}

/** Takes the entry out of its slot when there is one: copies it, then clears the valid byte. Returns its header. */
@inline
export function take(place: u32, out: u32): u32 {
  const header = loadHeader(place);
  if (header == CRQ_FREE) return CRQ_FREE;
  moveBody(out, place);
  store<u8>(out, <u8>header);
  storeHeader(place, CRQ_FREE);
  return header;
}

export function scan(ring: u32, entries: u32, cursor: u32, out: u32, max: u32): u32 {
  let taken: u32 = 0;
  while (taken < max) {
    if (take(ring + cursor * CRQ_ENTRY_SIZE, out + taken * CRQ_ENTRY_SIZE) == CRQ_FREE) break;
    taken++;
    if (++cursor == entries) cursor = 0;
  }
  return taken;
}

/** Bytes 1 to 15. The header is left to the caller: it goes last, or was read first. */
@inline
function moveBody(to: u32, from: u32): void {
  store<u8>(to, load<u8>(from, 1), 1);
  store<u16>(to, load<u16>(from, 2), 2);
  store<u32>(to, load<u32>(from, 4), 4);
  store<u64>(to, load<u64>(from, 8), 8);
}
