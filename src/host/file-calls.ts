import { constants as osConstants } from "node:os";
import type { KoffiFunc } from "koffi";
import type { Log } from "../core/log.ts";
import { type Libc, loadLibc } from "./libc.ts";

// <linux/falloc.h>
const KEEP_SIZE = 0x01;
const PUNCH_HOLE = 0x02;
// <linux/fs.h>
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
// <linux/fcntl.h>; the types of locks are those of <asm-generic/fcntl.h>.
const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const F_RDLCK = 0;
const F_WRLCK = 1;
const F_UNLCK = 2;

const EIO = -osConstants.errno.EIO;

type Fallocate = KoffiFunc<(fd: number, mode: number, offset: number, length: number) => number>;
type Seek = (fd: number, offset: number, whence: number) => number;
type Lock = (fd: number, command: number, flock: Flock) => number;

interface Flock {
  type: number;
  whence: number;
  start: number;
  length: number;
  pid: number;
}

let calls: FileCalls | undefined;

/** System calls on open files that Node does not offer. Results are a number from 0 up, or a negative errno. */
export class FileCalls {
  readonly #koffi: Libc["koffi"];
  readonly #fallocate: Fallocate;
  readonly #seek: Seek;
  readonly #lock: Lock;

  private constructor({ koffi, library }: Libc) {
    const flock = koffi.struct({ type: "int16", whence: "int16", start: "int64", length: "int64", pid: "int" });
    this.#koffi = koffi;
    this.#fallocate = library.func("fallocate", "int", ["int", "int", "int64", "int64"]);
    this.#seek = library.func("lseek", "int64", ["int", "int64", "int"]);
    const fcntl = library.func("fcntl", "int", ["int", "int", "..."]);
    const pointer = koffi.inout(koffi.pointer(flock));
    this.#lock = (fd, command, lock) => fcntl(fd, command, pointer, lock);
  }

  /** Undefined where the C library can't be called; the log has been told. */
  static load(log: Log): FileCalls | undefined {
    const libc = loadLibc(log);
    if (libc !== undefined) calls ??= new FileCalls(libc);
    return calls;
  }

  /**
   * Makes a hole, which reads as zeros; a file keeps its size. On another thread: what has many extents takes long.
   * @param done told of the result, never from within the call
   */
  punchHole(fd: number, offset: number, length: number, done: (result: number) => void): void {
    try {
      this.#fallocate.async(fd, PUNCH_HOLE | KEEP_SIZE, offset, length, (error, result) =>
        done(error ? EIO : this.#resultOf(result)),
      );
    } catch {
      // Some hundred calls are under way: this one is made here.
      const result = this.punchHoleNow(fd, offset, length);
      setImmediate(done, result);
    }
  }

  /** The same on this thread. */
  punchHoleNow(fd: number, offset: number, length: number): number {
    return this.#resultOf(this.#fallocate(fd, PUNCH_HOLE | KEEP_SIZE, offset, length));
  }

  /** Offset of the first byte from `offset` on that storage holds; -ENXIO when there is none. */
  nextData(fd: number, offset: number): number {
    return this.#resultOf(this.#seek(fd, offset, SEEK_DATA));
  }

  /** Offset of the first byte from `offset` on that no storage holds, which may be the end of the file. */
  nextHole(fd: number, offset: number): number {
    return this.#resultOf(this.#seek(fd, offset, SEEK_HOLE));
  }

  /** Takes a shared lock on one byte until the file is closed: an open file description's, so within a process too. fcntl(2). */
  lockShared(fd: number, byte: number): number {
    return this.#resultOf(this.#lock(fd, F_OFD_SETLK, oneByte(F_RDLCK, byte)));
  }

  /** Whether somebody else has a lock on a byte: 1, 0, or a negative errno. */
  isLocked(fd: number, byte: number): number {
    const lock = oneByte(F_WRLCK, byte);
    const result = this.#resultOf(this.#lock(fd, F_OFD_GETLK, lock));
    if (result < 0) return result;
    return lock.type === F_UNLCK ? 0 : 1;
  }

  #resultOf(returned: number): number {
    return returned < 0 ? -this.#koffi.errno() : returned;
  }
}

function oneByte(type: number, start: number): Flock {
  return { type, whence: 0, start, length: 1, pid: 0 };
}
