// As assembly/tce.ts and assembly/rdma.ts.
#include "tce.h"

#include "core.h"

int32_t append_extent(Memory m, Address extents, int32_t count, int32_t limit, uint64_t ioba, Address linear,
                      uint32_t length) {
  if (count > 0) {
    Address last = extents + (uint32_t)(count - 1) * EXTENT_SIZE;
    uint32_t size = load32(m, last + EXTENT_LENGTH);
    Address before = load32(m, last + EXTENT_LINEAR);
    bool joins = linear == 0 ? before == 0 : before + size == linear;
    if (joins && extent_ioba(m, last) + size == ioba && (uint64_t)size + length <= UINT32_MAX) {
      store32(m, last + EXTENT_LENGTH, size + length);
      return count;
    }
  }
  if (count >= limit) return H_RESOURCE;
  Address extent = extents + (uint32_t)count * EXTENT_SIZE;
  store32(m, extent + EXTENT_LINEAR, linear);
  store32(m, extent + EXTENT_LENGTH, length);
  store32(m, extent + EXTENT_IOBA_HIGH, (uint32_t)(ioba >> 32));
  store32(m, extent + EXTENT_IOBA_LOW, (uint32_t)ioba);
  return count + 1;
}

int32_t append_translated(Memory m, Address window, uint64_t ioba, uint32_t length, uint32_t rights, Address extents,
                          int32_t count, int32_t limit) {
  if (!in_window(m, window, ioba, length)) return H_PARAMETER;
  while (length > 0) {
    uint32_t piece = page_rest(ioba, length);
    Address linear = linear_of(m, window, ioba, rights);
    if (linear == UNREACHABLE) return H_PERMISSION;
    count = append_extent(m, extents, count, limit, ioba, linear, piece);
    if (count < 0) return count;
    ioba += piece;
    length -= piece;
  }
  return count;
}

int32_t copy_out(Memory m, Address window, uint64_t ioba, Address source, uint32_t length) {
  if (!in_window(m, window, ioba, length)) return H_DEST_PARM;
  while (length > 0) {
    uint32_t piece = page_rest(ioba, length);
    Address destination = linear_of(m, window, ioba, TCE_WRITE);
    if (destination == UNREACHABLE) return H_PERMISSION;
    memcpy(m + destination, m + source, piece);
    ioba += piece;
    source += piece;
    length -= piece;
  }
  return H_SUCCESS;
}

int32_t copy_in(Memory m, Address window, uint64_t ioba, Address destination, uint32_t length) {
  if (!in_window(m, window, ioba, length)) return H_SOURCE_PARM;
  while (length > 0) {
    uint32_t piece = page_rest(ioba, length);
    Address source = linear_of(m, window, ioba, TCE_READ);
    if (source == UNREACHABLE) return H_PERMISSION;
    memcpy(m + destination, m + source, piece);
    ioba += piece;
    destination += piece;
    length -= piece;
  }
  return H_SUCCESS;
}

static uint64_t wide(uint32_t high, uint32_t low) { return (uint64_t)high << 32 | low; }

int32_t tce_translate(Memory m, Address window, uint32_t high, uint32_t low, uint32_t length, uint32_t rights,
                      Address extents, int32_t max) {
  return append_translated(m, window, wide(high, low), length, rights, extents, 0, max);
}

int32_t rdma_write(Memory m, Address window, uint32_t high, uint32_t low, Address source, uint32_t length) {
  return copy_out(m, window, wide(high, low), source, length);
}

int32_t rdma_read(Memory m, Address window, uint32_t high, uint32_t low, Address destination, uint32_t length) {
  return copy_in(m, window, wide(high, low), destination, length);
}

int32_t scatter(Memory m, Address adapter, Address slot, uint32_t offset, Address source, uint32_t length) {
  if ((uint64_t)offset + length > load32(m, slot + SLOT_TRANSFER_LENGTH)) return H_DEST_PARM;
  Address window = load32(m, adapter + ADAPTER_REMOTE_WINDOW);
  if (load32(m, window + WINDOW_STATE) != WINDOW_TRANSLATED) return H_PERMISSION;
  if (length > 0 && load32(m, slot + SLOT_DIRECTION) != DIRECTION_IN) return H_PERMISSION;
  bool current = load32(m, window + WINDOW_GENERATION) == load32(m, slot + SLOT_GENERATION);
  Address extent = slot + SLOT_EXTENTS;
  Address end = extent + load32(m, slot + SLOT_EXTENT_COUNT) * EXTENT_SIZE;
  uint32_t skip = offset;
  for (; length > 0 && extent < end; extent += EXTENT_SIZE) {
    uint32_t size = load32(m, extent + EXTENT_LENGTH);
    if (skip >= size) {
      skip -= size;
      continue;
    }
    uint32_t piece = least(length, size - skip);
    if (current) {
      memcpy(m + load32(m, extent + EXTENT_LINEAR) + skip, m + source, piece);
    } else if (copy_out(m, window, extent_ioba(m, extent) + skip, source, piece) != H_SUCCESS) {
      return H_PERMISSION;
    }
    source += piece;
    length -= piece;
    skip = 0;
  }
  return length == 0 ? H_SUCCESS : H_PERMISSION;
}
