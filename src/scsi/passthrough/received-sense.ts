import { UNIT_ATTENTION } from "../../abi/scsi.ts";
import type { Sense } from "../sense.ts";

/** Conditions that were seen, so that the same one is the same object: lists of pending ones look for it. */
const known = new Map<number, Sense>();

/** The unit attention condition that a device's sense data tell; undefined when they tell something else. [SPC-4] 4.5. */
export function unitAttentionIn(sense: Uint8Array, length: number): Sense | undefined {
  const descriptors = ((sense[0] ?? 0) & 0x7f) >= 0x72;
  const key = sense[descriptors ? 1 : 2] ?? 0;
  if ((key & 0xf) !== UNIT_ATTENTION || length < (descriptors ? 4 : 14)) return undefined;
  const asc = sense[descriptors ? 2 : 12] ?? 0;
  const ascq = sense[descriptors ? 3 : 13] ?? 0;
  const code = (asc << 8) | ascq;
  let condition = known.get(code);
  if (condition === undefined) {
    condition = { key: UNIT_ATTENTION, asc, ascq, name: `UNIT ATTENTION ${code.toString(16).padStart(4, "0")}` };
    known.set(code, condition);
  }
  return condition;
}
