/** Where a logical unit stands: bus, target and LUN of the logical unit addressing method. [SAM-5] 4.7.7.4. */
export interface LunAddress {
  /** 0 to 7. */
  bus: number;
  /** 0 to 63. */
  target: number;
  /** 0 to 31. */
  lun: number;
}

/** Number that names an address: bits 0-4 LUN, 5-7 bus, 8-13 target, as bytes 0 and 1 carry them. */
export function lunKey({ bus, target, lun }: LunAddress): number {
  return (target << 8) | (bus << 5) | lun;
}

/** The address that a key names. */
export function lunAddress(key: number): LunAddress {
  return { bus: (key >> 5) & 7, target: key >> 8, lun: key & 0x1f };
}

/** The eight zero bytes that AIX, IBM i and VIOS send REPORT LUNS to. */
export const LUN_ADAPTER = -1;
/** The REPORT LUNS well-known logical unit, C1 01. [SAM-5] 4.7.7.5. */
export const LUN_REPORT_LUNS = -2;
/** A LUN that can name no unit of ours. */
export const LUN_INVALID = -3;

const METHOD_LOGICAL_UNIT = 0x80;

/**
 * Decodes eight LUN bytes: a key, LUN_ADAPTER, LUN_REPORT_LUNS or LUN_INVALID.
 * Logical unit addressing (10b) is what VSCSI clients send; peripheral (00b) and flat (01b) name units of target 0,
 * or target and LUN, as QEMU and SLOF read them.
 */
export function decodeLun(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  const second = bytes[at + 1] ?? 0;
  // Nothing of ours stands below the first level.
  for (let index = 2; index < 8; index++) if (bytes[at + index] !== 0) return LUN_INVALID;
  switch (first >> 6) {
    case 2:
      return ((first & 0x3f) << 8) | second;
    case 0:
      if (first === 0 && second === 0) return LUN_ADAPTER;
      return first === 0 && second < 32 ? second : LUN_INVALID;
    case 1: {
      const flat = ((first & 0x3f) << 8) | second;
      return flat < 32 ? flat : LUN_INVALID;
    }
    default:
      return first === 0xc1 && second === 0x01 ? LUN_REPORT_LUNS : LUN_INVALID;
  }
}

/** Writes the eight bytes of a key in the logical unit addressing method. */
export function encodeLun(key: number, bytes: Uint8Array, at: number): void {
  bytes.fill(0, at, at + 8);
  bytes[at] = METHOD_LOGICAL_UNIT | (key >> 8);
  bytes[at + 1] = key & 0xff;
}
