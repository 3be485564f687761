// Big-endian loads and stores (the wire's order; WebAssembly is little-endian), and copies.

@inline
export function loadBig16(address: u32): u32 {
  return <u32>bswap<u16>(load<u16>(address));
}

@inline
export function loadBig32(address: u32): u32 {
  return bswap<u32>(load<u32>(address));
}

@inline
export function loadBig64(address: u32): u64 {
  if (ASC_FEATURE_SIMD) {
    // One instruction; bswap becomes a dozen.
    const bytes = v128.load64_zero(address);
    return v128.extract_lane<u64>(v128.shuffle<u8>(bytes, bytes, 7, 6, 5, 4, 3, 2, 1, 0, 8, 8, 8, 8, 8, 8, 8, 8), 0);
  }
  return bswap<u64>(load<u64>(address));
}

@inline
export function storeBig16(address: u32, value: u32): void {
  store<u16>(address, bswap<u16>(<u16>value));
}

@inline
export function storeBig32(address: u32, value: u32): void {
  store<u32>(address, bswap<u32>(value));
}

/** From here on the engine's own copy, which is the C library's, makes up for the call that it costs. */
const LONG: u32 = 256;

/** Ranges must not overlap. */
@inline
export function copy(destination: u32, source: u32, length: u32): void {
  if (ASC_FEATURE_SIMD && length < LONG) copyShort(destination, source, length);
  else memory.copy(destination, source, length);
}

/** Vectors, the last one over bytes that the one before has copied already; below a vector's length words in the same way. */
function copyShort(destination: u32, source: u32, length: u32): void {
  if (length >= 16) {
    const last = length - 16;
    for (let at: u32 = 0; at < last; at += 16) v128.store(destination + at, v128.load(source + at));
    v128.store(destination + last, v128.load(source + last));
  } else if (length >= 8) {
    const last = length - 8;
    store<u64>(destination, load<u64>(source));
    store<u64>(destination + last, load<u64>(source + last));
  } else if (length >= 4) {
    const last = length - 4;
    store<u32>(destination, load<u32>(source));
    store<u32>(destination + last, load<u32>(source + last));
  } else {
    for (let at: u32 = 0; at < length; at++) store<u8>(destination + at, load<u8>(source + at));
  }
}

/** Clears 16 to 128 bytes of a record: a constant, since every test of it goes away then. `memory.fill` costs a call. */
@inline
export function zero(address: u32, length: u32): void {
  zero16(address);
  if (length > 32) zero16(address + 16);
  if (length > 48) zero16(address + 32);
  if (length > 64) zero16(address + 48);
  if (length > 80) zero16(address + 64);
  if (length > 96) zero16(address + 80);
  if (length > 112) zero16(address + 96);
  zero16(address + length - 16);
}

@inline
function zero16(address: u32): void {
  if (ASC_FEATURE_SIMD) {
    v128.store(address, i64x2.splat(0));
  } else {
    store<u64>(address, 0);
    store<u64>(address, 0, 8);
  }
}
