// Linear memory as the core sees it: a block of bytes and 32-bit offsets into it. Host order is little-endian, the wire's big.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "abi.h"

typedef uint8_t *Memory;
typedef uint32_t Address;

#define LOADER(type, name) \
  static inline type name(Memory m, Address at) { \
    type value; \
    memcpy(&value, m + at, sizeof value); \
    return value; \
  }
#define STORER(type, name) \
  static inline void name(Memory m, Address at, type value) { memcpy(m + at, &value, sizeof value); }

LOADER(uint8_t, load8)
LOADER(uint16_t, load16)
LOADER(uint32_t, load32)
LOADER(uint64_t, load64)
STORER(uint8_t, store8)
STORER(uint16_t, store16)
STORER(uint32_t, store32)
STORER(uint64_t, store64)

static inline uint32_t big16(Memory m, Address at) { return __builtin_bswap16(load16(m, at)); }
static inline uint32_t big32(Memory m, Address at) { return __builtin_bswap32(load32(m, at)); }
static inline uint64_t big64(Memory m, Address at) { return __builtin_bswap64(load64(m, at)); }
static inline void store_big16(Memory m, Address at, uint32_t value) { store16(m, at, __builtin_bswap16(value)); }
static inline void store_big32(Memory m, Address at, uint32_t value) { store32(m, at, __builtin_bswap32(value)); }

static inline uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }
