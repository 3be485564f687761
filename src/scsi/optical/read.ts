import { PROFILE_CD_ROM, READ_CD_MSF } from "../../abi/mmc.ts";
import { blocksFit } from "../disk/block-range.ts";
import { readBlocks } from "../disk/transfer.ts";
import { checkCondition, good, ILLEGAL_MODE_FOR_THIS_TRACK, INVALID_FIELD_IN_CDB, LBA_OUT_OF_RANGE } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16, cdb32 } from "../task-access.ts";
import { blocks } from "../units.ts";
import { blockAtMsf } from "./addresses.ts";
import type { OpticalDrive } from "./optical-drive.ts";

/** EXPECTED SECTOR TYPE: what a track of mode 1 can satisfy. [MMC-6] table 353. */
const ANY_SECTOR = 0;
const MODE_1_SECTOR = 2;
/** MAIN CHANNEL SELECTION: of a sector's parts, the store has the user data. */
const USER_DATA = 0x10;

/** READ CD, READ CD MSF: user data, of a CD. [MMC-6] 6.17, 6.18. */
export function readCd(drive: OpticalDrive, task: ScsiTask) {
  const sectorType = (cdb8(task, 1) >> 2) & 0x07;
  const parts = cdb8(task, 9);
  const subChannel = cdb8(task, 10);
  if (drive.profile !== PROFILE_CD_ROM) return checkCondition(task, ILLEGAL_MODE_FOR_THIS_TRACK);
  if (sectorType !== ANY_SECTOR && sectorType !== MODE_1_SECTOR)
    return checkCondition(task, ILLEGAL_MODE_FOR_THIS_TRACK);
  if ((parts !== 0 && parts !== USER_DATA) || subChannel !== 0) return checkCondition(task, INVALID_FIELD_IN_CDB);
  const { first, count } = cdb8(task, 0) === READ_CD_MSF ? msfRange(task) : lbaRange(task);
  if (first === undefined || count < 0) return checkCondition(task, INVALID_FIELD_IN_CDB);
  // The pre-gap is not on the medium.
  if (first < 0) return checkCondition(task, LBA_OUT_OF_RANGE);
  // Without any part of the sectors there is nothing to transfer, but they must be there.
  if (parts !== 0) return readBlocks(drive, task, blocks(first), blocks(count));
  if (blocksFit(drive, task, blocks(first), blocks(count))) good(task);
}

interface Range {
  first: number | undefined;
  count: number;
}

function lbaRange(task: ScsiTask): Range {
  return { first: cdb32(task, 2), count: (cdb8(task, 6) << 16) | cdb16(task, 7) };
}

/** From the start up to, not including, the end; a negative count when one of them is no address. */
function msfRange(task: ScsiTask): Range {
  const first = blockAtMsf(cdb8(task, 3), cdb8(task, 4), cdb8(task, 5));
  const end = blockAtMsf(cdb8(task, 6), cdb8(task, 7), cdb8(task, 8));
  return { first, count: first === undefined || end === undefined ? -1 : end - first };
}

/** SEEK(10): a head that is everywhere at once. [MMC-6] 6.39. */
export function seek(drive: OpticalDrive, task: ScsiTask) {
  if (blocksFit(drive, task, blocks(cdb32(task, 2)), blocks(1))) good(task);
}
