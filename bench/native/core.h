// The core's exports in C: the same algorithms over the same records as assembly/, for comparison only.
#pragma once
#include "memory.h"

int32_t crq_put(Memory m, Address queue, Address entry);
uint32_t crq_scan(Memory m, Address ring, uint32_t entries, uint32_t cursor, Address out, uint32_t max);
int32_t tce_translate(Memory m, Address window, uint32_t high, uint32_t low, uint32_t length, uint32_t rights,
                      Address extents, int32_t max);
int32_t rdma_write(Memory m, Address window, uint32_t high, uint32_t low, Address source, uint32_t length);
int32_t rdma_read(Memory m, Address window, uint32_t high, uint32_t low, Address destination, uint32_t length);
uint32_t srp_decode(Memory m, Address adapter, Address slot, Address staged);
uint32_t srp_build_response(Memory m, Address slot);
void srp_build_entry(Memory m, Address slot, Address entry);
uint32_t drain(Memory m, Address adapter, uint32_t max);
uint32_t complete(Memory m, Address adapter, uint32_t count);
int32_t scatter(Memory m, Address adapter, Address slot, uint32_t offset, Address source, uint32_t length);
