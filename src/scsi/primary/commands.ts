import {
  INQUIRY,
  MODE_SELECT_6,
  MODE_SELECT_10,
  MODE_SENSE_6,
  MODE_SENSE_10,
  REQUEST_SENSE,
  TEST_UNIT_READY,
} from "../../abi/scsi.ts";
import { CONTROL, type Command, FIELD_2, OLD_LUN } from "../command.ts";
import { modeSelect } from "../mode/mode-select.ts";
import { modeSense } from "../mode/mode-sense.ts";
import { RESERVATION_COMMANDS } from "../reservations/commands.ts";
import { inquiry } from "./inquiry.ts";

import { requestSense, testUnitReady } from "./readiness.ts";

/** Commands of every kind of logical unit. [SPC-4] clause 6. REPORT LUNS is the target device's. */
export const PRIMARY_COMMANDS: readonly Command[] = [
  {
    opcode: TEST_UNIT_READY,
    name: "TEST UNIT READY",
    usage: [0xff, OLD_LUN, 0, 0, 0, CONTROL],
    reservation: "inspect",
    execute: testUnitReady,
  },
  {
    opcode: REQUEST_SENSE,
    name: "REQUEST SENSE",
    usage: [0xff, OLD_LUN | 1, 0, 0, 0xff, CONTROL],
    reservation: "allowed",
    passesUnitAttention: true,
    whenNotReady: true,
    execute: requestSense,
  },
  {
    opcode: INQUIRY,
    name: "INQUIRY",
    usage: [0xff, OLD_LUN | 1, 0xff, ...FIELD_2, CONTROL],
    reservation: "allowed",
    passesUnitAttention: true,
    whenNotReady: true,
    execute: inquiry,
  },
  {
    opcode: MODE_SENSE_6,
    name: "MODE SENSE(6)",
    usage: [0xff, OLD_LUN | 8, 0xff, 0xff, 0xff, CONTROL],
    reservation: "read",
    whenNotReady: true,
    execute: modeSense,
  },
  {
    opcode: MODE_SENSE_10,
    name: "MODE SENSE(10)",
    usage: [0xff, OLD_LUN | 0x18, 0xff, 0xff, 0, 0, 0, ...FIELD_2, CONTROL],
    reservation: "read",
    whenNotReady: true,
    execute: modeSense,
  },
  ...RESERVATION_COMMANDS,
  {
    opcode: MODE_SELECT_6,
    name: "MODE SELECT(6)",
    usage: [0xff, OLD_LUN | 0x11, 0, 0, 0xff, CONTROL],
    reservation: "write",
    whenNotReady: true,
    execute: modeSelect,
  },
  {
    opcode: MODE_SELECT_10,
    name: "MODE SELECT(10)",
    usage: [0xff, OLD_LUN | 0x11, 0, 0, 0, 0, 0, ...FIELD_2, CONTROL],
    reservation: "write",
    whenNotReady: true,
    execute: modeSelect,
  },
];
