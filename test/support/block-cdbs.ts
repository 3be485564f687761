/** CDBs of block commands, built from their fields. LBA and counts are logical blocks. */

function be(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, at) => Math.floor(value / 2 ** (8 * (bytes - 1 - at))) % 256);
}

export function cdb10(opcode: number, lba: number, count: number, flags = 0): number[] {
  return [opcode, flags, ...be(lba, 4), 0, ...be(count, 2), 0];
}

export function cdb12(opcode: number, lba: number, count: number, flags = 0): number[] {
  return [opcode, flags, ...be(lba, 4), ...be(count, 4), 0, 0];
}

export function cdb16(opcode: number, lba: number, count: number, flags = 0): number[] {
  return [opcode, flags, ...be(lba, 8), ...be(count, 4), 0, 0];
}

export function compareAndWriteCdb(lba: number, count: number, flags = 0): number[] {
  return [0x89, flags, ...be(lba, 8), 0, 0, 0, count, 0, 0];
}

export function writeAtomicCdb(lba: number, count: number, boundary = 0): number[] {
  return [0x9c, 0, ...be(lba, 8), ...be(boundary, 2), ...be(count, 2), 0, 0];
}

export function getLbaStatusCdb(lba: number, allocation: number): number[] {
  return [0x9e, 0x12, ...be(lba, 8), ...be(allocation, 4), 0, 0];
}

export function unmapCdb(length: number, flags = 0): number[] {
  return [0x42, flags, 0, 0, 0, 0, 0, ...be(length, 2), 0];
}

/** Parameter list of UNMAP. */
export function unmapList(extents: readonly (readonly [lba: number, count: number])[]): Uint8Array {
  const descriptors = extents.flatMap(([lba, count]) => [...be(lba, 8), ...be(count, 4), 0, 0, 0, 0]);
  return Uint8Array.from([...be(descriptors.length + 6, 2), ...be(descriptors.length, 2), 0, 0, 0, 0, ...descriptors]);
}
