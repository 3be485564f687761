import {
  COMPARE_AND_WRITE,
  GET_LBA_STATUS,
  ORWRITE_16,
  READ_CAPACITY_10,
  READ_CAPACITY_16,
  READ_DEFECT_DATA_10,
  READ_DEFECT_DATA_12,
  SERVICE_ACTION_IN_16,
  UNMAP,
  WRITE_ATOMIC_16,
  WRITE_SAME_10,
  WRITE_SAME_16,
} from "../../abi/scsi.ts";
import { CONTROL, type Command, FIELD_2, FIELD_4, FIELD_8, GROUP, OLD_LUN } from "../command.ts";
import { writeAtomic } from "./atomic/write-atomic.ts";
import { readCapacity10, readCapacity16 } from "./capacity.ts";
import { compareAndWrite } from "./compare-and-write.ts";
import { readDefectData10, readDefectData12 } from "./defects.ts";
import type { Disk } from "./disk.ts";
import { orWrite } from "./or-write.ts";
import { getLbaStatus } from "./provisioning.ts";
import { unmap } from "./unmap.ts";
import { writeSame } from "./write-same.ts";

const DPO_FUA = 0x18;
const SERVICE_ACTION = 0x1f;
const DEFECT_LISTS = 0x1f;
/** ANCHOR is in no mask: blocks can't be anchored. */
const UNMAP_BIT = 0x08;
const NO_DATA_OUT_BUFFER = 0x01;

const WRITING = { reservation: "write", writes: true } as const;
const READING = { reservation: "read" } as const;

/** Commands on blocks that READ and WRITE have no likeness of. [SBC-4] clause 5. */
export function blockCommands(thin: boolean): readonly Command<Disk>[] {
  const sameFlags = thin ? UNMAP_BIT : 0;
  return [
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
      usage: [0xff, SERVICE_ACTION, ...FIELD_8, ...FIELD_4, 1, CONTROL],
      reservation: "allowed",
      execute: readCapacity16,
    },
    {
      opcode: SERVICE_ACTION_IN_16,
      serviceAction: GET_LBA_STATUS,
      name: "GET LBA STATUS",
      usage: [0xff, SERVICE_ACTION, ...FIELD_8, ...FIELD_4, 0, CONTROL],
      ...READING,
      execute: getLbaStatus,
    },
    {
      opcode: READ_DEFECT_DATA_10,
      name: "READ DEFECT DATA(10)",
      usage: [0xff, 0, DEFECT_LISTS, 0, 0, 0, 0, ...FIELD_2, CONTROL],
      ...READING,
      execute: readDefectData10,
    },
    {
      opcode: READ_DEFECT_DATA_12,
      name: "READ DEFECT DATA(12)",
      usage: [0xff, DEFECT_LISTS, ...FIELD_4, ...FIELD_4, 0, CONTROL],
      ...READING,
      execute: readDefectData12,
    },
    {
      opcode: WRITE_SAME_10,
      name: "WRITE SAME(10)",
      usage: [0xff, sameFlags, ...FIELD_4, GROUP, ...FIELD_2, CONTROL],
      ...WRITING,
      execute: writeSame,
    },
    {
      opcode: WRITE_SAME_16,
      name: "WRITE SAME(16)",
      usage: [0xff, sameFlags | NO_DATA_OUT_BUFFER, ...FIELD_8, ...FIELD_4, GROUP, CONTROL],
      ...WRITING,
      execute: writeSame,
    },
    {
      opcode: UNMAP,
      name: "UNMAP",
      usage: [0xff, 0, 0, 0, 0, 0, GROUP, ...FIELD_2, CONTROL],
      needs: "provisioning",
      ...WRITING,
      execute: unmap,
    },
    {
      opcode: COMPARE_AND_WRITE,
      name: "COMPARE AND WRITE",
      usage: [0xff, DPO_FUA, ...FIELD_8, 0, 0, 0, 0xff, GROUP, CONTROL],
      ...WRITING,
      execute: compareAndWrite,
    },
    {
      opcode: ORWRITE_16,
      name: "ORWRITE(16)",
      usage: [0xff, DPO_FUA, ...FIELD_8, ...FIELD_4, GROUP, CONTROL],
      ...WRITING,
      execute: orWrite,
    },
    {
      opcode: WRITE_ATOMIC_16,
      name: "WRITE ATOMIC(16)",
      usage: [0xff, DPO_FUA, ...FIELD_8, ...FIELD_2, ...FIELD_2, GROUP, CONTROL],
      needs: "state",
      ...WRITING,
      execute: writeAtomic,
    },
  ];
}
