import { FORMAT_UNIT, SANITIZE } from "../../../abi/scsi.ts";

/** What a SANITIZE or FORMAT UNIT command does to every logical block of the medium. */
export interface Erasure {
  /** Operation code of the command. */
  readonly opcode: typeof SANITIZE | typeof FORMAT_UNIT;
  /** Repeated from the start of each logical block, cut at its end: 1 byte to one block. */
  readonly pattern: Uint8Array;
  /** Times that the medium is overwritten, 1 to 31. */
  readonly passes: number;
  /** Every other pass writes the pattern's complement. */
  readonly invert: boolean;
  /** AUSE: an initiator may leave the failure mode by EXIT FAILURE MODE. [SBC-3] 5.21.1 */
  readonly unrestrictedExit: boolean;
  /** The blocks need not be written where the store can let go of them and then reads zeros. */
  readonly deallocate: boolean;
  /** Names the medium: what is left of an erasure is never done to another one. */
  readonly medium: string;
}

/** Most passes of an OVERWRITE: OVERWRITE COUNT has five bits. [SBC-3] 5.21.2. */
export const PASSES_MOST = 31;

/** An erasure as it is kept across restarts of the daemon. */
export interface ErasureRecord {
  readonly erasure: Erasure;
  /** It has failed; otherwise it is still to be done. */
  readonly failed: boolean;
}

const VERSION = 1;
const HEADER = 8;
const INVERT = 0x01;
const UNRESTRICTED_EXIT = 0x02;
const DEALLOCATE = 0x04;
const FAILED = 0x08;

export function encodeRecord({ erasure, failed }: ErasureRecord): Uint8Array {
  const { opcode, pattern, passes, invert, unrestrictedExit, deallocate } = erasure;
  const medium = new TextEncoder().encode(erasure.medium);
  const flags =
    (invert ? INVERT : 0) |
    (unrestrictedExit ? UNRESTRICTED_EXIT : 0) |
    (deallocate ? DEALLOCATE : 0) |
    (failed ? FAILED : 0);
  const bytes = new Uint8Array(HEADER + pattern.length + medium.length);
  bytes.set([VERSION, opcode, passes, flags]);
  new DataView(bytes.buffer).setUint32(4, pattern.length);
  bytes.set(pattern, HEADER);
  bytes.set(medium, HEADER + pattern.length);
  return bytes;
}

/** @returns undefined for what `encodeRecord` did not make for a medium of such blocks */
export function decodeRecord(bytes: Uint8Array, blockSize: number): ErasureRecord | undefined {
  if (bytes.length <= HEADER) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [version, opcode, passes = 0, flags = 0] = bytes;
  const length = view.getUint32(4);
  if (version !== VERSION || (opcode !== SANITIZE && opcode !== FORMAT_UNIT)) return undefined;
  if (passes < 1 || passes > PASSES_MOST) return undefined;
  if (length < 1 || length > blockSize || length > bytes.length - HEADER) return undefined;
  const erasure: Erasure = {
    opcode,
    pattern: bytes.slice(HEADER, HEADER + length),
    medium: new TextDecoder().decode(bytes.subarray(HEADER + length)),
    passes,
    invert: (flags & INVERT) !== 0,
    unrestrictedExit: (flags & UNRESTRICTED_EXIT) !== 0,
    deallocate: (flags & DEALLOCATE) !== 0,
  };
  return { erasure, failed: (flags & FAILED) !== 0 };
}
