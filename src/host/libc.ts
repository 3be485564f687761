import { createRequire } from "node:module";
import type { LibraryHandle } from "koffi";
import type { Log } from "../core/log.ts";

type Koffi = typeof import("koffi");

/** The C library of this process, for the few system calls that Node does not offer. */
export interface Libc {
  readonly koffi: Koffi;
  readonly library: LibraryHandle;
}

/** Undefined before the first need; null when it can't be had. */
let libc: Libc | null | undefined;

/**
 * The C library, loaded at the first need of it. Undefined where it can't be called, which the log is told once: everything
 * must go on without it.
 */
export function loadLibc(log: Log): Libc | undefined {
  if (libc === undefined) libc = load(log);
  return libc ?? undefined;
}

function load(log: Log): Libc | null {
  try {
    const koffi: Koffi = createRequire(import.meta.url)("koffi");
    // The structures and the widths of off_t that we declare are those of 64-bit Linux.
    if (process.platform !== "linux" || koffi.sizeof("long") !== 8) throw new Error("this is not 64-bit Linux");
    return { koffi, library: koffi.load(null) };
  } catch (error) {
    const [reason] = String(error).split("\n");
    log.warn(
      { reason },
      'the C library can\'t be called: files give no storage back and are not locked; "npm install koffi" may help',
    );
    return null;
  }
}
