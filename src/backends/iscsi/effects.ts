import {
  GET_CONFIGURATION,
  GET_PERFORMANCE,
  MECHANISM_STATUS,
  READ_CD,
  READ_CD_MSF,
  READ_DISC_INFORMATION,
  READ_DISC_STRUCTURE,
  READ_FORMAT_CAPACITIES,
  READ_SUB_CHANNEL,
  READ_TOC_PMA_ATIP,
  READ_TRACK_INFORMATION,
} from "../../abi/mmc.ts";
import {
  INQUIRY,
  LOG_SENSE,
  MAINTENANCE_IN,
  MODE_SENSE_6,
  MODE_SENSE_10,
  PERIPHERAL_CD_DVD,
  PERIPHERAL_DIRECT_ACCESS,
  PERSISTENT_RESERVE_IN,
  PRE_FETCH_10,
  PRE_FETCH_16,
  READ_6,
  READ_10,
  READ_12,
  READ_16,
  READ_CAPACITY_10,
  READ_DEFECT_DATA_10,
  READ_DEFECT_DATA_12,
  REPORT_LUNS,
  SERVICE_ACTION_IN_16,
  SYNCHRONIZE_CACHE_10,
  SYNCHRONIZE_CACHE_16,
  TEST_UNIT_READY,
  UNMAP,
  VERIFY_10,
  VERIFY_12,
  VERIFY_16,
  WRITE_6,
  WRITE_10,
  WRITE_12,
  WRITE_16,
  WRITE_AND_VERIFY_10,
  WRITE_AND_VERIFY_12,
  WRITE_AND_VERIFY_16,
  WRITE_ATOMIC_16,
  WRITE_SAME_10,
  WRITE_SAME_16,
} from "../../abi/scsi.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";

/** Asks, and changes nothing: as good the second time as the first. */
export const EFFECT_NONE = 0;
/** Reads blocks that the CDB names. */
export const EFFECT_READ = 1;
/** Gives blocks that the CDB names a content that the command names: the second time is as the first, unless someone else's content came between. */
export const EFFECT_WRITE = 2;
/** Anything else. */
export const EFFECT_OTHER = 3;
export type Effect = 0 | 1 | 2 | 3;

/** What a command's CDB says of the medium. Filled in by `readEffect`. */
interface EffectOf {
  effect: Effect;
  firstBlock: number;
  endBlock: number;
}

const TWO_TO_32 = 0x1_0000_0000;
/** LBA of the commands of six bytes: 21 bits. [SBC-3] 5.10. */
const LBA_MASK_6 = 0x1f_ffff;
const BLOCKS_OF_ZERO_6 = 256;

// Where LBA and number of blocks stand in a CDB.
const NOWHERE = 0;
const CDB_6 = 1;
const CDB_10 = 2;
const CDB_12 = 3;
const CDB_16 = 4;

interface Row {
  readonly opcode: number;
  readonly effect: Effect;
  readonly layout: number;
}

const none = (...opcodes: number[]): Row[] =>
  opcodes.map((opcode) => ({ opcode, effect: EFFECT_NONE, layout: NOWHERE }));

/** Of devices of every type. [SPC-4] */
const ANY = none(
  TEST_UNIT_READY,
  INQUIRY,
  MODE_SENSE_6,
  MODE_SENSE_10,
  LOG_SENSE,
  REPORT_LUNS,
  PERSISTENT_RESERVE_IN,
  MAINTENANCE_IN,
);

