import {
  ADAPTER_INFO_LENGTH,
  ADAPTER_INFO_MAD_VERSION,
  ADAPTER_INFO_MAX_TRANSFER,
  ADAPTER_INFO_OS_TYPE,
  ADAPTER_INFO_PARTITION_NAME,
  ADAPTER_INFO_PARTITION_NAME_LENGTH,
  ADAPTER_INFO_PARTITION_NUMBER,
  ADAPTER_INFO_SRP_VERSION,
  ADAPTER_INFO_SRP_VERSION_LENGTH,
  CAPABILITIES_CLIENT_MIGRATED,
  CAPABILITIES_FLAGS,
  CAPABILITIES_LIST,
  CAPABILITIES_LIST_SUPPORTED,
  CAPABILITIES_LOCATION,
  CAPABILITIES_LOCATION_LENGTH,
  CAPABILITIES_NAME,
  CAPABILITIES_NAME_LENGTH,
  CAPABILITY_HEADER_LENGTH,
  CAPABILITY_LENGTH,
  CAPABILITY_SERVER_SUPPORT,
  CAPABILITY_TYPE,
} from "../abi/mad.ts";

/** A MAD to send. [LoPAR] app_virtual_scsi, VSCSI Message Formats. */
export interface MadRequest {
  readonly type: number;
  /** What goes into the length field when it is not the buffer's length, or the MAD's own without one. */
  readonly length?: number;
  /** Bytes behind the 16-byte header; left out for a MAD with a buffer, whose IOBA comes there. */
  readonly body?: Uint8Array;
  /** Contents of the buffer that the MAD points to. */
  readonly buffer?: Uint8Array;
}

export interface MadAnswer {
  /** One of MAD_SUCCESS, MAD_NOT_SUPPORTED, MAD_FAILED. */
  readonly status: number;
  /** The buffer as the server left it. */
  readonly buffer: Uint8Array;
}

/** Both sides' answer to "who are you". */
export interface AdapterInfo {
  readonly srpVersion: string;
  readonly partitionName: string;
  readonly partitionNumber: number;
  readonly madVersion: number;
  readonly osType: number;
  readonly maxTransfer: number;
}

/** Capability entries: type, level or reserve type; each is 12 bytes. */
const CAPABILITY_MIGRATION = 1;
const CAPABILITY_RESERVATION = 2;
const CAPABILITY_BYTES = 12;
const CAPABILITY_ENTRIES: readonly (readonly [type: number, level: number])[] = [
  [CAPABILITY_MIGRATION, 1],
  [CAPABILITY_RESERVATION, 1],
];

export function writeAdapterInfo(info: AdapterInfo): Uint8Array {
  const bytes = new Uint8Array(ADAPTER_INFO_LENGTH);
  const view = new DataView(bytes.buffer);
  writeText(bytes, ADAPTER_INFO_SRP_VERSION, ADAPTER_INFO_SRP_VERSION_LENGTH, info.srpVersion);
  writeText(bytes, ADAPTER_INFO_PARTITION_NAME, ADAPTER_INFO_PARTITION_NAME_LENGTH, info.partitionName);
  view.setUint32(ADAPTER_INFO_PARTITION_NUMBER, info.partitionNumber);
  view.setUint32(ADAPTER_INFO_MAD_VERSION, info.madVersion);
  view.setUint32(ADAPTER_INFO_OS_TYPE, info.osType);
  view.setUint32(ADAPTER_INFO_MAX_TRANSFER, info.maxTransfer);
  return bytes;
}

export function readAdapterInfo(bytes: Uint8Array): AdapterInfo {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    srpVersion: readText(bytes, ADAPTER_INFO_SRP_VERSION, ADAPTER_INFO_SRP_VERSION_LENGTH),
    partitionName: readText(bytes, ADAPTER_INFO_PARTITION_NAME, ADAPTER_INFO_PARTITION_NAME_LENGTH),
    partitionNumber: view.getUint32(ADAPTER_INFO_PARTITION_NUMBER),
    madVersion: view.getUint32(ADAPTER_INFO_MAD_VERSION),
    osType: view.getUint32(ADAPTER_INFO_OS_TYPE),
    maxTransfer: view.getUint32(ADAPTER_INFO_MAX_TRANSFER),
  };
}

/** What Linux asks for: migration and client reserve. */
export function writeCapabilities(name: string, location: string, migrated: boolean): Uint8Array {
  const bytes = new Uint8Array(CAPABILITIES_LIST + CAPABILITY_ENTRIES.length * CAPABILITY_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(CAPABILITIES_FLAGS, CAPABILITIES_LIST_SUPPORTED | (migrated ? CAPABILITIES_CLIENT_MIGRATED : 0));
  writeText(bytes, CAPABILITIES_NAME, CAPABILITIES_NAME_LENGTH, name);
  writeText(bytes, CAPABILITIES_LOCATION, CAPABILITIES_LOCATION_LENGTH, location);
  for (const [index, [type, level]] of CAPABILITY_ENTRIES.entries()) {
    const entry = CAPABILITIES_LIST + index * CAPABILITY_BYTES;
    view.setUint32(entry + CAPABILITY_TYPE, type);
    view.setUint16(entry + CAPABILITY_LENGTH, CAPABILITY_BYTES);
    view.setUint16(entry + CAPABILITY_SERVER_SUPPORT, 1);
    view.setUint32(entry + CAPABILITY_HEADER_LENGTH, level);
  }
  return bytes;
}

/** NUL-terminated, cut to the field. */
function writeText(bytes: Uint8Array, at: number, length: number, text: string): void {
  bytes.set(new TextEncoder().encode(text).subarray(0, length - 1), at);
}

function readText(bytes: Uint8Array, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(field.subarray(0, end < 0 ? length : end));
}
