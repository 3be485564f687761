import { getSystemErrorName } from "node:util";
import type { Log } from "../core/log.ts";
import { FileCalls } from "../host/file-calls.ts";
import { lockHolder } from "../host/lock-holder.ts";
import { type OpenFile, StoreOpenError } from "./open-file.ts";

// The bytes by which QEMU's processes tell each other what they do to an image (100 and up) and what they can't bear of
// others (200 and up), one a permission: consistent read, write, write unchanged, resize. QEMU, block/file-posix.c.
const READS = 100;
const WRITES = 101;
const RESIZES = 103;
const BEARS_NO_READS = 200;
const BEARS_NO_WRITES = 201;
const BEARS_NO_RESIZES = 203;

const OURS = [READS, WRITES, BEARS_NO_WRITES, BEARS_NO_RESIZES];
const AGAINST_US = [WRITES, RESIZES, BEARS_NO_READS, BEARS_NO_WRITES];

/** Files open for writing in this process, by identity. */
const written = new Set<string>();

/**
 * Makes this the only writer of a file: in this process, and among those that lock as QEMU does. The lock ends when the
 * file is closed, or with the process. Where files can't be locked the log is told.
 * @throws StoreOpenError that names the other one, as far as it can be known
 */
export function claimForWriting({ fd, identity }: OpenFile, path: string, log: Log): void {
  if (written.has(identity))
    throw new StoreOpenError(`${path}: is served for writing already; make one of the two read-only`, "EBUSY");
  const calls = FileCalls.load(log);
  const locked = calls === undefined ? 0 : lock(calls, fd);
  if (locked === 1)
    throw new StoreOpenError(
      `${path}: ${lockHolder(path) ?? "another process"} has locked it; stop that one, or serve the image read-only`,
      "EBUSY",
    );
  if (locked < 0)
    log.warn({ path, error: getSystemErrorName(locked) }, "the file can't be locked: let nobody else write to it");
  written.add(identity);
}

/** Gives back what `claimForWriting` took. */
export function endClaim({ identity }: OpenFile): void {
  written.delete(identity);
}

/** @returns 0, 1 when somebody else has the file, or a negative errno. First locks, then looks: of two, at most one goes on. */
function lock(calls: FileCalls, fd: number): number {
  for (const byte of OURS) {
    const result = calls.lockShared(fd, byte);
    if (result < 0) return result;
  }
  for (const byte of AGAINST_US) {
    const result = calls.isLocked(fd, byte);
    if (result !== 0) return result;
  }
  return 0;
}
