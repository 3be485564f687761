import {
  EXTENDED_COPY,
  EXTENDED_COPY_LID1,
  RECEIVE_COPY_DATA_LID1,
  RECEIVE_COPY_FAILURE_DETAILS_LID1,
  RECEIVE_COPY_OPERATING_PARAMETERS,
  RECEIVE_COPY_RESULTS,
  RECEIVE_COPY_STATUS_LID1,
} from "../../abi/scsi.ts";
import { CONTROL, type Command, FIELD_4 } from "../command.ts";
import type { Disk } from "../disk/disk.ts";
import { extendedCopy } from "./extended-copy.ts";
import {
  receiveCopyData,
  receiveCopyFailureDetails,
  receiveCopyOperatingParameters,
  receiveCopyStatus,
} from "./receive-copy-results.ts";

const SERVICE_ACTION = 0x1f;
/** Seconds: 64 segments of 256 MiB at a tenth of what a disk does. */
const COPY_TIMEOUT = 1800;

function receive(serviceAction: number, name: string, identifier: number, execute: Command<Disk>["execute"]) {
  const usage = [0xff, SERVICE_ACTION, identifier, 0, 0, 0, 0, 0, 0, 0, ...FIELD_4, 0, CONTROL];
  const row: Command<Disk> = {
    opcode: RECEIVE_COPY_RESULTS,
    serviceAction,
    name,
    usage,
    reservation: "write",
    whenNotReady: true,
    execute,
  };
  return row;
}

/** Third-party copy commands. [SPC-4] 5.17. */
export const COPY_COMMANDS: readonly Command<Disk>[] = [
  {
    opcode: EXTENDED_COPY,
    serviceAction: EXTENDED_COPY_LID1,
    name: "EXTENDED COPY(LID1)",
    usage: [0xff, SERVICE_ACTION, 0, 0, 0, 0, 0, 0, 0, 0, ...FIELD_4, 0, CONTROL],
    reservation: "write",
    whenNotReady: true,
    timeout: COPY_TIMEOUT,
    execute: extendedCopy,
  },
  receive(RECEIVE_COPY_STATUS_LID1, "RECEIVE COPY STATUS(LID1)", 0xff, receiveCopyStatus),
  receive(RECEIVE_COPY_DATA_LID1, "RECEIVE COPY DATA(LID1)", 0xff, receiveCopyData),
  receive(RECEIVE_COPY_OPERATING_PARAMETERS, "RECEIVE COPY OPERATING PARAMETERS", 0, receiveCopyOperatingParameters),
  receive(RECEIVE_COPY_FAILURE_DETAILS_LID1, "RECEIVE COPY FAILURE DETAILS(LID1)", 0xff, receiveCopyFailureDetails),
];
