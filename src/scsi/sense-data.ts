import { ILLEGAL_REQUEST, NO_SENSE, NOT_READY } from "../abi/scsi.ts";
import type { Sense } from "./sense.ts";

/** What sense data tells besides the sense key and the additional sense code. */
export interface SenseDetail {
  /** INFORMATION: the first LBA that is concerned, or the offset of a miscompare. Sets VALID. [SPC-4] 4.5.2.2. */
  readonly information?: number;
  /** COMMAND-SPECIFIC INFORMATION. [SPC-4] 4.5.2.3. */
  readonly commandSpecific?: number;
  /** Byte of the CDB or of the parameter list that is wrong, from 0; with ILLEGAL REQUEST. [SPC-4] 4.5.2.4.2. */
  readonly fieldPointer?: number;
  /** Most significant bit of the wrong field within that byte, when the field is not whole bytes. */
  readonly bitPointer?: number;
  /** How much of the operation under way is done, 0 to 1; with NO SENSE and NOT READY. [SPC-4] 4.5.2.4.4. */
  readonly progress?: number;
}

/** Bytes of fixed-format sense data. [SPC-4] 4.5.3. */
export const FIXED_SENSE_LENGTH = 18;
/** The most that descriptor-format sense data of ours takes: header, INFORMATION, COMMAND-SPECIFIC, SENSE KEY SPECIFIC. */
export const SENSE_LENGTH_MOST = 8 + 12 + 12 + 8;

const CURRENT_FIXED = 0x70;
const CURRENT_DESCRIPTOR = 0x72;
const VALID = 0x80;
const DESCRIPTOR_HEADER = 8;
/** Additional sense code of INVALID FIELD IN PARAMETER LIST: the field pointer does not point into the CDB. */
const ASC_PARAMETER_LIST = 0x26;
const MOST_32 = 0xffff_ffff;
const MOST_16 = 0xffff;

// Sense key specific bytes. [SPC-4] 4.5.2.4.
const SKSV = 0x80;
const IN_CDB = 0x40;
const BIT_POINTER_VALID = 0x08;

// Sense data descriptors: type, additional length. [SPC-4] 4.5.2.
const INFORMATION = [0x00, 0x0a] as const;
const COMMAND_SPECIFIC = [0x01, 0x0a] as const;
const SENSE_KEY_SPECIFIC = [0x02, 0x06] as const;

/**
 * Writes sense data at the start of `bytes` and returns how many bytes it is.
 * @param bytes room for SENSE_LENGTH_MOST
 * @param descriptor descriptor format [SPC-4] 4.5.2, else fixed format [SPC-4] 4.5.3
 */
export function writeSense(bytes: Uint8Array, descriptor: boolean, what: Sense, detail?: SenseDetail): number {
  return descriptor ? writeDescriptor(bytes, what, detail) : writeFixed(bytes, what, detail);
}

function writeFixed(bytes: Uint8Array, what: Sense, detail: SenseDetail | undefined): number {
  bytes.fill(0, 0, FIXED_SENSE_LENGTH);
  bytes[0] = CURRENT_FIXED;
  bytes[2] = what.key;
  bytes[7] = FIXED_SENSE_LENGTH - 8;
  bytes[12] = what.asc;
  bytes[13] = what.ascq;
  if (detail === undefined) return FIXED_SENSE_LENGTH;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const { information, commandSpecific } = detail;
  // What needs more than its four bytes is not told: VALID stays 0. [SPC-4] 4.5.3.
  if (information !== undefined && information <= MOST_32) {
    bytes[0] = VALID | CURRENT_FIXED;
    view.setUint32(3, information);
  }
  if (commandSpecific !== undefined) view.setUint32(8, Math.min(commandSpecific, MOST_32));
  writeKeySpecific(view, 15, what, detail);
  return FIXED_SENSE_LENGTH;
}

function writeDescriptor(bytes: Uint8Array, what: Sense, detail: SenseDetail | undefined): number {
  bytes.fill(0, 0, SENSE_LENGTH_MOST);
  bytes[0] = CURRENT_DESCRIPTOR;
  bytes[1] = what.key;
  bytes[2] = what.asc;
  bytes[3] = what.ascq;
  const end = detail === undefined ? DESCRIPTOR_HEADER : writeDescriptors(bytes, what, detail);
  bytes[7] = end - DESCRIPTOR_HEADER;
  return end;
}

function writeDescriptors(bytes: Uint8Array, what: Sense, detail: SenseDetail): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let at = DESCRIPTOR_HEADER;
  if (detail.information !== undefined) {
    bytes.set(INFORMATION, at);
    bytes[at + 2] = VALID;
    view.setBigUint64(at + 4, BigInt(detail.information));
    at += 12;
  }
  if (detail.commandSpecific !== undefined) {
    bytes.set(COMMAND_SPECIFIC, at);
    view.setBigUint64(at + 4, BigInt(detail.commandSpecific));
    at += 12;
  }
  if (writeKeySpecific(view, at + 4, what, detail)) {
    bytes.set(SENSE_KEY_SPECIFIC, at);
    at += 8;
  }
  return at;
}

/** Field pointer or progress indication, as the sense key has it. @returns false when there is neither */
function writeKeySpecific(view: DataView, at: number, { key, asc }: Sense, detail: SenseDetail): boolean {
  const { fieldPointer, bitPointer, progress } = detail;
  if (key === ILLEGAL_REQUEST && fieldPointer !== undefined) {
    const bit = bitPointer === undefined ? 0 : BIT_POINTER_VALID | bitPointer;
    view.setUint8(at, SKSV | (asc === ASC_PARAMETER_LIST ? 0 : IN_CDB) | bit);
    view.setUint16(at + 1, Math.min(fieldPointer, MOST_16));
    return true;
  }
  if ((key === NOT_READY || key === NO_SENSE) && progress !== undefined) {
    view.setUint8(at, SKSV);
    view.setUint16(at + 1, Math.min(Math.floor(progress * (MOST_16 + 1)), MOST_16));
    return true;
  }
  return false;
}
