import { REPORT_LUNS } from "../abi/scsi.ts";
import { CONTROL, type Command, FIELD_4 } from "./command.ts";

/** REPORT LUNS, which the target device executes for all of its units. [SPC-4] 6.33. */
export const REPORT_LUNS_COMMAND: Pick<Command, "opcode" | "name" | "usage"> = {
  opcode: REPORT_LUNS,
  name: "REPORT LUNS",
  usage: [0xff, 0, 0xff, 0, 0, 0, ...FIELD_4, 0, CONTROL],
};
