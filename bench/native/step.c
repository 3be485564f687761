// As assembly/crq.ts, slots.ts and step.ts. The valid byte is loaded with acquire and stored with release.
#include "core.h"
#include "tce.h"

static inline uint32_t load_header(Memory m, Address place) { return __atomic_load_n(m + place, __ATOMIC_ACQUIRE); }
static inline void store_header(Memory m, Address place, uint32_t header) {
  __atomic_store_n(m + place, (uint8_t)header, __ATOMIC_RELEASE);
}

static inline void move_body(Memory m, Address to, Address from) {
  store8(m, to + 1, load8(m, from + 1));
  store16(m, to + 2, load16(m, from + 2));
  store32(m, to + 4, load32(m, from + 4));
  store64(m, to + 8, load64(m, from + 8));
}

int32_t crq_put(Memory m, Address queue, Address entry) {
  if (load32(m, queue + QUEUE_STATE) != QUEUE_OPEN) return H_CLOSED;
  Address window = load32(m, queue + QUEUE_WINDOW);
  uint32_t offset = load32(m, queue + QUEUE_ENQUEUE);
  uint64_t ioba = (uint64_t)load32(m, queue + QUEUE_IOBA) + offset;
  if (!in_window(m, window, ioba, CRQ_ENTRY_SIZE)) return H_HARDWARE;
  Address place = linear_of(m, window, ioba, TCE_READ | TCE_WRITE);
  if (place == UNREACHABLE) return H_HARDWARE;
  if (load_header(m, place) != CRQ_FREE) return H_DROPPED;
  move_body(m, place, entry);
  store_header(m, place, load8(m, entry));
  uint32_t next = offset + CRQ_ENTRY_SIZE;
  store32(m, queue + QUEUE_ENQUEUE, next >= load32(m, queue + QUEUE_LENGTH) ? 0 : next);
  if (load32(m, queue + QUEUE_SIGNAL_MODE)) store32(m, queue + QUEUE_INTERRUPT, 1);
  return H_SUCCESS;
}

static inline uint32_t take(Memory m, Address place, Address out) {
  uint32_t header = load_header(m, place);
  if (header == CRQ_FREE) return CRQ_FREE;
  move_body(m, out, place);
  store8(m, out, (uint8_t)header);
  store_header(m, place, CRQ_FREE);
  return header;
}

uint32_t crq_scan(Memory m, Address ring, uint32_t entries, uint32_t cursor, Address out, uint32_t max) {
  uint32_t taken = 0;
  while (taken < max) {
    if (take(m, ring + cursor * CRQ_ENTRY_SIZE, out + taken * CRQ_ENTRY_SIZE) == CRQ_FREE) break;
    taken++;
    if (++cursor == entries) cursor = 0;
  }
  return taken;
}

static Address acquire(Memory m, Address adapter) {
  uint32_t count = load32(m, adapter + ADAPTER_FREE_COUNT);
  if (count == 0) return 0;
  store32(m, adapter + ADAPTER_FREE_COUNT, count - 1);
  Address slot = load32(m, load32(m, adapter + ADAPTER_FREE_LIST) + ((count - 1) << 2));
  memset(m + slot + SLOT_TAG, 0, SLOT_ENTRY - SLOT_TAG);
  memset(m + slot + SLOT_KIND, 0, SLOT_RESPONSE_COPIED + 8 - SLOT_KIND);
  store32(m, slot + SLOT_ANSWER, ANSWER_NONE);
  store32(m, slot + SLOT_RESPONSE_FORMAT, CRQ_FORMAT_SRP);
  store32(m, slot + SLOT_STATE, SLOT_FETCHED);
  return slot;
}

static void release(Memory m, Address adapter, Address slot) {
  if (load32(m, slot + SLOT_STATE) == SLOT_FREE) return;
  store32(m, slot + SLOT_STATE, SLOT_FREE);
  uint32_t count = load32(m, adapter + ADAPTER_FREE_COUNT);
  store32(m, load32(m, adapter + ADAPTER_FREE_LIST) + (count << 2), slot);
  store32(m, adapter + ADAPTER_FREE_COUNT, count + 1);
}

