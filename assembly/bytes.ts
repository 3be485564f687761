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
const LONG: u32 = 512;

/** Ranges must not overlap. */
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

/** For the few bytes of a record: `memory.fill` costs a call. At least 16. */
@inline
export function zero(address: u32, length: u32): void {
  const last = length - 16;
  for (let at: u32 = 0; at < last; at += 16) zero16(address + at);
  zero16(address + last);
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
