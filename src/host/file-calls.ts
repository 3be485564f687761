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
/** Of preadv2: what would have to wait for the disk is not read. <linux/fs.h> */
const RWF_NOWAIT = 8;
// <linux/fcntl.h>; the types of locks are those of <asm-generic/fcntl.h>.
const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const F_RDLCK = 0;
const F_WRLCK = 1;
const F_UNLCK = 2;

const EIO = -osConstants.errno.EIO;
const TWO_TO_32 = 0x1_0000_0000;

type Fallocate = KoffiFunc<(fd: number, mode: number, offset: number, length: number) => number>;
type Seek = (fd: number, offset: number, whence: number) => number;
type ReadVector = (fd: number, vector: number, count: number, offset: number, flags: number) => number;
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
  readonly #readVector: ReadVector;
  /** A struct iovec: address and length, 64 bits each. */
  readonly #vector = new Uint32Array(new ArrayBuffer(16));
  readonly #vectorAddress: number;
  /** Whose bytes are read to, and where they are in this process. */
  #target: Uint8Array | undefined;
  #targetAddress = 0;

  private constructor({ koffi, library }: Libc) {
    const flock = koffi.struct({ type: "int16", whence: "int16", start: "int64", length: "int64", pid: "int" });
    this.#koffi = koffi;
    this.#fallocate = library.func("fallocate", "int", ["int", "int", "int64", "int64"]);
    this.#seek = library.func("lseek", "int64", ["int", "int64", "int"]);
    const fcntl = library.func("fcntl", "int", ["int", "int", "..."]);
    const pointer = koffi.inout(koffi.pointer(flock));
    this.#lock = (fd, command, lock) => fcntl(fd, command, pointer, lock);
    this.#readVector = library.func("preadv2", "int64", ["int", "size_t", "int", "int64", "int"]);
    this.#vectorAddress = Number(koffi.address(this.#vector));
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

  /**
   * Reads what is in the page cache. No slower than Node's own call.
   * @param target bytes that stay where they are, as those of linear memory do
   * @returns how many bytes came; -EAGAIN when the first one would have to come from the disk, -EOPNOTSUPP where the file
   *   system can't tell
   */
  readCached(fd: number, target: Uint8Array, at: number, length: number, offset: number): number {
    if (this.#target !== target) {
      this.#target = target;
      this.#targetAddress = Number(this.#koffi.address(target));
    }
    const address = this.#targetAddress + at;
    this.#vector[0] = address % TWO_TO_32;
    this.#vector[1] = Math.floor(address / TWO_TO_32);
    this.#vector[2] = length;
    return this.#resultOf(this.#readVector(fd, this.#vectorAddress, 1, offset, RWF_NOWAIT));
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

  /** Takes a lock on one byte that nobody else may have any lock on, until the file is closed. */
  lockExclusively(fd: number, byte: number): number {
    return this.#resultOf(this.#lock(fd, F_OFD_SETLK, oneByte(F_WRLCK, byte)));
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
