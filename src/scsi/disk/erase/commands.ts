import {
  FORMAT_UNIT,
  SANITIZE,
  SANITIZE_BLOCK_ERASE,
  SANITIZE_CRYPTOGRAPHIC_ERASE,
  SANITIZE_EXIT_FAILURE_MODE,
  SANITIZE_OVERWRITE,
} from "../../../abi/scsi.ts";
import { CONTROL, type Command, FIELD_2 } from "../../command.ts";
import type { Disk } from "../disk.ts";
import { formatUnit } from "./format-unit.ts";
import { sanitizeErase, sanitizeExitFailureMode, sanitizeOverwrite } from "./sanitize.ts";

/** IMMED, AUSE, service action. ZNR is for zoned devices. */
const SANITIZE_FLAGS = 0xbf;
const SERVICE_ACTION = 0x1f;
/** LONGLIST, FMTDATA, CMPLST, DEFECT LIST FORMAT. FMTPINFO is not there: without protection information it must be 0. */
const FORMAT_FLAGS = 0x3f;
/** Seconds: an hour and a half, which is 128 MiB/s over 700 GiB. */
const ERASE_TIMEOUT = 5400;

const NO_PARAMETERS = [0, 0, 0, 0, 0, 0, 0, CONTROL] as const;

function sanitize(
  row: Pick<Command<Disk>, "name" | "usage" | "execute" | "needs" | "writes"> & { serviceAction: number },
): Command<Disk> {
  return { opcode: SANITIZE, reservation: "write", timeout: ERASE_TIMEOUT, ...row };
}

/** Commands that write the whole medium. */
export const ERASE_COMMANDS: readonly Command<Disk>[] = [
  {
    opcode: FORMAT_UNIT,
    name: "FORMAT UNIT",
    usage: [0xff, FORMAT_FLAGS, 0, 0, 0, CONTROL],
    reservation: "write",
    writes: true,
    timeout: ERASE_TIMEOUT,
    execute: formatUnit,
  },
  sanitize({
    serviceAction: SANITIZE_OVERWRITE,
    name: "SANITIZE, OVERWRITE",
    usage: [0xff, SANITIZE_FLAGS, 0, 0, 0, 0, 0, ...FIELD_2, CONTROL],
    writes: true,
    execute: sanitizeOverwrite,
  }),
  sanitize({
    serviceAction: SANITIZE_BLOCK_ERASE,
    name: "SANITIZE, BLOCK ERASE",
    usage: [0xff, SANITIZE_FLAGS, ...NO_PARAMETERS],
    needs: "provisioning",
    writes: true,
    execute: sanitizeErase,
  }),
  sanitize({
    serviceAction: SANITIZE_CRYPTOGRAPHIC_ERASE,
    name: "SANITIZE, CRYPTOGRAPHIC ERASE",
    usage: [0xff, SANITIZE_FLAGS, ...NO_PARAMETERS],
    needs: "provisioning",
    writes: true,
    execute: sanitizeErase,
  }),
  sanitize({
    serviceAction: SANITIZE_EXIT_FAILURE_MODE,
    name: "SANITIZE, EXIT FAILURE MODE",
    usage: [0xff, SERVICE_ACTION, ...NO_PARAMETERS],
    execute: sanitizeExitFailureMode,
  }),
];
