import {
  MODE_PAGE_ALL,
  MODE_PAGE_CAPABILITIES,
  MODE_PAGE_POWER_CONDITION,
  MODE_PAGE_READ_WRITE_ERROR_RECOVERY,
  MODE_PAGE_TIMEOUT_AND_PROTECT,
  MODE_SENSE_6,
} from "../../abi/scsi.ts";
import { answerWith, checkCondition, INVALID_FIELD_IN_CDB, SAVING_NOT_SUPPORTED } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16 } from "../task-access.ts";
import { field16 } from "./addresses.ts";
import { CLAIMED_SPEED } from "./drive-state.ts";
import type { OpticalDrive } from "./optical-drive.ts";

const PAGE_CONTROL_CHANGEABLE = 1;
const PAGE_CONTROL_SAVED = 3;

/** Bodies of the mode pages behind page code and length. Nothing is changeable. [MMC-6] 7. */
const PAGES: ReadonlyMap<number, (drive: OpticalDrive) => readonly number[]> = new Map([
  [MODE_PAGE_READ_WRITE_ERROR_RECOVERY, () => new Array<number>(10).fill(0)],
  [MODE_PAGE_POWER_CONDITION, () => new Array<number>(10).fill(0)],
  [MODE_PAGE_TIMEOUT_AND_PROTECT, () => new Array<number>(8).fill(0)],
  [MODE_PAGE_CAPABILITIES, capabilities],
]);

/** CD/DVD capabilities and mechanical status, which Linux and AIX still read. [MMC-3] 5.5.10. */
function capabilities({ prevention }: OpticalDrive): readonly number[] {
  const READS_DVD_ROM_CD_RW_CD_R = 0x0b;
  const TRAY_EJECT_LOCK = 0x29;
  const LOCKED = 0x02;
  const BUFFER_KIB = 2048;
  return [
    ...[READS_DVD_ROM_CD_RW_CD_R, 0, 0, 0],
    TRAY_EJECT_LOCK | (prevention.ofInitiators ? LOCKED : 0),
    0,
    ...field16(CLAIMED_SPEED), // at most
    ...field16(0), // volume levels
    ...field16(BUFFER_KIB),
    ...field16(CLAIMED_SPEED), // now
    ...[0, 0, 0, 0, 0, 0],
  ];
}

/** MODE SENSE(6), (10): without block descriptors and device-specific parameter. [MMC-6] 6.11, 7.2.2. */
export function modeSense(drive: OpticalDrive, task: ScsiTask) {
  const short = cdb8(task, 0) === MODE_SENSE_6;
  const pageControl = cdb8(task, 2) >> 6;
  const wanted = cdb8(task, 2) & 0x3f;
  const subpage = cdb8(task, 3);
  if (pageControl === PAGE_CONTROL_SAVED) return checkCondition(task, SAVING_NOT_SUPPORTED);
  const codes = wanted === MODE_PAGE_ALL ? [...PAGES.keys()] : [wanted];
  const allowedSubpage = subpage === 0 || (subpage === 0xff && wanted === MODE_PAGE_ALL);
  if (!allowedSubpage || !codes.every((code) => PAGES.has(code))) return checkCondition(task, INVALID_FIELD_IN_CDB);
  const pages = codes.flatMap((code) => {
    const body = PAGES.get(code)?.(drive) ?? [];
    return [code, body.length, ...(pageControl === PAGE_CONTROL_CHANGEABLE ? body.map(() => 0) : body)];
  });
  const header = short ? [pages.length + 3, 0, 0, 0] : [...field16(pages.length + 6), 0, 0, 0, 0, 0, 0];
  answerWith(task, Uint8Array.from([...header, ...pages]), short ? cdb8(task, 4) : cdb16(task, 7));
}
