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

/** What somebody does to a file, and what of others stands against it. */
interface Use {
  readonly ours: readonly number[];
  readonly againstUs: readonly number[];
}

const WRITER: Use = {
  ours: [READS, WRITES, BEARS_NO_WRITES, BEARS_NO_RESIZES],
  againstUs: [WRITES, RESIZES, BEARS_NO_READS, BEARS_NO_WRITES],
};
/** Several of them may read the same file. */
const UNDISTURBED_READER: Use = {
  ours: [READS, BEARS_NO_WRITES, BEARS_NO_RESIZES],
  againstUs: [WRITES, RESIZES, BEARS_NO_READS],
};

const WRITTEN = "is served for writing already; make one of the two read-only";
const READ = "lies below an overlay: it can't be written meanwhile";

/** Files that are claimed in this process, by identity: for writing by one, or undisturbed by so many readers. */
const claimed = new Map<string, { use: Use; count: number }>();
/** Those who have claims, by descriptor. */
const claims = new Map<number, string>();

/**
 * Makes this the only writer of a file: in this process, and among those that lock as QEMU does. The lock ends when the
 * file is closed, or with the process. Where files can't be locked the log is told.
 * @throws StoreOpenError that names the other one, as far as it can be known
 */
export function claimForWriting(file: OpenFile, path: string, log: Log): void {
  claim(file, path, WRITER, log);
}

/** Keeps writers away from a file that is only read, as above. @throws StoreOpenError that names the other one */
export function claimUndisturbed(file: OpenFile, path: string, log: Log): void {
  claim(file, path, UNDISTURBED_READER, log);
}

/** Gives back what was claimed, if anything was. */
export function endClaim({ fd }: OpenFile): void {
  const identity = claims.get(fd);
  const there = identity === undefined ? undefined : claimed.get(identity);
  claims.delete(fd);
  if (identity !== undefined && there !== undefined && --there.count === 0) claimed.delete(identity);
}

function claim({ fd, identity }: OpenFile, path: string, use: Use, log: Log): void {
  const there = claimed.get(identity);
  if (there !== undefined && (there.use === WRITER || use === WRITER))
    throw new StoreOpenError(`${path}: ${there.use === WRITER ? WRITTEN : READ}`, "EBUSY");
  const calls = FileCalls.load(log);
  const locked = calls === undefined ? 0 : lock(calls, fd, use);
  if (locked === 1)
    throw new StoreOpenError(
      `${path}: ${lockHolder(path) ?? "another process"} has locked it; stop that one, or serve the image read-only`,
      "EBUSY",
    );
  if (locked < 0)
    log.warn({ path, error: getSystemErrorName(locked) }, "the file can't be locked: let nobody else write to it");
  claimed.set(identity, { use, count: (there?.count ?? 0) + 1 });
  claims.set(fd, identity);
}

/** @returns 0, 1 when somebody else has the file, or a negative errno. First locks, then looks: of two, at most one goes on. */
function lock(calls: FileCalls, fd: number, { ours, againstUs }: Use): number {
  for (const byte of ours) {
    const result = calls.lockShared(fd, byte);
    if (result < 0) return result;
  }
  for (const byte of againstUs) {
    const result = calls.isLocked(fd, byte);
    if (result !== 0) return result;
  }
  return 0;
}
