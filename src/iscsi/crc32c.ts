/** The Castagnoli polynomial, bits reversed. [RFC 7143] 13.1. */
const POLYNOMIAL = 0x82f6_3b78;
const SLICES = 8;
const ENTRIES = 256;

/** Slice n of the table holds the effect of a byte that n more bytes follow. */
const TABLE = makeTable();

function makeTable(): Int32Array {
  const table = new Int32Array(SLICES * ENTRIES);
  for (let byte = 0; byte < ENTRIES; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[byte] = crc;
  }
  for (let at = ENTRIES; at < table.length; at++) {
    const previous = table[at - ENTRIES] ?? 0;
    table[at] = (previous >>> 8) ^ (table[previous & 0xff] ?? 0);
  }
  return table;
}

/** What `crc32cUpdate` begins with. */
export const CRC32C_START = -1;

/** Takes bytes [from, to) into a running digest. */
export function crc32cUpdate(running: number, bytes: Uint8Array, from: number, to: number): number {
  let crc = running;
  let at = from;
  // Eight bytes a turn. The type arguments of the table's reads are numbers: every index is in range.
  for (const end = to - 7; at < end; at += 8) {
    const low = crc ^ (b(bytes, at) | (b(bytes, at + 1) << 8) | (b(bytes, at + 2) << 16) | (b(bytes, at + 3) << 24));
    crc =
      t(0x700 | (low & 0xff)) ^
      t(0x600 | ((low >>> 8) & 0xff)) ^
      t(0x500 | ((low >>> 16) & 0xff)) ^
      t(0x400 | (low >>> 24)) ^
      t(0x300 | b(bytes, at + 4)) ^
      t(0x200 | b(bytes, at + 5)) ^
      t(0x100 | b(bytes, at + 6)) ^
      t(b(bytes, at + 7));
  }
  for (; at < to; at++) crc = t((crc ^ b(bytes, at)) & 0xff) ^ (crc >>> 8);
  return crc;
}

function t(index: number): number {
  return TABLE[index] ?? 0;
}

function b(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

/** The digest of what was taken in, 32 bits unsigned. On the wire its least significant byte comes first. */
export function crc32cEnd(running: number): number {
  return ~running >>> 0;
}

/** CRC32C of bytes [from, to). */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length): number {
  return crc32cEnd(crc32cUpdate(CRC32C_START, bytes, from, to));
}
