import { FRAMES_PER_SECOND, PRE_GAP_FRAMES, SECONDS_PER_MINUTE } from "../../abi/mmc.ts";

const FRAMES_PER_MINUTE = SECONDS_PER_MINUTE * FRAMES_PER_SECOND;
/** FF:3B:4A, the last address that MSF can tell: what lies behind it is told as this. [MMC-6] 6.25.3.2. */
const LAST_FRAME = 256 * FRAMES_PER_MINUTE - 1;

/** Address of a logical block in a four-byte field: reserved, minute, second, frame. */
export function msfField(block: number): number[] {
  const frame = Math.min(block + PRE_GAP_FRAMES, LAST_FRAME);
  const second = Math.floor(frame / FRAMES_PER_SECOND);
  return [0, Math.floor(second / SECONDS_PER_MINUTE), second % SECONDS_PER_MINUTE, frame % FRAMES_PER_SECOND];
}

/** Logical block at minute, second, frame; negative in the pre-gap, undefined when that is no address. */
export function blockAtMsf(minute: number, second: number, frame: number): number | undefined {
  if (second >= SECONDS_PER_MINUTE || frame >= FRAMES_PER_SECOND) return undefined;
  return (minute * SECONDS_PER_MINUTE + second) * FRAMES_PER_SECOND + frame - PRE_GAP_FRAMES;
}

/** Big-endian field of four bytes. */
export function field32(value: number): number[] {
  return [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

/** Big-endian field of two bytes. */
export function field16(value: number): number[] {
  return [(value >> 8) & 0xff, value & 0xff];
}

/** Address of a logical block in a four-byte field, as the MSF bit of a CDB asks for it. */
export function addressField(block: number, msf: boolean): number[] {
  return msf ? msfField(block) : field32(block);
}
