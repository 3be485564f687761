import { PROFILE_DVD_ROM, PROFILE_NONE } from "../../abi/mmc.ts";
import { answerWith, checkCondition, INCOMPATIBLE_FORMAT, INVALID_FIELD_IN_CDB } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16 } from "../task-access.ts";
import { field16, field32 } from "./addresses.ts";
import type { OpticalDrive } from "./optical-drive.ts";

interface Structure {
  /** Bytes behind the header. */
  readonly length: number;
  data(drive: OpticalDrive): readonly number[];
}

const MEDIA_TYPE_DVD = 0;
const FORMAT_LIST = 0xff;
/** SDS 0, RDS 1: nobody can send this structure, everybody can read it. [MMC-6] 6.22.3.1.1. */
const READABLE = 0x40;
const HEADER_LENGTH = 4;
/** Physical sector number of logical block 0 of a DVD-ROM. [MMC-6] 4.3.4. */
const FIRST_PHYSICAL_SECTOR = 0x30000;
const PHYSICAL_SECTOR_MAXIMUM = 0xff_ffff;

/** Structures of a DVD-ROM by format code: it has no burst cutting area (3), and is not protected. [MMC-6] 6.22. */
const STRUCTURES: ReadonlyMap<number, Structure> = new Map([
  [0x00, { length: 2048, data: physicalFormat }],
  [0x01, { length: 4, data: () => [] }], // copyright: no protection system, every region
  [0x04, { length: 2048, data: () => [] }], // manufacturing information
]);

/** READ DISC STRUCTURE (READ DVD STRUCTURE). [MMC-6] 6.22. */
export function readDiscStructure(drive: OpticalDrive, task: ScsiTask) {
  const allocation = cdb16(task, 8);
  const format = cdb8(task, 7);
  if (format === FORMAT_LIST) return answerWith(task, structure(formatList()), allocation);
  // The list is a drive's; the structures are a disc's.
  if (drive.profile === PROFILE_NONE) return checkCondition(task, drive.absence);
  if (drive.profile !== PROFILE_DVD_ROM) return checkCondition(task, INCOMPATIBLE_FORMAT);
  const found = STRUCTURES.get(format);
  const isDvd = (cdb8(task, 1) & 0x0f) === MEDIA_TYPE_DVD;
  if (found === undefined || !isDvd || cdb8(task, 6) !== 0) return checkCondition(task, INVALID_FIELD_IN_CDB);
  const data = new Uint8Array(found.length);
  data.set(found.data(drive));
  answerWith(task, structure(data), allocation);
}

/** A structure behind its header, whose length counts what follows it. */
function structure(data: Uint8Array): Uint8Array {
  return Uint8Array.from([...field16(data.length + 2), 0, 0, ...data]);
}

function formatList(): Uint8Array {
  return Uint8Array.from(
    [...STRUCTURES].flatMap(([format, { length }]) => [format, READABLE, ...field16(HEADER_LENGTH + length)]),
  );
}

/** One layer of a DVD-ROM, part version 1, 120 mm. [MMC-6] 6.22.3.2.1. */
function physicalFormat({ medium }: OpticalDrive): readonly number[] {
  const DVD_ROM_PART_1 = 0x01;
  const SIZE_120_RATE_UNSPECIFIED = 0x0f;
  const ONE_EMBOSSED_LAYER = 0x01;
  const last = Math.min(FIRST_PHYSICAL_SECTOR + medium.blockCount - 1, PHYSICAL_SECTOR_MAXIMUM);
  return [
    ...[DVD_ROM_PART_1, SIZE_120_RATE_UNSPECIFIED, ONE_EMBOSSED_LAYER, 0],
    ...field32(FIRST_PHYSICAL_SECTOR),
    ...field32(last),
    ...field32(0), // end of layer 0, where there is another
    0, // no burst cutting area
  ];
}
