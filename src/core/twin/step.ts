import {
  CRQ_COMMAND,
  CRQ_ENTRY_SIZE,
  CRQ_FORMAT,
  CRQ_FORMAT_MAD,
  CRQ_FORMAT_MESSAGE,
  CRQ_FORMAT_SRP,
  CRQ_INIT,
  CRQ_INIT_COMPLETE,
  CRQ_INITIALIZATION,
  CRQ_IU_ADDRESS,
  CRQ_IU_LENGTH,
  CRQ_TRANSPORT_EVENT,
} from "../../abi/crq.ts";
import { H_PERMISSION, H_SUCCESS } from "../../abi/papr.ts";
import {
  ADAPTER_CLIENT_QUEUE,
  ADAPTER_COMPLETE_LIST,
  ADAPTER_COMPLETE_RESULT,
  ADAPTER_DRAIN_STOP,
  ADAPTER_ENTRY,
  ADAPTER_READY_LIST,
  ADAPTER_REMOTE_WINDOW,
  ADAPTER_RING,
  ADAPTER_RING_CURSOR,
  ADAPTER_RING_ENTRIES,
  ADAPTER_SLOT_COUNT,
  ADAPTER_STAGED,
  ANSWER_NONE,
  ANSWER_RSP,
  DRAIN_BARRIER,
  DRAIN_EMPTY,
  DRAIN_LIMIT,
  DRAIN_NO_SLOT,
  FAULT_IU_FETCH,
  FAULT_IU_LENGTH,
  KIND_EVENT,
  KIND_INIT,
  KIND_INIT_COMPLETE,
  KIND_MAD,
  KIND_MESSAGE,
  KIND_SRP,
  KIND_UNKNOWN,
  SLOT_ADDRESS_HIGH,
  SLOT_ADDRESS_LOW,
  SLOT_ANSWER,
  SLOT_DECODED,
  SLOT_ENTRY,
  SLOT_FAULT,
  SLOT_IU,
  SLOT_IU_LENGTH,
  SLOT_KIND,
  SLOT_RESPONDED,
  SLOT_RESPONSE,
  SLOT_RESPONSE_COPIED,
  SLOT_RESPONSE_LENGTH,
  SLOT_STAGED_DATA,
  SLOT_STAGED_DATA_LENGTH,
  SLOT_STATE,
  STAGED_DATA,
  STAGED_DATA_LENGTH,
  STAGED_IU,
  STAGED_IU_LENGTH,
  STAGED_SIZE,
  WINDOW_STAGED,
  WINDOW_STATE,
} from "../../abi/records.ts";
import { SRP_IU_MAX } from "../../abi/srp.ts";
import type { SharedMemory } from "../shared-memory.ts";
import { copyWindow } from "./rdma.ts";
import { acquire, put, release, take } from "./ring.ts";
import { buildEntry, buildResponse, decode } from "./srp.ts";

export function drain(memory: SharedMemory, adapter: number, max: number): number {
  const { view, u8 } = memory;
  const ring = view.getUint32(adapter + ADAPTER_RING, true);
  const entries = view.getUint32(adapter + ADAPTER_RING_ENTRIES, true);
  const ready = view.getUint32(adapter + ADAPTER_READY_LIST, true);
  const limit = Math.min(max, view.getUint32(adapter + ADAPTER_SLOT_COUNT, true));
  let cursor = view.getUint32(adapter + ADAPTER_RING_CURSOR, true);
  let count = 0;
  let stop = DRAIN_LIMIT;
  while (count < limit) {
    const place = ring + cursor * CRQ_ENTRY_SIZE;
    if (u8[place] === 0) {
      stop = DRAIN_EMPTY;
      break;
    }
    const slot = acquire(memory, adapter);
    if (slot === 0) {
      stop = DRAIN_NO_SLOT;
      break;
    }
    if (take(u8, place, slot + SLOT_ENTRY) === 0) {
      release(memory, adapter, slot);
      stop = DRAIN_EMPTY;
      break;
    }
    fetch(memory, adapter, slot, cursor);
    view.setUint32(slot + SLOT_STATE, SLOT_DECODED, true);
    view.setUint32(ready + count * 4, slot, true);
    count++;
    if (++cursor === entries) cursor = 0;
    const kind = view.getUint32(slot + SLOT_KIND, true);
    if (kind === KIND_INIT || kind === KIND_INIT_COMPLETE || kind === KIND_EVENT) {
      stop = DRAIN_BARRIER;
      break;
    }
  }
  view.setUint32(adapter + ADAPTER_RING_CURSOR, cursor, true);
  view.setUint32(adapter + ADAPTER_DRAIN_STOP, stop, true);
  return count;
}

