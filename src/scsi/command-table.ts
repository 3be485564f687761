import {
  INQUIRY,
  MODE_SENSE_6,
  MODE_SENSE_10,
  READ_6,
  READ_10,
  READ_12,
  READ_16,
  READ_CAPACITY_10,
  READ_CAPACITY_16,
  REQUEST_SENSE,
  SERVICE_ACTION_IN_16,
  START_STOP_UNIT,
  SYNCHRONIZE_CACHE_10,
  SYNCHRONIZE_CACHE_16,
  TEST_UNIT_READY,
  VERIFY_10,
  VERIFY_16,
  WRITE_6,
  WRITE_10,
  WRITE_12,
  WRITE_16,
  WRITE_AND_VERIFY_10,
} from "../abi/scsi.ts";
import { readCapacity10, readCapacity16 } from "./disk/capacity.ts";
import type { Disk } from "./disk/disk.ts";
import { inquiry } from "./disk/inquiry.ts";
import { modeSense } from "./disk/mode-sense.ts";
import { requestSense, startStopUnit, testUnitReady } from "./disk/readiness.ts";
import { read, synchronizeCache, verify, write } from "./disk/transfer.ts";
import type { ScsiTask } from "./task.ts";
import { cdb8 } from "./task-access.ts";

/** One SCSI command: the only place that tells anything about it. */
export interface Command {
  readonly opcode: number;
  readonly serviceAction?: number;
  /** Name as the standard writes it. */
  readonly name: string;
  /** CDB usage map [SPC-4] 6.35.3: a bit that is 0 here must be 0 in a CDB. Its length is the CDB's. */
  readonly usage: readonly number[];
  /** Also while the unit is stopped. */
  readonly whenStopped?: true;
  /** Changes the medium. */
  readonly writes?: true;
  readonly execute: (disk: Disk, task: ScsiTask) => void;
}

// Control byte: NACA is not supported (NORMACA is 0), vendor bits and LINK are ignored as all clients send 0. [SAM-5] 5.2.
const CONTROL = 0xfb;
// Bits 5-7 of byte 1 held the LUN in SCSI-2; old clients still fill them.
const OLD_LUN = 0xe0;
const LBA_4 = [0xff, 0xff, 0xff, 0xff] as const;
const LBA_8 = [...LBA_4, ...LBA_4] as const;
const GROUP = 0x1f;
// RDPROTECT / WRPROTECT are not in the masks: without protection information they must be 0. [SBC-3] 4.22.
const READ_FLAGS = 0x18; // DPO, FUA
const VERIFY_FLAGS = 0x16; // DPO, BYTCHK

