/** A WRITE ATOMIC that has begun: kept until the medium has all of it, so that a crash leaves all or nothing. */
export interface AtomicWriteIntent {
  /** Names the medium: what is left of a write is never done to another one. */
  readonly medium: string;
  /** Byte of the medium. */
  readonly offset: number;
  readonly data: Uint8Array;
}

/** Under which name a unit's state keeps the intent; no bytes when there is none. */
export const INTENT_NAME = "atomic-write";
export const NO_INTENT = new Uint8Array();

const VERSION = 1;
// Version, 3 bytes of nothing, length of the medium's name, offset.
const NAME_LENGTH = 4;
const OFFSET = 8;
const HEADER = 16;

export function encodeIntent({ medium, offset, data }: AtomicWriteIntent): Uint8Array {
  const name = new TextEncoder().encode(medium);
  const bytes = new Uint8Array(HEADER + name.length + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, VERSION);
  view.setUint32(NAME_LENGTH, name.length);
  view.setBigUint64(OFFSET, BigInt(offset));
  bytes.set(name, HEADER);
  bytes.set(data, HEADER + name.length);
  return bytes;
}

/** @returns undefined for what `encodeIntent` did not make */
export function decodeIntent(bytes: Uint8Array): AtomicWriteIntent | undefined {
  if (bytes.length < HEADER || bytes[0] !== VERSION) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = HEADER + view.getUint32(NAME_LENGTH);
  const offset = view.getBigUint64(OFFSET);
  if (end >= bytes.length || offset > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  const medium = new TextDecoder().decode(bytes.subarray(HEADER, end));
  return { medium, offset: Number(offset), data: bytes.slice(end) };
}
