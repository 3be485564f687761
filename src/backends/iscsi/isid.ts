import { createHash } from "node:crypto";
import { ISID_LENGTH } from "../../abi/iscsi.ts";

/** T field 10b: whoever makes it picks it at random. [RFC 7143] 11.12.5. */
const TYPE_RANDOM = 0x80;
const TRIES_MAXIMUM = 0x1_0000;

/** Those of this process's sessions. */
const taken = new Set<string>();

/**
 * The initiator's half of a session's name, for the session of a unit. It is always the same one for the same place, so that a daemon
 * that comes back takes its old session's place at the target ([RFC 7143] 6.3.5) and finds its registrations for
 * persistent reservations; two units at one place get two.
 */
export function claimIsid(place: string): Uint8Array {
  for (let count = 0; count < TRIES_MAXIMUM; count++) {
    const digest = createHash("sha256").update(`${count} ${place}`).digest();
    const isid = new Uint8Array(ISID_LENGTH);
    isid.set(digest.subarray(0, ISID_LENGTH - 1), 1);
    isid[0] = TYPE_RANDOM;
    const name = Buffer.from(isid).toString("hex");
    if (taken.has(name)) continue;
    taken.add(name);
    return isid;
  }
  throw new Error(`no session identifier is left for ${place}`);
}

export function releaseIsid(isid: Uint8Array): void {
  taken.delete(Buffer.from(isid).toString("hex"));
}