export const COMMANDS: readonly Command[] = [
  {
    opcode: TEST_UNIT_READY,
    name: "TEST UNIT READY",
    usage: [0xff, OLD_LUN, 0, 0, 0, CONTROL],
    execute: testUnitReady,
    whenStopped: true,
  },
  {
    opcode: REQUEST_SENSE,
    name: "REQUEST SENSE",
    usage: [0xff, OLD_LUN, 0, 0, 0xff, CONTROL],
    execute: requestSense,
    whenStopped: true,
  },
  { opcode: READ_6, name: "READ(6)", usage: [0xff, OLD_LUN | 0x1f, 0xff, 0xff, 0xff, CONTROL], execute: read },
  {
    opcode: WRITE_6,
    name: "WRITE(6)",
    usage: [0xff, OLD_LUN | 0x1f, 0xff, 0xff, 0xff, CONTROL],
    execute: write,
    writes: true,
  },
  {
    opcode: INQUIRY,
    name: "INQUIRY",
    usage: [0xff, OLD_LUN | 1, 0xff, 0xff, 0xff, CONTROL],
    execute: inquiry,
    whenStopped: true,
  },
  {
    opcode: MODE_SENSE_6,
    name: "MODE SENSE(6)",
    usage: [0xff, OLD_LUN | 8, 0xff, 0xff, 0xff, CONTROL],
    execute: modeSense,
    whenStopped: true,
  },
  {
    opcode: START_STOP_UNIT,
    name: "START STOP UNIT",
    usage: [0xff, OLD_LUN | 1, 0, 0x0f, 0xf7, CONTROL],
    execute: startStopUnit,
    whenStopped: true,
  },
  {
    opcode: READ_CAPACITY_10,
    name: "READ CAPACITY(10)",
    usage: [0xff, OLD_LUN, ...LBA_4, 0, 0, 1, CONTROL],
    execute: readCapacity10,
  },
  { opcode: READ_10, name: "READ(10)", usage: [0xff, READ_FLAGS, ...LBA_4, GROUP, 0xff, 0xff, CONTROL], execute: read },
  {
    opcode: WRITE_10,
    name: "WRITE(10)",
    usage: [0xff, READ_FLAGS, ...LBA_4, GROUP, 0xff, 0xff, CONTROL],
    execute: write,
    writes: true,
  },
  {
    opcode: WRITE_AND_VERIFY_10,
    name: "WRITE AND VERIFY(10)",
    usage: [0xff, 0x10, ...LBA_4, GROUP, 0xff, 0xff, CONTROL],
    execute: write,
    writes: true,
  },
  {
    opcode: VERIFY_10,
    name: "VERIFY(10)",
    usage: [0xff, VERIFY_FLAGS, ...LBA_4, GROUP, 0xff, 0xff, CONTROL],
    execute: verify,
  },
  {
    opcode: SYNCHRONIZE_CACHE_10,
    name: "SYNCHRONIZE CACHE(10)",
    usage: [0xff, 0x06, ...LBA_4, GROUP, 0xff, 0xff, CONTROL],
    execute: synchronizeCache,
  },
  {
    opcode: MODE_SENSE_10,
    name: "MODE SENSE(10)",
    usage: [0xff, OLD_LUN | 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, CONTROL],
    execute: modeSense,
    whenStopped: true,
  },
  { opcode: READ_16, name: "READ(16)", usage: [0xff, READ_FLAGS, ...LBA_8, ...LBA_4, GROUP, CONTROL], execute: read },
  {
    opcode: WRITE_16,
    name: "WRITE(16)",
    usage: [0xff, READ_FLAGS, ...LBA_8, ...LBA_4, GROUP, CONTROL],
    execute: write,
    writes: true,
  },
  {
    opcode: VERIFY_16,
    name: "VERIFY(16)",
    usage: [0xff, VERIFY_FLAGS, ...LBA_8, ...LBA_4, GROUP, CONTROL],
    execute: verify,
  },
  {
    opcode: SYNCHRONIZE_CACHE_16,
    name: "SYNCHRONIZE CACHE(16)",
    usage: [0xff, 0x06, ...LBA_8, ...LBA_4, GROUP, CONTROL],
    execute: synchronizeCache,
  },
  {
    opcode: SERVICE_ACTION_IN_16,
    serviceAction: READ_CAPACITY_16,
    name: "READ CAPACITY(16)",
    usage: [0xff, 0x1f, ...LBA_8, ...LBA_4, 1, CONTROL],
    execute: readCapacity16,
  },
  { opcode: READ_12, name: "READ(12)", usage: [0xff, READ_FLAGS, ...LBA_4, ...LBA_4, GROUP, CONTROL], execute: read },
  {
    opcode: WRITE_12,
    name: "WRITE(12)",
    usage: [0xff, READ_FLAGS, ...LBA_4, ...LBA_4, GROUP, CONTROL],
    execute: write,
    writes: true,
  },
];

const SERVICE_ACTION_MASK = 0x1f;

/** By opcode; a list where service actions share one. */
const BY_OPCODE: readonly (readonly Command[] | undefined)[] = Array.from({ length: 256 }, (_, opcode) => {
  const rows = COMMANDS.filter((command) => command.opcode === opcode);
  return rows.length > 0 ? rows : undefined;
});

/** The row of a task's CDB, or undefined for what no row describes. */
export function findCommand(task: ScsiTask): Command | undefined {
  const rows = BY_OPCODE[cdb8(task, 0)];
  const first = rows?.[0];
  if (first === undefined || first.serviceAction === undefined) return first;
  const serviceAction = cdb8(task, 1) & SERVICE_ACTION_MASK;
  return rows?.find((command) => command.serviceAction === serviceAction);
}

/** True when the CDB sets no bit that its command does not define. */
export function cdbFits(task: ScsiTask, { usage }: Command): boolean {
  for (let at = 1; at < usage.length; at++) if ((cdb8(task, at) & ~(usage[at] ?? 0)) !== 0) return false;
  return true;
}
