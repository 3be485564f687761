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
  CAPABILITIES_FLAGS,
  CAPABILITIES_LIST,
  CAPABILITIES_LIST_SUPPORTED,
  CAPABILITIES_NAME,
  CAPABILITIES_NAME_LENGTH,
  CAPABILITY_HEADER_LENGTH,
  CAPABILITY_LENGTH,
  CAPABILITY_RESERVATION,
  CAPABILITY_RESERVATION_LENGTH,
  CAPABILITY_SERVER_SUPPORT,
  CAPABILITY_TYPE,
  RESERVATION_CLIENT,
} from "../abi/mad.ts";

/** Version of SRP and of MADs that both sides speak. */
const SRP_VERSION = "16.a";
const MAD_VERSION = 1;

/** What a client told of itself in its adapter information. */
export interface ClientIdentity {
  srpVersion: string;
  partitionName: string;
  partitionNumber: number;
  /** OS_TYPE_* of src/abi/mad.ts. */
  osType: number;
}

/** What we tell of ourselves. */
export interface ServerIdentity {
  partitionName: string;
  partitionNumber: number;
  osType: number;
  /** Bytes. */
  maxTransfer: number;
}

/** Reads a client's adapter information (148 bytes, or as much as came). */
export function readAdapterInfo(info: DataView): ClientIdentity {
  return {
    srpVersion: text(info, ADAPTER_INFO_SRP_VERSION, ADAPTER_INFO_SRP_VERSION_LENGTH),
    partitionName: text(info, ADAPTER_INFO_PARTITION_NAME, ADAPTER_INFO_PARTITION_NAME_LENGTH),
    partitionNumber: info.getUint32(ADAPTER_INFO_PARTITION_NUMBER),
    osType: info.getUint32(ADAPTER_INFO_OS_TYPE),
  };
}

/** Writes our adapter information over the client's. */
export function writeAdapterInfo(info: DataView, server: ServerIdentity): void {
  for (let at = 0; at < ADAPTER_INFO_LENGTH; at++) info.setUint8(at, 0);
  setText(info, ADAPTER_INFO_SRP_VERSION, SRP_VERSION, ADAPTER_INFO_SRP_VERSION_LENGTH);
  setText(info, ADAPTER_INFO_PARTITION_NAME, server.partitionName, ADAPTER_INFO_PARTITION_NAME_LENGTH);
  info.setUint32(ADAPTER_INFO_PARTITION_NUMBER, server.partitionNumber);
  info.setUint32(ADAPTER_INFO_MAD_VERSION, MAD_VERSION);
  info.setUint32(ADAPTER_INFO_OS_TYPE, server.osType);
  info.setUint32(ADAPTER_INFO_MAX_TRANSFER, server.maxTransfer);
}

/**
 * Answers a capabilities buffer in place: our name, and what we support of the list: RESERVE and RELEASE.
 * @returns false when the list does not walk (an entry of no length, or beyond the end): the MAD has failed
 */
export function answerCapabilities(buffer: DataView, adapterName: string): boolean {
  let unsupported = false;
  for (let at = CAPABILITIES_LIST; at < buffer.byteLength; ) {
    if (at + CAPABILITY_HEADER_LENGTH > buffer.byteLength) return false;
    const length = buffer.getUint16(at + CAPABILITY_LENGTH);
    if (length < CAPABILITY_HEADER_LENGTH || at + length > buffer.byteLength) return false;
    const supported = isReservation(buffer, at, length);
    buffer.setUint16(at + CAPABILITY_SERVER_SUPPORT, supported ? 1 : 0);
    if (!supported) unsupported = true;
    at += length;
  }
  if (unsupported)
    buffer.setUint32(CAPABILITIES_FLAGS, buffer.getUint32(CAPABILITIES_FLAGS) & ~CAPABILITIES_LIST_SUPPORTED);
  setText(buffer, CAPABILITIES_NAME, adapterName, CAPABILITIES_NAME_LENGTH);
  return true;
}

/** True for the kind of reservation that our logical units know. */
function isReservation(buffer: DataView, at: number, length: number): boolean {
  return (
    length >= CAPABILITY_RESERVATION_LENGTH &&
    buffer.getUint32(at + CAPABILITY_TYPE) === CAPABILITY_RESERVATION &&
    buffer.getUint32(at + CAPABILITY_HEADER_LENGTH) === RESERVATION_CLIENT
  );
}

function text(view: DataView, at: number, length: number): string {
  let result = "";
  for (let index = 0; index < length; index++) {
    const byte = view.getUint8(at + index);
    if (byte === 0) break;
    // A hostile name must not reach a terminal or a log as control characters.
    result += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "?";
  }
  return result;
}

function setText(view: DataView, at: number, value: string, length: number): void {
  for (let index = 0; index < length; index++)
    view.setUint8(at + index, index < length - 1 && index < value.length ? value.charCodeAt(index) & 0x7f : 0);
}
