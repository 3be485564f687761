import { PROFILE_CD_ROM } from "../../abi/mmc.ts";
import { answerWith, checkCondition, INVALID_FIELD_IN_CDB, LBA_OUT_OF_RANGE } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16, cdb32 } from "../task-access.ts";
import { blocks } from "../units.ts";
import { addressField, field16, field32, msfField } from "./addresses.ts";
import type { OpticalDrive } from "./optical-drive.ts";

// A disc of ours has one session with one track. Numbers that no field of ours needs twice stand in the tables below.
const ONLY_TRACK = 1;
const ONLY_SESSION = 1;
const LEAD_OUT_TRACK = 0xaa;
/** ADR 1 (position), CONTROL 4 (data track, recorded uninterrupted). [MMC-6] table 521. */
const DATA_TRACK = 0x14;
const MSF = 0x02;
const NOT_AVAILABLE_32 = [0xff, 0xff, 0xff, 0xff] as const;

/** READ TOC/PMA/ATIP. [MMC-6] 6.25. There is no PMA, no ATIP and no CD-TEXT on a finished data disc. */
export function readToc(drive: OpticalDrive, task: ScsiTask) {
  const msf = (cdb8(task, 1) & MSF) !== 0;
  const body = TOC_FORMATS.get(tocFormat(task))?.(drive, msf, cdb8(task, 6));
  if (body === undefined) return checkCondition(task, INVALID_FIELD_IN_CDB);
  answerWith(task, Uint8Array.from([...field16(body.length), ...body]), cdb16(task, 7));
}

/** FORMAT, or where drives before MMC had it: the top bits of the control byte. [MMC-6] 6.25.2.5. */
function tocFormat(task: ScsiTask): number {
  return cdb8(task, 2) & 0x0f || cdb8(task, 9) >> 6;
}

type TocFormat = (drive: OpticalDrive, msf: boolean, start: number) => number[] | undefined;

/** What follows the length of each format; undefined for a track or session that is not there. */
const TOC_FORMATS: ReadonlyMap<number, TocFormat> = new Map([
  [0, tracks],
  [1, sessions],
  [2, rawToc],
]);

function tracks({ medium }: OpticalDrive, msf: boolean, start: number): number[] | undefined {
  if (start > ONLY_TRACK && start !== LEAD_OUT_TRACK) return undefined;
  const track = (number: number, at: number) => [0, DATA_TRACK, number, 0, ...addressField(at, msf)];
  const first = start <= ONLY_TRACK ? track(ONLY_TRACK, 0) : [];
  return [ONLY_TRACK, ONLY_TRACK, ...first, ...track(LEAD_OUT_TRACK, medium.blockCount)];
}

function sessions(_drive: OpticalDrive, msf: boolean): number[] {
  return [ONLY_SESSION, ONLY_SESSION, 0, DATA_TRACK, ONLY_TRACK, 0, ...addressField(0, msf)];
}

/** The Q sub-channel of the lead-in, which only a CD has; addresses are always MSF. */
function rawToc({ medium, profile }: OpticalDrive, _msf: boolean, start: number): number[] | undefined {
  if (profile !== PROFILE_CD_ROM || start > ONLY_SESSION) return undefined;
  const entry = (point: number, p: readonly number[]) => [ONLY_SESSION, DATA_TRACK, 0, point, 0, 0, 0, ...p];
  return [
    ONLY_SESSION,
    ONLY_SESSION,
    ...entry(0xa0, [0, ONLY_TRACK, 0, 0]),
    ...entry(0xa1, [0, ONLY_TRACK, 0, 0]),
    ...entry(0xa2, msfField(medium.blockCount)),
    ...entry(ONLY_TRACK, msfField(0)),
  ];
}

