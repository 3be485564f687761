import fc from "fast-check";
import { expect, test } from "vitest";
import { CRC32C_START, crc32c, crc32cEnd, crc32cUpdate } from "../../src/iscsi/crc32c.ts";

const count = (length: number, value: (index: number) => number) => Uint8Array.from({ length }, (_, at) => value(at));

/** The examples of [RFC 3720] B.4, digests as numbers. */
test.each([
  ["32 bytes of zeros", count(32, () => 0), 0x8a9136aa],
  ["32 bytes of ones", count(32, () => 0xff), 0x62a8ab43],
  ["0 to 31", count(32, (at) => at), 0x46dd794e],
  ["31 to 0", count(32, (at) => 31 - at), 0x113fdb5c],
  [
    "a SCSI Read",
    Buffer.from(
      "01c000000000000000000000000000001400000000000400000000140000001828000000000000000200000000000000",
      "hex",
    ),
    0xd9963a56,
  ],
])("%s", (_name, bytes, digest) => {
  expect(crc32c(bytes)).toBe(digest);
});

/** Bit by bit, as the polynomial is defined. */
function slow(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

test("any bytes, cut anywhere, have the digest of the definition", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, at) => {
      const cut = Math.min(at, bytes.length);
      const running = crc32cUpdate(CRC32C_START, bytes, 0, cut);
      expect(crc32cEnd(crc32cUpdate(running, bytes, cut, bytes.length))).toBe(slow(bytes));
    }),
  );
});