static uint32_t kind_of(uint32_t header, uint32_t format) {
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

static void fetch(Memory m, Address adapter, Address slot, uint32_t index) {
  Address entry = slot + SLOT_ENTRY;
  uint32_t kind = kind_of(load8(m, entry), load8(m, entry + CRQ_FORMAT));
  store32(m, slot + SLOT_KIND, kind);
  if (kind != KIND_SRP && kind != KIND_MAD) return;
  uint32_t length = big16(m, entry + CRQ_IU_LENGTH);
  uint32_t high = big32(m, entry + CRQ_IU_ADDRESS);
  uint32_t low = big32(m, entry + CRQ_IU_ADDRESS + 4);
  store32(m, slot + SLOT_ADDRESS_HIGH, high);
  store32(m, slot + SLOT_ADDRESS_LOW, low);
  if (length == 0 || length > SRP_IU_MAX) {
    store32(m, slot + SLOT_FAULT, FAULT_IU_LENGTH);
    return;
  }
  Address window = load32(m, adapter + ADAPTER_REMOTE_WINDOW);
  Address staged = 0;
  bool fetched;
  if (load32(m, window + WINDOW_STATE) == WINDOW_STAGED) {
    staged = load32(m, adapter + ADAPTER_STAGED) + index * STAGED_SIZE;
    fetched = load32(m, staged + STAGED_IU_LENGTH) == length;
    if (fetched) memcpy(m + slot + SLOT_IU, m + staged + STAGED_IU, length);
    store32(m, slot + SLOT_STAGED_DATA, load32(m, staged + STAGED_DATA));
    store32(m, slot + SLOT_STAGED_DATA_LENGTH, load32(m, staged + STAGED_DATA_LENGTH));
  } else {
    fetched = copy_in(m, window, (uint64_t)high << 32 | low, slot + SLOT_IU, length) == H_SUCCESS;
  }
  if (!fetched) {
    store32(m, slot + SLOT_FAULT, FAULT_IU_FETCH);
    return;
  }
  store32(m, slot + SLOT_IU_LENGTH, length);
  srp_decode(m, adapter, slot, staged);
}

uint32_t drain(Memory m, Address adapter, uint32_t max) {
  Address ring = load32(m, adapter + ADAPTER_RING);
  uint32_t entries = load32(m, adapter + ADAPTER_RING_ENTRIES);
  Address ready = load32(m, adapter + ADAPTER_READY_LIST);
  uint32_t limit = least(max, load32(m, adapter + ADAPTER_SLOT_COUNT));
  uint32_t cursor = load32(m, adapter + ADAPTER_RING_CURSOR);
  uint32_t count = 0;
  uint32_t stop = DRAIN_LIMIT;
  while (count < limit) {
    Address place = ring + cursor * CRQ_ENTRY_SIZE;
    if (load8(m, place) == 0) {
      stop = DRAIN_EMPTY;
      break;
    }
    Address slot = acquire(m, adapter);
    if (slot == 0) {
      stop = DRAIN_NO_SLOT;
      break;
    }
    if (take(m, place, slot + SLOT_ENTRY) == 0) {
      release(m, adapter, slot);
      stop = DRAIN_EMPTY;
      break;
    }
    fetch(m, adapter, slot, cursor);
    store32(m, slot + SLOT_STATE, SLOT_DECODED);
    store32(m, ready + (count << 2), slot);
    count++;
    if (++cursor == entries) cursor = 0;
    uint32_t kind = load32(m, slot + SLOT_KIND);
    if (kind == KIND_INIT || kind == KIND_INIT_COMPLETE || kind == KIND_EVENT) {
      stop = DRAIN_BARRIER;
      break;
    }
  }
  store32(m, adapter + ADAPTER_RING_CURSOR, cursor);
  store32(m, adapter + ADAPTER_DRAIN_STOP, stop);
  return count;
}

static int32_t answer(Memory m, Address adapter, Address slot) {
  uint32_t kind = load32(m, slot + SLOT_ANSWER);
  if (kind == ANSWER_NONE) {
    release(m, adapter, slot);
    return H_SUCCESS;
  }
  Address window = load32(m, adapter + ADAPTER_REMOTE_WINDOW);
  if (load32(m, slot + SLOT_RESPONSE_COPIED) == 0) {
    if (kind == ANSWER_RSP) srp_build_response(m, slot);
    if (load32(m, window + WINDOW_STATE) == WINDOW_STAGED) {
      store32(m, slot + SLOT_STATE, SLOT_RESPONDED);
      return H_SUCCESS;
    }
    uint64_t ioba = (uint64_t)load32(m, slot + SLOT_ADDRESS_HIGH) << 32 | load32(m, slot + SLOT_ADDRESS_LOW);
    uint32_t length = least(load32(m, slot + SLOT_RESPONSE_LENGTH), SRP_IU_MAX);
    if (copy_out(m, window, ioba, slot + SLOT_RESPONSE, length) != H_SUCCESS) return H_PERMISSION;
    store32(m, slot + SLOT_RESPONSE_COPIED, 1);
  }
  Address entry = adapter + ADAPTER_ENTRY;
  srp_build_entry(m, slot, entry);
  int32_t result = crq_put(m, load32(m, adapter + ADAPTER_CLIENT_QUEUE), entry);
  if (result == H_SUCCESS) {
    store32(m, slot + SLOT_STATE, SLOT_RESPONDED);
    release(m, adapter, slot);
  }
  return result;
}

uint32_t complete(Memory m, Address adapter, uint32_t count) {
  Address list = load32(m, adapter + ADAPTER_COMPLETE_LIST);
  int32_t result = H_SUCCESS;
  uint32_t done = 0;
  while (done < count) {
    result = answer(m, adapter, load32(m, list + (done << 2)));
    if (result != H_SUCCESS) break;
    done++;
  }
  store32(m, adapter + ADAPTER_COMPLETE_RESULT, (uint32_t)result);
  return done;
}
