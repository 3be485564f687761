import { constants as osConstants } from "node:os";
import type { KoffiFunc } from "koffi";
import { loadLibc } from "./libc.ts";

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

type Transfer = KoffiFunc<(fd: number, address: number, length: number) => number>;
type Ioctl = KoffiFunc<(fd: number, request: number, argument: number) => number>;
type Poll = KoffiFunc<(list: number, count: number, milliseconds: number) => number>;
type Eventfd = KoffiFunc<(initial: number, flags: number) => number>;

/** The C library can't be called from here; the message says why and what to install. */
export class LibcMissingError extends Error {}

/**
 * System calls for SCSI commands, for workers: each may block. Memory is given by address. Results are a number from 0 up,
 * or a negative errno.
 */
export class SgCalls {
  readonly #errno: () => number;
  readonly #address: (view: Uint8Array) => bigint;
  readonly #read: Transfer;
  readonly #write: Transfer;
  readonly #ioctl: Ioctl;
  readonly #poll: Poll;
  readonly #eventfd: Eventfd;

  /** @throws LibcMissingError */
  constructor() {
    let reason = "";
    const note = (details: object) => {
      if ("reason" in details) reason = String(details.reason);
    };
    const quiet = () => {};
    const libc = loadLibc({ debug: quiet, info: quiet, warn: note, error: quiet });
    if (libc === undefined)
      throw new LibcMissingError(`the C library can't be called (${reason}); "npm install koffi" may help`);
    const { koffi, library } = libc;
    this.#errno = () => koffi.errno();
    this.#address = (view) => koffi.address(view);
    this.#read = library.func("read", "int64", ["int", "uint64", "size_t"]);
    this.#write = library.func("write", "int64", ["int", "uint64", "size_t"]);
    this.#ioctl = library.func("ioctl", "int", ["int", "ulong", "uint64"]);
    this.#poll = library.func("poll", "int", ["uint64", "ulong", "int"]);
    this.#eventfd = library.func("eventfd", "int", ["uint", "int"]);
  }

  /** Address of the first byte of a view: as a number, for addresses of programs end well below 2^53. */
  addressOf(view: Uint8Array): number {
    return Number(this.#address(view));
  }

  read(fd: number, address: number, length: number): number {
    return this.#resultOf(this.#read(fd, address, length));
  }

  write(fd: number, address: number, length: number): number {
    return this.#resultOf(this.#write(fd, address, length));
  }

  ioctl(fd: number, request: number, argument: number): number {
    return this.#resultOf(this.#ioctl(fd, request, argument));
  }

  /** poll(2). @param milliseconds -1 waits as long as it takes */
  poll(list: number, count: number, milliseconds: number): number {
    return this.#resultOf(this.#poll(list, count, milliseconds));
  }

  /** A descriptor that becomes readable when somebody writes to it, and never blocks. */
  eventfd(): number {
    return this.#resultOf(this.#eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  }

  #resultOf(returned: number): number {
    return returned < 0 ? -(this.#errno() || osConstants.errno.EIO) : returned;
  }
}
