import { endianness } from "node:os";
import { getSystemErrorName } from "node:util";
import type { Log } from "../core/log.ts";
import { type Libc, loadLibc } from "./libc.ts";

// <bits/socket.h>
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const MSG_NOSIGNAL = 0x4000;
const FAMILY_LENGTH = 2;
/** Bytes of a Unix socket's path. unix(7). */
const PATH_MAX = 108;
const MICROSECONDS_PER_MILLISECOND = 1_000;
/** A watchdog is told twice in its time. sd_watchdog_enabled(3). */
const TELLS_PER_WATCHDOG = 2;

/**
 * Whoever started us as a service and wants to know how we are: systemd, or what speaks like it. sd_notify(3). Without
 * one everything here does nothing.
 */
export class ServiceManager {
  readonly #send: ((state: string) => void) | undefined;
  readonly #watchdog: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(send: ((state: string) => void) | undefined, watchdog: number | undefined) {
    this.#send = send;
    this.#watchdog = watchdog;
  }

  /** The one that the environment names, which is taken out of it: it's no business of our children. */
  static fromEnvironment(log: Log): ServiceManager {
    const { NOTIFY_SOCKET: path, WATCHDOG_USEC: microseconds, WATCHDOG_PID: pid } = process.env;
    for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete process.env[name];
    if (path === undefined) return new ServiceManager(undefined, undefined);
    const watched = microseconds !== undefined && (pid ?? `${process.pid}`) === `${process.pid}`;
    const milliseconds = Number(microseconds) / MICROSECONDS_PER_MILLISECOND / TELLS_PER_WATCHDOG;
    return new ServiceManager(sender(path, log), watched && milliseconds >= 1 ? milliseconds : undefined);
  }

  /** We serve. From now on the watchdog is told as long as the event loop turns. @param status one line for people */
  ready(status: string): void {
    this.#tell("READY=1", `STATUS=${status}`);
    if (this.#watchdog === undefined || this.#send === undefined) return;
    this.#timer = setInterval(() => this.#tell("WATCHDOG=1"), this.#watchdog);
    this.#timer.unref();
  }

  /** We end. The watchdog goes on: what takes long may finish, what hangs is ended. */
  stopping(status: string): void {
    this.#tell("STOPPING=1", `STATUS=${status}`);
  }

  /** We have ended: nobody is told anything any more. */
  stopped(): void {
    clearInterval(this.#timer);
  }

  #tell(...state: string[]): void {
    this.#send?.(state.join("\n"));
  }
}

/** What sends to the socket at `path`, "@…" for an abstract one; undefined when it can't be, which the log is told. */
function sender(path: string, log: Log): ((state: string) => void) | undefined {
  const libc = loadLibc(log);
  const address = socketAddress(path);
  if (libc === undefined || address === undefined) {
    log.warn(
      { NOTIFY_SOCKET: path },
      "the service manager can't be told that we serve: use Type=exec instead of notify",
    );
    return undefined;
  }
  const send = datagramSender(libc, address);
  return (state) => {
    const result = send(Buffer.from(state));
    if (result < 0)
      log.warn({ NOTIFY_SOCKET: path, error: getSystemErrorName(result) }, "the service manager is not there");
  };
}

/** `struct sockaddr_un`. unix(7). */
function socketAddress(path: string): Buffer | undefined {
  const abstract = path.startsWith("@");
  if (!abstract && !path.startsWith("/")) return undefined;
  const name = Buffer.from(abstract ? `\0${path.slice(1)}` : `${path}\0`);
  if (name.length > PATH_MAX) return undefined;
  const family = Buffer.alloc(FAMILY_LENGTH);
  if (endianness() === "LE") family.writeUInt16LE(AF_UNIX);
  else family.writeUInt16BE(AF_UNIX);
  return Buffer.concat([family, name]);
}

/** @returns what sends one datagram and tells the bytes sent, or a negative errno */
function datagramSender({ koffi, library }: Libc, address: Buffer): (data: Buffer) => number {
  const bytes = koffi.pointer("uint8_t");
  const socket = library.func("socket", "int", ["int", "int", "int"]);
  const sendto = library.func("sendto", "long", ["int", bytes, "size_t", "int", bytes, "uint32_t"]);
  const fd: number = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const error = fd < 0 ? -koffi.errno() : 0;
  return (data) => {
    if (error < 0) return error;
    const sent: number = sendto(fd, data, data.length, MSG_NOSIGNAL, address, address.length);
    return sent < 0 ? -koffi.errno() : sent;
  };
}
