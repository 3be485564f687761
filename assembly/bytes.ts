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

/** 64 bytes a turn: on shared memory a v128 loop beats memory.copy from 64 KiB up and is its equal below. */
export function copy(destination: u32, source: u32, length: u32): void {
  if (ASC_FEATURE_SIMD && length >= 64) {
    const blocks = length & ~63;
    for (let at: u32 = 0; at < blocks; at += 64) {
      const from = source + at;
      const to = destination + at;
      const a = v128.load(from);
      const b = v128.load(from, 16);
      const c = v128.load(from, 32);
      const d = v128.load(from, 48);
      v128.store(to, a);
      v128.store(to, b, 16);
      v128.store(to, c, 32);
      v128.store(to, d, 48);
    }
    const rest = length - blocks;
    if (rest) memory.copy(destination + blocks, source + blocks, rest);
    return;
  }
  memory.copy(destination, source, length);
}
