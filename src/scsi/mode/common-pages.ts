import {
  MODE_PAGE_CONTROL,
  MODE_PAGE_DISCONNECT_RECONNECT,
  MODE_PAGE_INFORMATIONAL_EXCEPTIONS,
  MODE_PAGE_POWER_CONDITION,
  MODE_SUBPAGE_CONTROL_EXTENSION,
} from "../../abi/scsi.ts";
import { SENSE_LENGTH_MOST } from "../sense-data.ts";
import type { ModePage } from "./mode-page.ts";

// Control mode page, offsets in its body. [SPC-4] 7.5.8.
/** Byte with D_SENSE. */
export const CONTROL_FORMAT = 0;
export const D_SENSE = 0x04;
/** Byte with SWP. */
export const CONTROL_PROTECTION = 2;
export const SOFTWARE_WRITE_PROTECT = 0x08;
/** QUEUE ALGORITHM MODIFIER: unrestricted reordering. */
const UNRESTRICTED_REORDERING = 0x10;
/** BUSY TIMEOUT PERIOD: unlimited. */
const UNLIMITED = [0xff, 0xff] as const;
/** DEXCPT: no informational exception conditions are reported. [SPC-4] 7.5.13. */
const EXCEPTIONS_DISABLED = 0x08;

function zeros(count: number): readonly number[] {
  return new Array<number>(count).fill(0);
}

/** One task set for all nexuses (TST), a CHECK CONDITION aborts nobody else's tasks (QERR), TAS 0. */
export const CONTROL_PAGE: ModePage = {
  page: MODE_PAGE_CONTROL,
  subpage: 0,
  name: "Control",
  defaults: [0, UNRESTRICTED_REORDERING, 0, 0, 0, 0, ...UNLIMITED, 0, 0],
  changeable: [D_SENSE, 0, SOFTWARE_WRITE_PROTECT],
};

/** Body of 28 bytes: what it tells is the longest sense data. [SPC-4] 7.5.9. */
export const CONTROL_EXTENSION_PAGE: ModePage = {
  page: MODE_PAGE_CONTROL,
  subpage: MODE_SUBPAGE_CONTROL_EXTENSION,
  name: "Control Extension",
  defaults: [0, 0, SENSE_LENGTH_MOST, ...zeros(25)],
};

/** The transport limits nothing. [SPC-4] 7.5.10. */
export const DISCONNECT_RECONNECT_PAGE: ModePage = {
  page: MODE_PAGE_DISCONNECT_RECONNECT,
  subpage: 0,
  name: "Disconnect-Reconnect",
  defaults: zeros(14),
};

/** No timer runs: the unit changes no power condition by itself. [SPC-4] 7.5.14. */
export const POWER_CONDITION_PAGE: ModePage = {
  page: MODE_PAGE_POWER_CONDITION,
  subpage: 0,
  name: "Power Condition",
  defaults: zeros(38),
};

export const INFORMATIONAL_EXCEPTIONS_PAGE: ModePage = {
  page: MODE_PAGE_INFORMATIONAL_EXCEPTIONS,
  subpage: 0,
  name: "Informational Exceptions Control",
  defaults: [EXCEPTIONS_DISABLED, ...zeros(9)],
};
