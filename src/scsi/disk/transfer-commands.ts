import {
  PRE_FETCH_10,
  PRE_FETCH_16,
  READ_6,
  READ_10,
  READ_12,
  READ_16,
  SYNCHRONIZE_CACHE_10,
  SYNCHRONIZE_CACHE_16,
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
} from "../../abi/scsi.ts";
import { CONTROL, type Command, FIELD_2, FIELD_4, FIELD_8, GROUP, OLD_LUN } from "../command.ts";
import type { Disk } from "./disk.ts";
import { preFetch, read, synchronizeCache, write } from "./transfer.ts";
import { verify, writeAndVerify } from "./verify.ts";

// RDPROTECT, WRPROTECT and VRPROTECT are in no mask: without protection information they must be 0. [SBC-3] 4.22.
const DPO_FUA = 0x18;
const DPO_BYTE_CHECK = 0x16;
/** SYNC_NV and IMMED, IMMED of PRE-FETCH. */
const IMMEDIATE = 0x06;
const LBA_21 = [OLD_LUN | 0x1f, 0xff, 0xff] as const;

type Row = Pick<Command<Disk>, "reservation" | "writes" | "execute">;

const READING: Row = { reservation: "read", execute: read };
const WRITING: Row = { reservation: "write", writes: true, execute: write };
const VERIFYING: Row = { reservation: "read", execute: verify };
const WRITING_AND_VERIFYING: Row = { reservation: "write", writes: true, execute: writeAndVerify };
const FLUSHING: Row = { reservation: "write", execute: synchronizeCache };
const FETCHING: Row = { reservation: "read", execute: preFetch };

const cdb6 = [0xff, ...LBA_21, 0xff, CONTROL];
const cdb10 = (flags: number) => [0xff, flags, ...FIELD_4, GROUP, ...FIELD_2, CONTROL];
const cdb12 = (flags: number) => [0xff, flags, ...FIELD_4, ...FIELD_4, GROUP, CONTROL];
const cdb16 = (flags: number) => [0xff, flags, ...FIELD_8, ...FIELD_4, GROUP, CONTROL];

/** Commands on a range of blocks, whose forms differ only in the length of their CDB. [SBC-4] clause 5. */
export const TRANSFER_COMMANDS: readonly Command<Disk>[] = [
  { opcode: READ_6, name: "READ(6)", usage: cdb6, ...READING },
  { opcode: READ_10, name: "READ(10)", usage: cdb10(DPO_FUA), ...READING },
  { opcode: READ_12, name: "READ(12)", usage: cdb12(DPO_FUA), ...READING },
  { opcode: READ_16, name: "READ(16)", usage: cdb16(DPO_FUA), ...READING },
  { opcode: WRITE_6, name: "WRITE(6)", usage: cdb6, ...WRITING },
  { opcode: WRITE_10, name: "WRITE(10)", usage: cdb10(DPO_FUA), ...WRITING },
  { opcode: WRITE_12, name: "WRITE(12)", usage: cdb12(DPO_FUA), ...WRITING },
  { opcode: WRITE_16, name: "WRITE(16)", usage: cdb16(DPO_FUA), ...WRITING },
  { opcode: VERIFY_10, name: "VERIFY(10)", usage: cdb10(DPO_BYTE_CHECK), ...VERIFYING },
  { opcode: VERIFY_12, name: "VERIFY(12)", usage: cdb12(DPO_BYTE_CHECK), ...VERIFYING },
  { opcode: VERIFY_16, name: "VERIFY(16)", usage: cdb16(DPO_BYTE_CHECK), ...VERIFYING },
  { opcode: WRITE_AND_VERIFY_10, name: "WRITE AND VERIFY(10)", usage: cdb10(DPO_BYTE_CHECK), ...WRITING_AND_VERIFYING },
  { opcode: WRITE_AND_VERIFY_12, name: "WRITE AND VERIFY(12)", usage: cdb12(DPO_BYTE_CHECK), ...WRITING_AND_VERIFYING },
  { opcode: WRITE_AND_VERIFY_16, name: "WRITE AND VERIFY(16)", usage: cdb16(DPO_BYTE_CHECK), ...WRITING_AND_VERIFYING },
  { opcode: SYNCHRONIZE_CACHE_10, name: "SYNCHRONIZE CACHE(10)", usage: cdb10(IMMEDIATE), ...FLUSHING },
  { opcode: SYNCHRONIZE_CACHE_16, name: "SYNCHRONIZE CACHE(16)", usage: cdb16(IMMEDIATE), ...FLUSHING },
  { opcode: PRE_FETCH_10, name: "PRE-FETCH(10)", usage: cdb10(IMMEDIATE & 0x02), ...FETCHING },
  { opcode: PRE_FETCH_16, name: "PRE-FETCH(16)", usage: cdb16(IMMEDIATE & 0x02), ...FETCHING },
];
