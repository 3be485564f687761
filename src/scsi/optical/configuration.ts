import {
  FEATURE_CD_READ,
  FEATURE_CORE,
  FEATURE_DVD_READ,
  FEATURE_MORPHING,
  FEATURE_POWER_MANAGEMENT,
  FEATURE_PROFILE_LIST,
  FEATURE_RANDOM_READABLE,
  FEATURE_REAL_TIME_STREAMING,
  FEATURE_REMOVABLE_MEDIUM,
  FEATURE_SERIAL_NUMBER,
  FEATURE_TIMEOUT,
  OPTICAL_BLOCK_SIZE,
  PROFILE_CD_ROM,
  PROFILE_DVD_ROM,
  PROFILE_NONE,
} from "../../abi/mmc.ts";
import { answerWith, checkCondition, INVALID_FIELD_IN_CDB } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16 } from "../task-access.ts";
import { field16, field32 } from "./addresses.ts";
import type { OpticalDrive } from "./optical-drive.ts";

interface Feature {
  readonly code: number;
  readonly version: number;
  /** Part of every drive's answer, whatever is in it; current always. */
  readonly persistent?: true;
  /** Profiles under which a feature that is not persistent is current. */
  readonly profiles?: readonly number[];
  /** Feature-dependent data: a multiple of four bytes. */
  data(drive: OpticalDrive): readonly number[];
}

const PERSISTENT = 0x02;
const CURRENT = 0x01;
const PHYSICAL_INTERFACE_SCSI = 1;
/** Core: INQ2 (INQUIRY as SPC-2 and later have it), DBE (device busy events). [MMC-6] 5.3.2. */
const INQ2_DBE = 0x03;
/** Morphing: OCEvent. [MMC-6] 5.3.3. */
const OPERATIONAL_CHANGE_EVENTS = 0x02;
/** Removable medium: tray, loads, ejects, unlocked at power on, lockable. [MMC-6] 5.3.4. */
const TRAY_LOAD_EJECT_LOCK = 0x39;
/** Blocks that a drive reads at once: one of a CD, an ECC block of 16 on a DVD. [MMC-6] 5.3.8. */
const BLOCKING_CD = 1;
const BLOCKING_DVD = 16;
const ERROR_RECOVERY_PAGE_PRESENT = 0x01;
/** Real-time streaming: SET CD SPEED is there. [MMC-6] 5.3.36. */
const SET_CD_SPEED_SUPPORTED = 0x08;

const PROFILES = [PROFILE_DVD_ROM, PROFILE_CD_ROM] as const;

/** The features, in ascending order of their codes. [MMC-6] 5.3. */
const FEATURES: readonly Feature[] = [
  {
    code: FEATURE_PROFILE_LIST,
    version: 0,
    persistent: true,
    data: (drive) => PROFILES.flatMap((code) => [...field16(code), drive.profile === code ? CURRENT : 0, 0]),
  },
  {
    code: FEATURE_CORE,
    version: 2,
    persistent: true,
    data: () => [...field32(PHYSICAL_INTERFACE_SCSI), INQ2_DBE, 0, 0, 0],
  },
  { code: FEATURE_MORPHING, version: 1, persistent: true, data: () => [OPERATIONAL_CHANGE_EVENTS, 0, 0, 0] },
  { code: FEATURE_REMOVABLE_MEDIUM, version: 2, persistent: true, data: () => [TRAY_LOAD_EJECT_LOCK, 0, 0, 0] },
  {
    code: FEATURE_RANDOM_READABLE,
    version: 0,
    profiles: PROFILES,
    data: ({ profile }) => [
      ...field32(OPTICAL_BLOCK_SIZE),
      ...field16(profile === PROFILE_CD_ROM ? BLOCKING_CD : BLOCKING_DVD),
      ERROR_RECOVERY_PAGE_PRESENT,
      0,
    ],
  },
  { code: FEATURE_CD_READ, version: 2, profiles: [PROFILE_CD_ROM], data: () => [0, 0, 0, 0] },
  { code: FEATURE_DVD_READ, version: 1, profiles: [PROFILE_DVD_ROM], data: () => [0, 0, 0, 0] },
  { code: FEATURE_POWER_MANAGEMENT, version: 0, persistent: true, data: () => [] },
  { code: FEATURE_TIMEOUT, version: 1, persistent: true, data: () => [0, 0, 0, 0] },
  {
    code: FEATURE_REAL_TIME_STREAMING,
    version: 3,
    profiles: PROFILES,
    data: () => [SET_CD_SPEED_SUPPORTED, 0, 0, 0],
  },
  { code: FEATURE_SERIAL_NUMBER, version: 0, persistent: true, data: ({ identity }) => serialNumber(identity.serial) },
];

/** RT field: which features. [MMC-6] 6.5.2. */
const RETURN_ALL = 0;
const RETURN_ONE = 2;
const RETURN_TYPE = 0x03;
const HEADER_AFTER_LENGTH = 4;

/** GET CONFIGURATION. [MMC-6] 6.5. */
export function getConfiguration(drive: OpticalDrive, task: ScsiTask) {
  const which = cdb8(task, 1) & RETURN_TYPE;
  const from = cdb16(task, 2);
  if (which > RETURN_ONE) return checkCondition(task, INVALID_FIELD_IN_CDB);
  const features = FEATURES.filter((feature) => {
    if (which === RETURN_ONE) return feature.code === from;
    return feature.code >= from && (which === RETURN_ALL || isCurrent(feature, drive));
  }).flatMap((feature) => descriptor(feature, drive));
  const data = [...field32(HEADER_AFTER_LENGTH + features.length), 0, 0, ...field16(drive.profile), ...features];
  answerWith(task, Uint8Array.from(data), cdb16(task, 7));
}

function isCurrent({ persistent, profiles }: Feature, { profile }: OpticalDrive): boolean {
  return persistent === true || (profile !== PROFILE_NONE && profiles?.includes(profile) === true);
}

/** Feature descriptor. The profile list is current with or without a disc. [MMC-6] 5.2.2. */
function descriptor(feature: Feature, drive: OpticalDrive): number[] {
  const data = feature.data(drive);
  const flags = (feature.persistent ? PERSISTENT : 0) | (isCurrent(feature, drive) ? CURRENT : 0);
  return [...field16(feature.code), (feature.version << 2) | flags, data.length, ...data];
}

/** ASCII, padded with spaces to a multiple of four; a descriptor has room for 252 bytes. */
function serialNumber(serial: string): number[] {
  const text = serial.slice(0, 252);
  return [...text.padEnd(Math.ceil(text.length / 4) * 4)].map((character) => character.charCodeAt(0) & 0x7f);
}
