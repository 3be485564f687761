import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

/** Tells one boot of this machine from every other: 16 bytes. Where the kernel does not tell, no two are the same. */
export function bootId(): Uint8Array {
  try {
    const text = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").replaceAll("-", "").trim();
    if (/^[0-9a-f]{32}$/.test(text)) return Uint8Array.from(Buffer.from(text, "hex"));
  } catch {}
  return Uint8Array.from(randomBytes(16));
}
