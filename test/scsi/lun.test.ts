import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeLun, encodeLun, LUN_ADAPTER, LUN_INVALID, LUN_REPORT_LUNS, lunKey } from "../../src/scsi/lun.ts";

function decode(...bytes: number[]): number {
  return decodeLun(
    Uint8Array.from({ length: 8 }, (_, at) => bytes[at] ?? 0),
    0,
  );
}

test.each([
  ["bus 0 target 1 LUN 0", [0x81, 0], lunKey({ bus: 0, target: 1, lun: 0 })],
  ["bus 1 target 5 LUN 3", [0x85, 0x23], lunKey({ bus: 1, target: 5, lun: 3 })],
  ["bus 0 target 0 LUN 0 as Linux writes it", [0x80, 0], lunKey({ bus: 0, target: 0, lun: 0 })],
  ["the adapter", [0, 0], LUN_ADAPTER],
  ["REPORT LUNS well-known unit", [0xc1, 1], LUN_REPORT_LUNS],
  ["another well-known unit", [0xc1, 2], LUN_INVALID],
  ["peripheral LUN 3", [0, 3], lunKey({ bus: 0, target: 0, lun: 3 })],
  ["flat LUN 3", [0x40, 3], lunKey({ bus: 0, target: 0, lun: 3 })],
  ["flat LUN 300", [0x41, 0x2c], LUN_INVALID],
  ["a second level", [0x81, 0, 0x81], LUN_INVALID],
])("%s", (_name, bytes, key) => {
  expect(decode(...bytes)).toBe(key);
});

test("what is encoded is decoded to the same", () => {
  const address = fc.record({ bus: fc.nat(7), target: fc.nat(63), lun: fc.nat(31) });
  fc.assert(
    fc.property(address, (where) => {
      const bytes = new Uint8Array(8);
      encodeLun(lunKey(where), bytes, 0);
      expect(decodeLun(bytes, 0)).toBe(lunKey(where));
    }),
  );
});

test("any eight bytes give a key or a named answer", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), (bytes) => {
      const key = decodeLun(bytes, 0);
      expect(key).toBeGreaterThanOrEqual(LUN_INVALID);
      expect(key).toBeLessThanOrEqual(0x3fff);
    }),
  );
});
