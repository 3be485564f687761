import { decodeLun, encodeLun, LUN_ADAPTER, LUN_INVALID, LUN_REPORT_LUNS } from "./lun.ts";

/** How the initiators behind one kind of port address logical units: 64-bit LUNs to keys, and the list that tells them. */
export interface LunAddressing {
  /** Key of the unit that eight LUN bytes name, or a LUN_* constant. */
  decode(bytes: Uint8Array, at: number): number;
  /**
   * LUN list of REPORT LUNS with SELECT REPORT 0 or 2: the entries, eight bytes each, told to who asked at `addressed`.
   * `keys` are those of the units that are there, ascending. Undefined when nothing answers REPORT LUNS there.
   */
  list(addressed: number, keys: readonly number[]): Uint8Array | undefined;
}

export const LUN_LENGTH = 8;
const LUN_MASK = 0x1f;

/**
 * PAPR: REPORT LUNS in two dialects ([protocol] 3.12): sent to the all-zero LUN or the well-known unit it lists the whole
 * adapter; sent to a bus and target it lists only what stands there, in peripheral format.
 */
export const PAPR_ADDRESSING: LunAddressing = {
  decode: decodeLun,
  list(addressed, keys) {
    if (addressed === LUN_ADAPTER || addressed === LUN_REPORT_LUNS) {
      const whole = new Uint8Array(LUN_LENGTH * (keys.length + 1));
      for (const [index, key] of keys.entries()) encodeLun(key, whole, LUN_LENGTH * (index + 1));
      return whole;
    }
    if (addressed < 0) return undefined;
    const here = keys.filter((key) => (key & ~LUN_MASK) === (addressed & ~LUN_MASK)).map((key) => key & LUN_MASK);
    if (here.length === 0) return undefined;
    // LUN 0 of a target always answers REPORT LUNS, so it is listed even when nothing else stands there.
    return flatList([...new Set([0, ...here])]);
  },
};

const METHOD_PERIPHERAL = 0;
const METHOD_FLAT = 1;
const FLAT_FLAG = 0x40;
/** LUNs of the peripheral method on bus 0; larger ones are told by the flat method. [SAM-5] 4.7.7. */
const PERIPHERAL_LUNS = 256;

/** iSCSI and other ports with one level of LUNs, 0 to 16383: the key is the LUN. [SAM-5] 4.7.7.2, 4.7.7.3. */
export const FLAT_ADDRESSING: LunAddressing = {
  decode(bytes, at) {
    const first = bytes[at] ?? 0;
    const second = bytes[at + 1] ?? 0;
    for (let index = 2; index < LUN_LENGTH; index++) if (bytes[at + index] !== 0) return LUN_INVALID;
    if (first === 0xc1 && second === 0x01) return LUN_REPORT_LUNS;
    if (first >> 6 === METHOD_FLAT) return ((first & 0x3f) << 8) | second;
    return first >> 6 === METHOD_PERIPHERAL && first === 0 ? second : LUN_INVALID;
  },
  list: (addressed, keys) => (addressed < 0 && addressed !== LUN_REPORT_LUNS ? undefined : flatList(keys)),
};

function flatList(luns: readonly number[]): Uint8Array {
  const list = new Uint8Array(LUN_LENGTH * luns.length);
  for (const [index, lun] of luns.entries()) {
    if (lun >= PERIPHERAL_LUNS) list[index * LUN_LENGTH] = FLAT_FLAG | (lun >> 8);
    list[index * LUN_LENGTH + 1] = lun & 0xff;
  }
  return list;
}