/** Sorts the entry out and, when it carries an IU, fetches and decodes that. */
function fetch(memory: SharedMemory, adapter: number, slot: number, index: number): void {
  const { view, u8 } = memory;
  const entry = slot + SLOT_ENTRY;
  const kind = kindOf(view.getUint8(entry), view.getUint8(entry + CRQ_FORMAT));
  view.setUint32(slot + SLOT_KIND, kind, true);
  if (kind !== KIND_SRP && kind !== KIND_MAD) return;
  const length = view.getUint16(entry + CRQ_IU_LENGTH);
  const high = view.getUint32(entry + CRQ_IU_ADDRESS);
  const low = view.getUint32(entry + CRQ_IU_ADDRESS + 4);
  view.setUint32(slot + SLOT_ADDRESS_HIGH, high, true);
  view.setUint32(slot + SLOT_ADDRESS_LOW, low, true);
  if (length === 0 || length > SRP_IU_MAX) {
    view.setUint32(slot + SLOT_FAULT, FAULT_IU_LENGTH, true);
    return;
  }
  const window = view.getUint32(adapter + ADAPTER_REMOTE_WINDOW, true);
  let staged = 0;
  let fetched: boolean;
  if (view.getUint32(window + WINDOW_STATE, true) === WINDOW_STAGED) {
    staged = view.getUint32(adapter + ADAPTER_STAGED, true) + index * STAGED_SIZE;
    fetched = view.getUint32(staged + STAGED_IU_LENGTH, true) === length;
    if (fetched) u8.copyWithin(slot + SLOT_IU, staged + STAGED_IU, staged + STAGED_IU + length);
    view.setUint32(slot + SLOT_STAGED_DATA, view.getUint32(staged + STAGED_DATA, true), true);
    view.setUint32(slot + SLOT_STAGED_DATA_LENGTH, view.getUint32(staged + STAGED_DATA_LENGTH, true), true);
  } else {
    fetched = copyWindow(memory, window, high, low, slot + SLOT_IU, length, false) === H_SUCCESS;
  }
  if (!fetched) {
    view.setUint32(slot + SLOT_FAULT, FAULT_IU_FETCH, true);
    return;
  }
  view.setUint32(slot + SLOT_IU_LENGTH, length, true);
  decode(memory, adapter, slot, staged);
}

function kindOf(header: number, format: number): number {
  if (header === CRQ_COMMAND) {
    if (format === CRQ_FORMAT_SRP) return KIND_SRP;
    if (format === CRQ_FORMAT_MAD) return KIND_MAD;
    if (format === CRQ_FORMAT_MESSAGE) return KIND_MESSAGE;
  } else if (header === CRQ_INITIALIZATION) {
    if (format === CRQ_INIT) return KIND_INIT;
    if (format === CRQ_INIT_COMPLETE) return KIND_INIT_COMPLETE;
  } else if (header === CRQ_TRANSPORT_EVENT) {
    return KIND_EVENT;
  }
  return KIND_UNKNOWN;
}

export function complete(memory: SharedMemory, adapter: number, count: number): number {
  const { view } = memory;
  const list = view.getUint32(adapter + ADAPTER_COMPLETE_LIST, true);
  let result = H_SUCCESS;
  let done = 0;
  while (done < count) {
    result = answer(memory, adapter, view.getUint32(list + done * 4, true));
    if (result !== H_SUCCESS) break;
    done++;
  }
  view.setInt32(adapter + ADAPTER_COMPLETE_RESULT, result, true);
  return done;
}

function answer(memory: SharedMemory, adapter: number, slot: number): number {
  const { view } = memory;
  const kind = view.getUint32(slot + SLOT_ANSWER, true);
  if (kind === ANSWER_NONE) {
    release(memory, adapter, slot);
    return H_SUCCESS;
  }
  const window = view.getUint32(adapter + ADAPTER_REMOTE_WINDOW, true);
  if (view.getUint32(slot + SLOT_RESPONSE_COPIED, true) === 0) {
    if (kind === ANSWER_RSP) buildResponse(memory, slot);
    if (view.getUint32(window + WINDOW_STATE, true) === WINDOW_STAGED) {
      view.setUint32(slot + SLOT_STATE, SLOT_RESPONDED, true);
      return H_SUCCESS;
    }
    const high = view.getUint32(slot + SLOT_ADDRESS_HIGH, true);
    const low = view.getUint32(slot + SLOT_ADDRESS_LOW, true);
    const length = Math.min(view.getUint32(slot + SLOT_RESPONSE_LENGTH, true), SRP_IU_MAX);
    if (copyWindow(memory, window, high, low, slot + SLOT_RESPONSE, length, true) !== H_SUCCESS) return H_PERMISSION;
    view.setUint32(slot + SLOT_RESPONSE_COPIED, 1, true);
  }
  const entry = adapter + ADAPTER_ENTRY;
  buildEntry(memory, slot, entry);
  const result = put(memory, view.getUint32(adapter + ADAPTER_CLIENT_QUEUE, true), entry);
  if (result === H_SUCCESS) {
    view.setUint32(slot + SLOT_STATE, SLOT_RESPONDED, true);
    release(memory, adapter, slot);
  }
  return result;
}
