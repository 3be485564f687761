import {
  READ_6,
  READ_10,
  READ_12,
  READ_16,
  READ_CAPACITY_10,
  READ_CAPACITY_16,
  SERVICE_ACTION_IN_16,
  SYNCHRONIZE_CACHE_10,
  SYNCHRONIZE_CACHE_16,
  VERIFY_10,
  VERIFY_16,
  WRITE_6,
  WRITE_10,
  WRITE_12,
  WRITE_16,
  WRITE_AND_VERIFY_10,
} from "../../abi/scsi.ts";
import { CONTROL, type Command, CommandTable, FIELD_2, FIELD_4, FIELD_8, OLD_LUN } from "../command.ts";
import { COPY_COMMANDS } from "../copy/commands.ts";
import { MEDIUM_COMMANDS } from "../medium-commands.ts";
import { PRIMARY_COMMANDS } from "../primary/commands.ts";
import { readCapacity10, readCapacity16 } from "./capacity.ts";
import type { Disk } from "./disk.ts";
import { ERASE_COMMANDS } from "./erase/commands.ts";
import { read, synchronizeCache, verify, write } from "./transfer.ts";

// RDPROTECT / WRPROTECT are not in the masks: without protection information they must be 0. [SBC-3] 4.22.
const READ_FLAGS = 0x18; // DPO, FUA
const VERIFY_FLAGS = 0x16; // DPO, BYTCHK
const GROUP = 0x1f;
const LBA_21 = [OLD_LUN | 0x1f, 0xff, 0xff] as const;

/** Reads and writes, whose rows differ only in the length of their CDB. */
const TRANSFERS: readonly Command<Disk>[] = [
  { opcode: READ_6, name: "READ(6)", usage: [0xff, ...LBA_21, 0xff, CONTROL], reservation: "read", execute: read },
  {
    opcode: READ_10,
    name: "READ(10)",
    usage: [0xff, READ_FLAGS, ...FIELD_4, GROUP, ...FIELD_2, CONTROL],
    reservation: "read",
    execute: read,
  },
  {
    opcode: READ_12,
    name: "READ(12)",
    usage: [0xff, READ_FLAGS, ...FIELD_4, ...FIELD_4, GROUP, CONTROL],
    reservation: "read",
    execute: read,
  },
  {
    opcode: READ_16,
    name: "READ(16)",
    usage: [0xff, READ_FLAGS, ...FIELD_8, ...FIELD_4, GROUP, CONTROL],
    reservation: "read",
    execute: read,
  },
  {
    opcode: WRITE_6,
    name: "WRITE(6)",
    usage: [0xff, ...LBA_21, 0xff, CONTROL],
    reservation: "write",
    writes: true,
    execute: write,
  },
  {
    opcode: WRITE_10,
    name: "WRITE(10)",
    usage: [0xff, READ_FLAGS, ...FIELD_4, GROUP, ...FIELD_2, CONTROL],
    reservation: "write",
    writes: true,
    execute: write,
  },
  {
    opcode: WRITE_12,
    name: "WRITE(12)",
    usage: [0xff, READ_FLAGS, ...FIELD_4, ...FIELD_4, GROUP, CONTROL],
    reservation: "write",
    writes: true,
    execute: write,
  },
  {
    opcode: WRITE_16,
    name: "WRITE(16)",
    usage: [0xff, READ_FLAGS, ...FIELD_8, ...FIELD_4, GROUP, CONTROL],
    reservation: "write",
    writes: true,
    execute: write,
  },
];

const VERIFICATIONS: readonly Command<Disk>[] = [
  {
    opcode: WRITE_AND_VERIFY_10,
    name: "WRITE AND VERIFY(10)",
    usage: [0xff, 0x10, ...FIELD_4, GROUP, ...FIELD_2, CONTROL],
    reservation: "write",
    writes: true,
    execute: write,
  },
  {
    opcode: VERIFY_10,
    name: "VERIFY(10)",
    usage: [0xff, VERIFY_FLAGS, ...FIELD_4, GROUP, ...FIELD_2, CONTROL],
    reservation: "read",
    execute: verify,
  },
  {
    opcode: VERIFY_16,
    name: "VERIFY(16)",
    usage: [0xff, VERIFY_FLAGS, ...FIELD_8, ...FIELD_4, GROUP, CONTROL],
    reservation: "read",
    execute: verify,
  },
];

const MEDIUM_STATE: readonly Command<Disk>[] = [
  {
    opcode: READ_CAPACITY_10,
    name: "READ CAPACITY(10)",
    usage: [0xff, OLD_LUN, ...FIELD_4, 0, 0, 1, CONTROL],
    reservation: "allowed",
    execute: readCapacity10,
  },
  {
    opcode: SERVICE_ACTION_IN_16,
    serviceAction: READ_CAPACITY_16,
    name: "READ CAPACITY(16)",
    usage: [0xff, 0x1f, ...FIELD_8, ...FIELD_4, 1, CONTROL],
    reservation: "allowed",
    execute: readCapacity16,
  },
  {
    opcode: SYNCHRONIZE_CACHE_10,
    name: "SYNCHRONIZE CACHE(10)",
    usage: [0xff, 0x06, ...FIELD_4, GROUP, ...FIELD_2, CONTROL],
    reservation: "write",
    execute: synchronizeCache,
  },
  {
    opcode: SYNCHRONIZE_CACHE_16,
    name: "SYNCHRONIZE CACHE(16)",
    usage: [0xff, 0x06, ...FIELD_8, ...FIELD_4, GROUP, CONTROL],
    reservation: "write",
    execute: synchronizeCache,
  },
];

/** Commands of a disk. A new one is a handler in a file of this folder, and a row here. */
const ROWS: readonly Command<Disk>[] = [
  ...PRIMARY_COMMANDS,
  ...MEDIUM_COMMANDS,
  ...TRANSFERS,
  ...VERIFICATIONS,
  ...MEDIUM_STATE,
  ...ERASE_COMMANDS,
  ...COPY_COMMANDS,
];

/** Commands of a thinly provisioned disk. */
export const THIN_DISK_COMMANDS: CommandTable<Disk> = new CommandTable<Disk>(ROWS);
/** Commands of a fully provisioned one. */
export const FULL_DISK_COMMANDS: CommandTable<Disk> = new CommandTable<Disk>(ROWS.filter(({ thinOnly }) => !thinOnly));
