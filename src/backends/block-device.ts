import { readFileSync } from "node:fs";

/** A block device as sysfs describes it. */
export interface BlockDevice {
  /** Bytes. */
  readonly size: number;
  /** Nothing can be written; Linux lets it be opened for writing all the same. */
  readonly readOnly: boolean;
  /** Bytes of the smallest write that the device takes by itself. */
  readonly logicalBlockSize: number;
  /** Bytes that it writes without reading first. */
  readonly physicalBlockSize: number;
  /** Bytes of the smallest piece that it gives back as zeros; 0 when it gives back none. */
  readonly discardGranularity: number;
}

/** Sectors of sysfs, whatever the device's own are. */
const SECTOR = 512;

/** @param device its number, as stat(2) has it. @throws when sysfs does not tell */
export function readBlockDevice(device: number): BlockDevice {
  // Linux's encoding of a device number: 12 bits of major, 20 of minor, in two parts.
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  const folder = `/sys/dev/block/${major}:${minor}`;
  const logicalBlockSize = queueLimit(folder, "logical_block_size") || SECTOR;
  // Linux makes a hole in a device by WRITE ZEROES, which need not let go of anything unless the device also discards.
  const discards = queueLimit(folder, "discard_max_bytes") > 0 && queueLimit(folder, "write_zeroes_max_bytes") > 0;
  return {
    size: number(`${folder}/size`) * SECTOR,
    readOnly: number(`${folder}/ro`) === 1,
    logicalBlockSize,
    physicalBlockSize: queueLimit(folder, "physical_block_size") || logicalBlockSize,
    discardGranularity: discards ? Math.max(queueLimit(folder, "discard_granularity"), logicalBlockSize) : 0,
  };
}

/** 0 when the device does not tell it. */
function queueLimit(folder: string, name: string): number {
  // A partition has the queue of its disk.
  for (const queue of ["queue", "../queue"]) {
    try {
      return number(`${folder}/${queue}/${name}`);
    } catch {}
  }
  return 0;
}

function number(path: string): number {
  return Number(readFileSync(path, "utf8"));
}
