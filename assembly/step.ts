// One call drains a batch, one call answers a batch.

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
} from "../src/abi/crq";
import { H_PERMISSION, H_SUCCESS } from "../src/abi/papr";
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
} from "../src/abi/records";
import { SRP_IU_MAX } from "../src/abi/srp";
import { copy, loadBig16, loadBig32 } from "./bytes";
import { put, take } from "./crq";
import { copyIn, copyOut } from "./rdma";
import { acquire, release } from "./slots";
import { buildEntry, buildResponse, decode } from "./srp";

export function drainRing(adapter: u32, max: u32): u32 {
  const ring = load<u32>(adapter + ADAPTER_RING);
  const entries = load<u32>(adapter + ADAPTER_RING_ENTRIES);
  const ready = load<u32>(adapter + ADAPTER_READY_LIST);
  const limit = min<u32>(max, load<u32>(adapter + ADAPTER_SLOT_COUNT));
  let cursor = load<u32>(adapter + ADAPTER_RING_CURSOR);
  let count: u32 = 0;
  let stop: u32 = DRAIN_LIMIT;
  while (count < limit) {
    const place = ring + cursor * CRQ_ENTRY_SIZE;
    // A look before a slot is taken: most drains end on a free entry.
    if (load<u8>(place) == 0) {
      stop = DRAIN_EMPTY;
      break;
    }
    const slot = acquire(adapter);
    if (slot == 0) {
      stop = DRAIN_NO_SLOT;
      break;
    }
    if (take(place, slot + SLOT_ENTRY) == 0) {
      release(adapter, slot);
      stop = DRAIN_EMPTY;
      break;
    }
    fetch(adapter, slot, cursor);
    store<u32>(slot + SLOT_STATE, SLOT_DECODED);
    store<u32>(ready + (count << 2), slot);
    count++;
    if (++cursor == entries) cursor = 0;
    const kind = load<u32>(slot + SLOT_KIND);
    if (kind == KIND_INIT || kind == KIND_INIT_COMPLETE || kind == KIND_EVENT) {
      stop = DRAIN_BARRIER;
      break;
    }
  }
  store<u32>(adapter + ADAPTER_RING_CURSOR, cursor);
  store<u32>(adapter + ADAPTER_DRAIN_STOP, stop);
  return count;
}

/** Sorts the entry out and, when it carries an IU, fetches and decodes that. */
@inline
function fetch(adapter: u32, slot: u32, index: u32): void {
  const entry = slot + SLOT_ENTRY;
  const kind = kindOf(load<u8>(entry), load<u8>(entry + CRQ_FORMAT));
  store<u32>(slot + SLOT_KIND, kind);
  if (kind != KIND_SRP && kind != KIND_MAD) return;
  const length = loadBig16(entry + CRQ_IU_LENGTH);
  const high = loadBig32(entry + CRQ_IU_ADDRESS);
  const low = loadBig32(entry + CRQ_IU_ADDRESS + 4);
  store<u32>(slot + SLOT_ADDRESS_HIGH, high);
  store<u32>(slot + SLOT_ADDRESS_LOW, low);
  if (length == 0 || length > <u32>SRP_IU_MAX) {
    store<u32>(slot + SLOT_FAULT, FAULT_IU_LENGTH);
    return;
  }
  const window = load<u32>(adapter + ADAPTER_REMOTE_WINDOW);
  let staged: u32 = 0;
  let fetched: bool;
  if (load<u32>(window + WINDOW_STATE) == WINDOW_STAGED) {
    staged = load<u32>(adapter + ADAPTER_STAGED) + index * STAGED_SIZE;
    fetched = load<u32>(staged + STAGED_IU_LENGTH) == length;
    if (fetched) copy(slot + SLOT_IU, staged + STAGED_IU, length);
    store<u32>(slot + SLOT_STAGED_DATA, load<u32>(staged + STAGED_DATA));
    store<u32>(slot + SLOT_STAGED_DATA_LENGTH, load<u32>(staged + STAGED_DATA_LENGTH));
  } else {
    fetched = copyIn(window, (<u64>high << 32) | low, slot + SLOT_IU, length) == H_SUCCESS;
  }
  if (!fetched) {
    store<u32>(slot + SLOT_FAULT, FAULT_IU_FETCH);
    return;
  }
  store<u32>(slot + SLOT_IU_LENGTH, length);
  decode(adapter, slot, staged);
}

function kindOf(header: u32, format: u32): u32 {
  if (header == CRQ_COMMAND) {
    if (format == CRQ_FORMAT_SRP) return KIND_SRP;
    if (format == CRQ_FORMAT_MAD) return KIND_MAD;
    if (format == CRQ_FORMAT_MESSAGE) return KIND_MESSAGE;
  } else if (header == CRQ_INITIALIZATION) {
    if (format == CRQ_INIT) return KIND_INIT;
    if (format == CRQ_INIT_COMPLETE) return KIND_INIT_COMPLETE;
  } else if (header == CRQ_TRANSPORT_EVENT) {
    return KIND_EVENT;
  }
  return KIND_UNKNOWN;
}

export function completeList(adapter: u32, count: u32): u32 {
  const list = load<u32>(adapter + ADAPTER_COMPLETE_LIST);
  let result: i32 = H_SUCCESS;
  let done: u32 = 0;
  while (done < count) {
    result = answer(adapter, load<u32>(list + (done << 2)));
    if (result != H_SUCCESS) break;
    done++;
  }
  store<i32>(adapter + ADAPTER_COMPLETE_RESULT, result);
  return done;
}

function answer(adapter: u32, slot: u32): i32 {
  const kind = load<u32>(slot + SLOT_ANSWER);
  if (kind == ANSWER_NONE) {
    release(adapter, slot);
    return H_SUCCESS;
  }
  const window = load<u32>(adapter + ADAPTER_REMOTE_WINDOW);
  if (load<u32>(slot + SLOT_RESPONSE_COPIED) == 0) {
    if (kind == ANSWER_RSP) buildResponse(slot);
    if (load<u32>(window + WINDOW_STATE) == WINDOW_STAGED) {
      store<u32>(slot + SLOT_STATE, SLOT_RESPONDED);
      return H_SUCCESS;
    }
    const ioba = (<u64>load<u32>(slot + SLOT_ADDRESS_HIGH) << 32) | load<u32>(slot + SLOT_ADDRESS_LOW);
    const length = min<u32>(load<u32>(slot + SLOT_RESPONSE_LENGTH), SRP_IU_MAX);
    if (copyOut(window, ioba, slot + SLOT_RESPONSE, length) != H_SUCCESS) return H_PERMISSION;
    store<u32>(slot + SLOT_RESPONSE_COPIED, 1);
  }
  const entry = adapter + ADAPTER_ENTRY;
  buildEntry(slot, entry);
  const result = put(load<u32>(adapter + ADAPTER_CLIENT_QUEUE), entry);
  if (result == H_SUCCESS) {
    store<u32>(slot + SLOT_STATE, SLOT_RESPONDED);
    release(adapter, slot);
  }
  return result;
}
