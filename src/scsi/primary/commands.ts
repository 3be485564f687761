import {
  INQUIRY,
  LOG_SENSE,
  MODE_SELECT_6,
  MODE_SELECT_10,
  MODE_SENSE_6,
  MODE_SENSE_10,
  READ_BUFFER,
  RECEIVE_DIAGNOSTIC_RESULTS,
  REQUEST_SENSE,
  SEND_DIAGNOSTIC,
  TEST_UNIT_READY,
  WRITE_BUFFER,
} from "../../abi/scsi.ts";
import { CONTROL, type Command, FIELD_2, OLD_LUN } from "../command.ts";
import { logSense } from "../log/log-sense.ts";
import { modeSelect } from "../mode/mode-select.ts";
import { modeSense } from "../mode/mode-sense.ts";
import { RESERVATION_COMMANDS } from "../reservations/commands.ts";
import { readBuffer, writeBuffer } from "./buffers.ts";
import { receiveDiagnosticResults, sendDiagnostic } from "./diagnostic.ts";
import { inquiry } from "./inquiry.ts";
import { MAINTENANCE_COMMANDS } from "./maintenance-commands.ts";
import { requestSense, testUnitReady } from "./readiness.ts";

const FIELD_3 = [0xff, 0xff, 0xff] as const;

const CONDITION: readonly Command[] = [
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
    access: "unavailable",
    execute: requestSense,
  },
  {
    opcode: INQUIRY,
    name: "INQUIRY",
    usage: [0xff, OLD_LUN | 1, 0xff, ...FIELD_2, CONTROL],
    reservation: "allowed",
    passesUnitAttention: true,
    whenNotReady: true,
    access: "unavailable",
    execute: inquiry,
  },
];

/** Mode and log pages. */
const PAGES: readonly Command[] = [
  {
    opcode: MODE_SELECT_6,
    name: "MODE SELECT(6)",
    usage: [0xff, OLD_LUN | 0x11, 0, 0, 0xff, CONTROL],
    reservation: "write",
    whenNotReady: true,
    access: "standby",
    execute: modeSelect,
  },
  {
    opcode: MODE_SENSE_6,
    name: "MODE SENSE(6)",
    usage: [0xff, OLD_LUN | 8, 0xff, 0xff, 0xff, CONTROL],
    reservation: "read",
    whenNotReady: true,
    access: "standby",
    execute: modeSense,
  },
  {
    opcode: LOG_SENSE,
    name: "LOG SENSE",
    usage: [0xff, OLD_LUN | 1, 0xff, 0xff, 0, ...FIELD_2, ...FIELD_2, CONTROL],
    reservation: "allowed",
    whenNotReady: true,
    access: "standby",
    execute: logSense,
  },
  {
    opcode: MODE_SELECT_10,
    name: "MODE SELECT(10)",
    usage: [0xff, OLD_LUN | 0x11, 0, 0, 0, 0, 0, ...FIELD_2, CONTROL],
    reservation: "write",
    whenNotReady: true,
    access: "standby",
    execute: modeSelect,
  },
  {
    opcode: MODE_SENSE_10,
    name: "MODE SENSE(10)",
    usage: [0xff, OLD_LUN | 0x18, 0xff, 0xff, 0, 0, 0, ...FIELD_2, CONTROL],
    reservation: "read",
    whenNotReady: true,
    access: "standby",
    execute: modeSense,
  },
];

const DIAGNOSIS: readonly Command[] = [
  {
    opcode: RECEIVE_DIAGNOSTIC_RESULTS,
    name: "RECEIVE DIAGNOSTIC RESULTS",
    usage: [0xff, OLD_LUN | 1, 0xff, ...FIELD_2, CONTROL],
    reservation: "read",
    whenNotReady: true,
    access: "standby",
    execute: receiveDiagnosticResults,
  },
  {
    opcode: SEND_DIAGNOSTIC,
    name: "SEND DIAGNOSTIC",
    usage: [0xff, 0xf7, 0, ...FIELD_2, CONTROL],
    reservation: "write",
    access: "standby",
    execute: sendDiagnostic,
  },
  {
    opcode: WRITE_BUFFER,
    name: "WRITE BUFFER",
    usage: [0xff, 0x1f, 0xff, ...FIELD_3, ...FIELD_3, CONTROL],
    reservation: "write",
    whenNotReady: true,
    access: "standby",
    execute: writeBuffer,
  },
  {
    opcode: READ_BUFFER,
    name: "READ BUFFER(10)",
    usage: [0xff, 0x1f, 0xff, ...FIELD_3, ...FIELD_3, CONTROL],
    reservation: "read",
    whenNotReady: true,
    access: "standby",
    execute: readBuffer,
  },
];

/** Commands of every kind of logical unit. [SPC-4] clause 6. REPORT LUNS is the target device's. */
export const PRIMARY_COMMANDS: readonly Command[] = [
  ...CONDITION,
  ...PAGES,
  ...DIAGNOSIS,
  ...MAINTENANCE_COMMANDS,
  ...RESERVATION_COMMANDS,
];
