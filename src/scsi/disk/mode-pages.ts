import { MODE_PAGE_CACHING, MODE_PAGE_READ_WRITE_ERROR_RECOVERY } from "../../abi/scsi.ts";
import {
  CONTROL_EXTENSION_PAGE,
  CONTROL_PAGE,
  DISCONNECT_RECONNECT_PAGE,
  INFORMATIONAL_EXCEPTIONS_PAGE,
  POWER_CONDITION_PAGE,
} from "../mode/common-pages.ts";
import { ModePageTable } from "../mode/mode-page-table.ts";

/** Byte of the caching mode page's body that has WCE. [SBC-3] 6.5.5. */
export const CACHING_FLAGS = 0;
export const WRITE_CACHE_ENABLE = 0x04;
const CACHING_LENGTH = 18;

/** AWRE and ARRE: defects are the storage's to move, and it does. [SBC-3] 6.5.8. */
const AUTOMATIC_REALLOCATION = 0xc0;
const ERROR_RECOVERY_LENGTH = 10;

/** Mode pages of a disk. [SBC-3] 6.5. */
export const DISK_MODE_PAGES = new ModePageTable([
  {
    page: MODE_PAGE_READ_WRITE_ERROR_RECOVERY,
    subpage: 0,
    name: "Read-Write Error Recovery",
    defaults: body(ERROR_RECOVERY_LENGTH, AUTOMATIC_REALLOCATION),
  },
  DISCONNECT_RECONNECT_PAGE,
  {
    // Writes are done when the host has them; SYNCHRONIZE CACHE and FUA bring them to stable storage. With WCE 0 every
    // write is on stable storage before it is done.
    page: MODE_PAGE_CACHING,
    subpage: 0,
    name: "Caching",
    defaults: body(CACHING_LENGTH, WRITE_CACHE_ENABLE),
    changeable: [WRITE_CACHE_ENABLE],
  },
  CONTROL_PAGE,
  CONTROL_EXTENSION_PAGE,
  POWER_CONDITION_PAGE,
  INFORMATIONAL_EXCEPTIONS_PAGE,
]);

function body(length: number, first: number): readonly number[] {
  return [first, ...new Array<number>(length - 1).fill(0)];
}
