import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { constants as osConstants } from "node:os";
import { join } from "node:path";
import type { Log } from "../core/log.ts";
import { FileCalls } from "./file-calls.ts";

const { EAGAIN, EACCES } = osConstants.errno;
const NAME = "lock";

/** A folder that another process has for itself, or that can't be locked. */
export class DirectoryLockError extends Error {
  readonly code = "VSCSI_LOCK";
}

/**
 * Has a folder for one process, as long as that lives: the lock is the kernel's, so that nothing is left behind by one
 * that was killed. The file `lock` stays, and holds the process identifier of whoever had it last.
 */
export class DirectoryLock {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Takes the lock of a folder, which must be there. Where the C library can't be called nothing is locked, and the log
   * has been told.
   * @throws DirectoryLockError
   */
  static take(folder: string, log: Log): DirectoryLock {
    const path = join(folder, NAME);
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    } catch (error) {
      throw new DirectoryLockError(`${path}: can't be opened: ${(error as Error).message}`);
    }
    const result = FileCalls.load(log)?.lockExclusively(fd, 0) ?? 0;
    if (result === -EAGAIN || result === -EACCES) {
      closeSync(fd);
      throw new DirectoryLockError(
        `${folder}: ${holder(path)} has it; stop that daemon, or name another state directory`,
      );
    }
    if (result < 0)
      log.warn({ path, errno: -result }, "the state directory can't be locked here: give it to one daemon only");
    ftruncateSync(fd);
    writeSync(fd, `${process.pid}\n`, 0);
    return new DirectoryLock(fd);
  }

  release(): void {
    closeSync(this.#fd);
  }
}

function holder(path: string): string {
  const text = readFileSync(path, "latin1").slice(0, 16).trim();
  return /^\d+$/.test(text) ? `process ${text}` : "another process";
}
