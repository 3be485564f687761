// As assembly/tce.ts and assembly/rdma.ts.
#pragma once
#include "memory.h"

#define UNREACHABLE 0

static inline bool in_window(Memory m, Address window, uint64_t ioba, uint32_t length) {
  uint64_t end = (uint64_t)load32(m, window + WINDOW_TCE_COUNT) << TCE_PAGE_SHIFT;
  return ioba <= end && length <= end - ioba;
}

static inline Address linear_of(Memory m, Address window, uint64_t ioba, uint32_t rights) {
  if (load32(m, window + WINDOW_STATE) != WINDOW_TRANSLATED) return UNREACHABLE;
  uint64_t tce = load64(m, load32(m, window + WINDOW_TCES) + ((uint32_t)(ioba >> TCE_PAGE_SHIFT) << 3));
  if (((uint32_t)tce & rights) != rights) return UNREACHABLE;
  uint64_t page = tce >> TCE_PAGE_SHIFT;
  if (page >= load32(m, window + WINDOW_MEMORY_SIZE) >> TCE_PAGE_SHIFT) return UNREACHABLE;
  return load32(m, window + WINDOW_MEMORY) + ((uint32_t)page << TCE_PAGE_SHIFT) + ((uint32_t)ioba & (TCE_PAGE_SIZE - 1));
}

static inline uint32_t page_rest(uint64_t ioba, uint32_t length) {
  return least(length, TCE_PAGE_SIZE - ((uint32_t)ioba & (TCE_PAGE_SIZE - 1)));
}

static inline uint64_t extent_ioba(Memory m, Address extent) {
  return (uint64_t)load32(m, extent + EXTENT_IOBA_HIGH) << 32 | load32(m, extent + EXTENT_IOBA_LOW);
}

int32_t append_extent(Memory m, Address extents, int32_t count, int32_t limit, uint64_t ioba, Address linear,
                      uint32_t length);
int32_t append_translated(Memory m, Address window, uint64_t ioba, uint32_t length, uint32_t rights, Address extents,
                          int32_t count, int32_t limit);
int32_t copy_out(Memory m, Address window, uint64_t ioba, Address source, uint32_t length);
int32_t copy_in(Memory m, Address window, uint64_t ioba, Address destination, uint32_t length);
