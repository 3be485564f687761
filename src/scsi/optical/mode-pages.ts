import {
  MODE_PAGE_CAPABILITIES,
  MODE_PAGE_POWER_CONDITION,
  MODE_PAGE_READ_WRITE_ERROR_RECOVERY,
  MODE_PAGE_TIMEOUT_AND_PROTECT,
} from "../../abi/scsi.ts";
import { CONTROL_PAGE } from "../mode/common-pages.ts";
import { ModePageTable } from "../mode/mode-page-table.ts";
import { field16 } from "./addresses.ts";
import { CLAIMED_SPEED } from "./drive-state.ts";
import type { OpticalDrive } from "./optical-drive.ts";

const READS_DVD_ROM_CD_RW_CD_R = 0x0b;
const TRAY_EJECT_LOCK = 0x29;
/** Byte of the capabilities page's body that tells whether removal is prevented. */
const MECHANISM = 4;
const LOCKED = 0x02;
const BUFFER_KIB = 2048;

/** Mode pages of a drive. [MMC-6] 7. */
export const OPTICAL_MODE_PAGES = new ModePageTable<OpticalDrive>([
  {
    page: MODE_PAGE_READ_WRITE_ERROR_RECOVERY,
    subpage: 0,
    name: "Read/Write Error Recovery Parameters",
    defaults: zeros(10),
  },
  CONTROL_PAGE,
  { page: MODE_PAGE_POWER_CONDITION, subpage: 0, name: "Power Condition", defaults: zeros(10) },
  { page: MODE_PAGE_TIMEOUT_AND_PROTECT, subpage: 0, name: "Timeout and Protect", defaults: zeros(8) },
  {
    // CD/DVD capabilities and mechanical status, which Linux and AIX still read. [MMC-3] 5.5.10.
    page: MODE_PAGE_CAPABILITIES,
    subpage: 0,
    name: "CD/DVD Capabilities and Mechanical Status",
    defaults: [
      ...[READS_DVD_ROM_CD_RW_CD_R, 0, 0, 0],
      TRAY_EJECT_LOCK,
      0,
      ...field16(CLAIMED_SPEED), // at most
      ...field16(0), // volume levels
      ...field16(BUFFER_KIB),
      ...field16(CLAIMED_SPEED), // now
      ...zeros(6),
    ],
    refresh({ prevention }, body) {
      body[MECHANISM] = TRAY_EJECT_LOCK | (prevention.ofInitiators ? LOCKED : 0);
    },
  },
]);

function zeros(count: number): readonly number[] {
  return new Array<number>(count).fill(0);
}
