/** TYPE of a persistent reservation: who may do what beside its holder, and who holds it. [SPC-4] 6.15.3.4, 5.12.1. */
export interface PersistentType {
  readonly code: number;
  readonly name: string;
  /** Commands of class `read` conflict too. */
  readonly exclusiveAccess: boolean;
  /** Whoever is registered may do everything. */
  readonly registrantsOnly: boolean;
  /** Whoever is registered holds it; such a one is registrantsOnly too. */
  readonly allRegistrants: boolean;
  /** Its bit in the PERSISTENT RESERVATION TYPE MASK, counted from byte 4's least significant bit. [SPC-4] 6.15.4. */
  readonly maskByte: number;
  readonly maskBit: number;
}

const NOBODY_ELSE = { registrantsOnly: false, allRegistrants: false } as const;
const REGISTRANTS_ONLY = { registrantsOnly: true, allRegistrants: false } as const;
const ALL_REGISTRANTS = { registrantsOnly: true, allRegistrants: true } as const;
const WRITE = { exclusiveAccess: false } as const;
const ACCESS = { exclusiveAccess: true } as const;

export const PERSISTENT_TYPES: readonly PersistentType[] = [
  { code: 1, name: "Write Exclusive", ...WRITE, ...NOBODY_ELSE, maskByte: 4, maskBit: 0x02 },
  { code: 3, name: "Exclusive Access", ...ACCESS, ...NOBODY_ELSE, maskByte: 4, maskBit: 0x08 },
  { code: 5, name: "Write Exclusive - Registrants Only", ...WRITE, ...REGISTRANTS_ONLY, maskByte: 4, maskBit: 0x20 },
  { code: 6, name: "Exclusive Access - Registrants Only", ...ACCESS, ...REGISTRANTS_ONLY, maskByte: 4, maskBit: 0x40 },
  { code: 7, name: "Write Exclusive - All Registrants", ...WRITE, ...ALL_REGISTRANTS, maskByte: 4, maskBit: 0x80 },
  { code: 8, name: "Exclusive Access - All Registrants", ...ACCESS, ...ALL_REGISTRANTS, maskByte: 5, maskBit: 0x01 },
];

/** The type that a code names, or undefined for reserved and obsolete ones. */
export function persistentType(code: number): PersistentType | undefined {
  return PERSISTENT_TYPES.find((type) => type.code === code);
}