/** READ DISC INFORMATION: standard information alone. [MMC-6] 6.21. */
export function readDiscInformation(_drive: OpticalDrive, task: ScsiTask) {
  const STANDARD = 0;
  /** Last session complete, disc finalized, not erasable. */
  const FINALIZED = 0x0e;
  const UNRESTRICTED_USE = 0x20;
  if ((cdb8(task, 1) & 0x07) !== STANDARD) return checkCondition(task, INVALID_FIELD_IN_CDB);
  const body = [
    FINALIZED,
    ONLY_TRACK, // first on the disc
    ONLY_SESSION, // number of sessions, low byte
    ONLY_TRACK, // first of the last session, low byte
    ONLY_TRACK, // last of the last session, low byte
    UNRESTRICTED_USE,
    0, // CD-ROM
    ...[0, 0, 0], // high bytes
    ...[0, 0, 0, 0], // disc identification
    ...NOT_AVAILABLE_32, // where another session's lead-in would start
    ...NOT_AVAILABLE_32, // where the lead-out could start at most
    ...[0, 0, 0, 0, 0, 0, 0, 0], // bar code
    0, // application code
    0, // no OPC tables
  ];
  answerWith(task, Uint8Array.from([...field16(body.length), ...body]), cdb16(task, 7));
}

/** READ TRACK INFORMATION. [MMC-6] 6.26. */
export function readTrackInformation({ medium }: OpticalDrive, task: ScsiTask) {
  const BY_ADDRESS = 0;
  const BY_TRACK = 1;
  const BY_SESSION = 2;
  /** TRACK MODE 4: data, recorded uninterrupted. DATA MODE 1. */
  const TRACK_MODE_DATA = 4;
  const DATA_MODE_1 = 1;
  const addressType = cdb8(task, 1) & 0x03;
  const address = cdb32(task, 2);
  if (addressType > BY_SESSION) return checkCondition(task, INVALID_FIELD_IN_CDB);
  if (addressType === BY_ADDRESS && !medium.holds(blocks(address), blocks(1)))
    return checkCondition(task, LBA_OUT_OF_RANGE);
  if (addressType === BY_TRACK && address !== ONLY_TRACK) return checkCondition(task, INVALID_FIELD_IN_CDB);
  if (addressType === BY_SESSION && address !== ONLY_SESSION) return checkCondition(task, INVALID_FIELD_IN_CDB);
  const body = [
    ...[ONLY_TRACK, ONLY_SESSION, 0, TRACK_MODE_DATA, DATA_MODE_1],
    0, // neither a next writable nor a last recorded address
    ...field32(0), // start
    ...field32(0), // next writable
    ...field32(0), // free blocks
    ...field32(0), // fixed packet size
    ...field32(medium.blockCount),
    ...field32(0), // last recorded
    ...[0, 0, 0, 0], // high bytes of track and session number
  ];
  answerWith(task, Uint8Array.from([...field16(body.length), ...body]), cdb16(task, 7));
}

const SUB_Q = 0x40;
const PARAMETER_LIST = { position: 1, catalogNumber: 2, isrc: 3 } as const;

/** READ SUB-CHANNEL: where the drive stands is not told by playing, so at the start; no catalog number, no ISRC. [MMC-6] 6.24. */
export function readSubChannel(_drive: OpticalDrive, task: ScsiTask) {
  const AUDIO_STATUS_NOT_VALID = 0;
  const NAME_LENGTH = 16;
  const format = cdb8(task, 3);
  const address = addressField(0, (cdb8(task, 1) & MSF) !== 0);
  const bodies: Readonly<Record<number, readonly number[]>> = {
    [PARAMETER_LIST.position]: [format, DATA_TRACK, ONLY_TRACK, 1, ...address, ...address],
    [PARAMETER_LIST.catalogNumber]: [format, 0, 0, 0, ...new Uint8Array(NAME_LENGTH)],
    [PARAMETER_LIST.isrc]: [format, DATA_TRACK, ONLY_TRACK, 0, ...new Uint8Array(NAME_LENGTH)],
  };
  const wanted = (cdb8(task, 2) & SUB_Q) === 0 ? [] : bodies[format];
  if (wanted === undefined) return checkCondition(task, INVALID_FIELD_IN_CDB);
  const data = [0, AUDIO_STATUS_NOT_VALID, ...field16(wanted.length), ...wanted];
  answerWith(task, Uint8Array.from(data), cdb16(task, 7));
}
