import { CRQ_ENTRY_SIZE, CRQ_FORMAT_SRP, CRQ_FREE } from "../../abi/crq.ts";
import { H_CLOSED, H_DROPPED, H_HARDWARE, H_SUCCESS, TCE_READ, TCE_WRITE } from "../../abi/papr.ts";
import {
  ADAPTER_FREE_COUNT,
  ADAPTER_FREE_LIST,
  QUEUE_ENQUEUE,
  QUEUE_INTERRUPT,
  QUEUE_IOBA,
  QUEUE_LENGTH,
  QUEUE_OPEN,
  QUEUE_SIGNAL_MODE,
  QUEUE_STATE,
  QUEUE_WINDOW,
  SLOT_ENTRY,
  SLOT_FETCHED,
  SLOT_FREE,
  SLOT_KIND,
  SLOT_RESPONSE_COPIED,
  SLOT_RESPONSE_FORMAT,
  SLOT_STATE,
  SLOT_TAG,
} from "../../abi/records.ts";
import type { SharedMemory } from "../shared-memory.ts";
import { inWindow, linearOf, UNREACHABLE } from "./tce.ts";

export function put(memory: SharedMemory, queue: number, entry: number): number {
  const { view, u8 } = memory;
  if (view.getUint32(queue + QUEUE_STATE, true) !== QUEUE_OPEN) return H_CLOSED;
  const window = view.getUint32(queue + QUEUE_WINDOW, true);
  const offset = view.getUint32(queue + QUEUE_ENQUEUE, true);
  const ioba = view.getUint32(queue + QUEUE_IOBA, true) + offset;
  if (!inWindow(memory, window, ioba > 0xffffffff ? 1 : 0, ioba >>> 0, CRQ_ENTRY_SIZE)) return H_HARDWARE;
  const place = linearOf(memory, window, ioba, TCE_READ | TCE_WRITE);
  if (place === UNREACHABLE) return H_HARDWARE;
  if (Atomics.load(u8, place) !== CRQ_FREE) return H_DROPPED;
  moveBody(u8, place, entry);
  Atomics.store(u8, place, u8[entry] ?? 0);
  const next = offset + CRQ_ENTRY_SIZE;
  view.setUint32(queue + QUEUE_ENQUEUE, next >= view.getUint32(queue + QUEUE_LENGTH, true) ? 0 : next, true);
  if (view.getUint32(queue + QUEUE_SIGNAL_MODE, true) !== 0) view.setUint32(queue + QUEUE_INTERRUPT, 1, true);
  return H_SUCCESS;
}

/** Takes the entry out of its slot when there is one. Returns its header. */
export function take(u8: Uint8Array, place: number, out: number): number {
  const header = Atomics.load(u8, place);
  if (header === CRQ_FREE) return CRQ_FREE;
  moveBody(u8, out, place);
  u8[out] = header;
  Atomics.store(u8, place, CRQ_FREE);
  return header;
}

export function scan(
  memory: SharedMemory,
  ring: number,
  entries: number,
  start: number,
  out: number,
  max: number,
): number {
  let taken = 0;
  let cursor = start;
  while (taken < max) {
    if (take(memory.u8, ring + cursor * CRQ_ENTRY_SIZE, out + taken * CRQ_ENTRY_SIZE) === CRQ_FREE) break;
    taken++;
    if (++cursor === entries) cursor = 0;
  }
  return taken;
}

/** Bytes 1 to 15; a loop beats copyWithin for so few. */
function moveBody(u8: Uint8Array, to: number, from: number): void {
  for (let at = 1; at < CRQ_ENTRY_SIZE; at++) u8[to + at] = u8[from + at] ?? 0;
}

/** Address of a free slot, or 0. */
export function acquire(memory: SharedMemory, adapter: number): number {
  const { view, u8 } = memory;
  const count = view.getUint32(adapter + ADAPTER_FREE_COUNT, true);
  if (count === 0) return 0;
  view.setUint32(adapter + ADAPTER_FREE_COUNT, count - 1, true);
  const slot = view.getUint32(view.getUint32(adapter + ADAPTER_FREE_LIST, true) + (count - 1) * 4, true);
  u8.fill(0, slot + SLOT_TAG, slot + SLOT_ENTRY);
  // ANSWER_NONE is 0: the fill sets it.
  u8.fill(0, slot + SLOT_KIND, slot + SLOT_RESPONSE_COPIED + 8);
  view.setUint32(slot + SLOT_RESPONSE_FORMAT, CRQ_FORMAT_SRP, true);
  view.setUint32(slot + SLOT_STATE, SLOT_FETCHED, true);
  return slot;
}

export function release(memory: SharedMemory, adapter: number, slot: number): void {
  const { view } = memory;
  if (view.getUint32(slot + SLOT_STATE, true) === SLOT_FREE) return;
  view.setUint32(slot + SLOT_STATE, SLOT_FREE, true);
  const count = view.getUint32(adapter + ADAPTER_FREE_COUNT, true);
  view.setUint32(view.getUint32(adapter + ADAPTER_FREE_LIST, true) + count * 4, slot, true);
  view.setUint32(adapter + ADAPTER_FREE_COUNT, count + 1, true);
}
