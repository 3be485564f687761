/** PROTOCOL IDENTIFIER of iSCSI. [SPC-4] 7.6.1. */
const PROTOCOL_ISCSI = 5;
const PROTOCOL_MASK = 0x0f;
const FORMAT_SHIFT = 6;
/** TransportIDs that are not iSCSI's have format 0 and 24 bytes. [SPC-4] 7.6.4. */
const FIXED_LENGTH = 24;
/** iSCSI: name and ISID of an initiator port. Format 0 would name a device, whatever its ports. [SPC-4] 7.6.4.6. */
const FORMAT_ISCSI_PORT = 1;
const ISCSI_HEADER = 4;
/** 223 bytes of name, ",i,0x", twelve digits of ISID, a NUL, made a multiple of four. */
const ISCSI_LENGTH_MAXIMUM = 248;
const ISCSI_PORT_SEPARATOR = ",i,0x";

/**
 * The TransportID of an initiator port that stands at `at`, cut out of what an initiator sent.
 * @returns undefined when there is none, or one that names no single port. [SPC-4] 7.6.4
 */
export function takeTransportId(bytes: Uint8Array, at: number): Uint8Array | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  const format = first >> FORMAT_SHIFT;
  if ((first & PROTOCOL_MASK) !== PROTOCOL_ISCSI) return format === 0 ? cut(bytes, at, FIXED_LENGTH) : undefined;
  const length = ISCSI_HEADER + (((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0));
  if (format !== FORMAT_ISCSI_PORT || length < FIXED_LENGTH || length > ISCSI_LENGTH_MAXIMUM || length % 4 !== 0)
    return undefined;
  const id = cut(bytes, at, length);
  return id !== undefined && id.at(-1) === 0 && iscsiPortName(id).includes(ISCSI_PORT_SEPARATOR) ? id : undefined;
}

export function protocolOf(transportId: Uint8Array): number {
  return (transportId[0] ?? 0) & PROTOCOL_MASK;
}

/** The same text for every way to write one initiator port: padding and the case of an ISID's digits tell nothing. */
export function initiatorPortName(transportId: Uint8Array): string {
  if (protocolOf(transportId) === PROTOCOL_ISCSI) return iscsiPortName(transportId);
  return Array.from(transportId, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function iscsiPortName(transportId: Uint8Array): string {
  const name = transportId.subarray(ISCSI_HEADER);
  const end = name.indexOf(0);
  return new TextDecoder().decode(end < 0 ? name : name.subarray(0, end)).toLowerCase();
}

function cut(bytes: Uint8Array, at: number, length: number): Uint8Array | undefined {
  return at + length <= bytes.length ? bytes.slice(at, at + length) : undefined;
}