/** Of disks. [SBC-3] */
const DISK: readonly Row[] = [
  ...none(READ_CAPACITY_10, SERVICE_ACTION_IN_16, READ_DEFECT_DATA_10, READ_DEFECT_DATA_12),
  ...none(PRE_FETCH_10, PRE_FETCH_16, SYNCHRONIZE_CACHE_10, SYNCHRONIZE_CACHE_16),
  { opcode: READ_6, effect: EFFECT_READ, layout: CDB_6 },
  { opcode: READ_10, effect: EFFECT_READ, layout: CDB_10 },
  { opcode: READ_12, effect: EFFECT_READ, layout: CDB_12 },
  { opcode: READ_16, effect: EFFECT_READ, layout: CDB_16 },
  { opcode: VERIFY_10, effect: EFFECT_READ, layout: CDB_10 },
  { opcode: VERIFY_12, effect: EFFECT_READ, layout: CDB_12 },
  { opcode: VERIFY_16, effect: EFFECT_READ, layout: CDB_16 },
  { opcode: WRITE_6, effect: EFFECT_WRITE, layout: CDB_6 },
  { opcode: WRITE_10, effect: EFFECT_WRITE, layout: CDB_10 },
  { opcode: WRITE_12, effect: EFFECT_WRITE, layout: CDB_12 },
  { opcode: WRITE_16, effect: EFFECT_WRITE, layout: CDB_16 },
  { opcode: WRITE_AND_VERIFY_10, effect: EFFECT_WRITE, layout: CDB_10 },
  { opcode: WRITE_AND_VERIFY_12, effect: EFFECT_WRITE, layout: CDB_12 },
  { opcode: WRITE_AND_VERIFY_16, effect: EFFECT_WRITE, layout: CDB_16 },
  { opcode: WRITE_ATOMIC_16, effect: EFFECT_WRITE, layout: NOWHERE },
  { opcode: WRITE_SAME_10, effect: EFFECT_WRITE, layout: CDB_10 },
  { opcode: WRITE_SAME_16, effect: EFFECT_WRITE, layout: CDB_16 },
  { opcode: UNMAP, effect: EFFECT_WRITE, layout: NOWHERE },
];

/** Of optical drives: a write may be to a medium that takes it but once. [MMC-6] */
const OPTICAL = none(
  READ_6,
  READ_10,
  READ_12,
  READ_CAPACITY_10,
  READ_CD,
  READ_CD_MSF,
  READ_TOC_PMA_ATIP,
  READ_SUB_CHANNEL,
  READ_FORMAT_CAPACITIES,
  READ_DISC_INFORMATION,
  READ_TRACK_INFORMATION,
  READ_DISC_STRUCTURE,
  GET_CONFIGURATION,
  GET_PERFORMANCE,
  MECHANISM_STATUS,
);

const OF_TYPE: ReadonlyMap<number, readonly Row[]> = new Map([
  [PERIPHERAL_DIRECT_ACCESS, DISK],
  [PERIPHERAL_CD_DVD, OPTICAL],
]);

const OPCODES = 256;
const OTHER: Row = { opcode: 0, effect: EFFECT_OTHER, layout: NOWHERE };

/** The effects of a device type's commands, by operation code. */
type EffectTable = readonly Row[];

/** @param peripheralDeviceType [SPC-4] 6.6.2 */
export function effectTable(peripheralDeviceType: number): EffectTable {
  const table = Array.from({ length: OPCODES }, () => OTHER);
  for (const row of [...ANY, ...(OF_TYPE.get(peripheralDeviceType) ?? [])]) table[row.opcode] = row;
  return table;
}

/** Finds out what the CDB at `cdbOffset` does. Blocks that it does not name in a usual place are all of them. */
export function readEffect(table: EffectTable, { u8, view }: SharedMemory, cdbOffset: number, into: EffectOf): void {
  const { effect, layout } = table[u8[cdbOffset] ?? 0] ?? OTHER;
  into.effect = effect;
  into.firstBlock = 0;
  let blocks = Number.POSITIVE_INFINITY;
  if (layout === CDB_6) {
    into.firstBlock = view.getUint32(cdbOffset) & LBA_MASK_6;
    blocks = view.getUint8(cdbOffset + 4) || BLOCKS_OF_ZERO_6;
  } else if (layout === CDB_10) {
    into.firstBlock = view.getUint32(cdbOffset + 2);
    blocks = view.getUint16(cdbOffset + 7);
  } else if (layout === CDB_12) {
    into.firstBlock = view.getUint32(cdbOffset + 2);
    blocks = view.getUint32(cdbOffset + 6);
  } else if (layout === CDB_16) {
    into.firstBlock = view.getUint32(cdbOffset + 2) * TWO_TO_32 + view.getUint32(cdbOffset + 6);
    blocks = view.getUint32(cdbOffset + 10);
  }
  // No blocks: none for most, for WRITE SAME all up to the end.
  into.endBlock = blocks === 0 ? Number.POSITIVE_INFINITY : into.firstBlock + blocks;
}
