import { constants, openSync, readFileSync, readlinkSync, type Stats, statSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { BLKSECTGET, SG_GET_VERSION_NUM } from "../abi/sg.ts";
import type { SgCalls } from "./sg-calls.ts";

/** How commands go to a node: handed over and fetched, or each in a call that waits for its end. */
export type SgInterface = "queue" | "call version 3" | "call version 4";

/** An open node of a SCSI device. */
export interface SgNode {
  readonly fd: number;
  readonly interface: SgInterface;
  /** Bytes of one command's data at most. */
  readonly transferMaximum: number;
}

/** A node that can't be used. */
export class SgNodeError extends Error {
  /** Name of the error number that a system call gave. */
  readonly errno: string | undefined;

  constructor(message: string, errno?: string) {
    super(message);
    this.errno = errno;
  }
}

const VERSION_3 = 30_000;
const SECTOR = 512;
/** What every host adapter of today takes; of a node that does not tell. */
const TRANSFER_FALLBACK = 0x2_0000;
const TRANSFER_MOST = 0x100_0000;

const ADVICE: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "there is no such device; lsscsi -g lists those that are there, and modprobe sg makes /dev/sg*"],
  ["EACCES", "give this user the right to read and write it (group disk, or a udev rule)"],
  ["EPERM", "give this user the right to read and write it, and CAP_SYS_RAWIO"],
  ["EBUSY", "somebody else has it for himself: stop that one"],
  ["ENXIO", "the device is gone"],
  ["ENODEV", "the device is gone"],
]);

/** Opens a node and checks that it takes SCSI commands. @throws SgNodeError */
export function openSgNode(path: string, calls: SgCalls, scratch: ScratchWord): SgNode {
  const stats = statOf(path);
  const way = interfaceOf(path, stats);
  const fd = openNode(path, stats.isBlockDevice());
  const version = scratch.ask((address) => calls.ioctl(fd, SG_GET_VERSION_NUM, address));
  if (version < VERSION_3) throw new SgNodeError(`${path}: takes no SCSI commands: ${reasonOf(version)}`, "ENOTTY");
  const told = scratch.ask((address) => calls.ioctl(fd, BLKSECTGET, address));
  // Of a block device, BLKSECTGET fills an unsigned short with sectors.
  const bytes = way === "queue" ? told : told > 0 ? (told & 0xffff) * SECTOR : told;
  return { fd, interface: way, transferMaximum: bytes > 0 ? Math.min(bytes, TRANSFER_MOST) : TRANSFER_FALLBACK };
}

/** A word of memory for ioctl(2) to answer in. */
export interface ScratchWord {
  /** @returns the word, or the negative errno that `call` gave */
  ask(call: (address: number) => number): number;
}

function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw failed(path, error);
  }
}

function interfaceOf(path: string, stats: Stats): SgInterface {
  if (stats.isBlockDevice()) return "call version 3";
  if (!stats.isCharacterDevice()) throw new SgNodeError(`${path}: is no device; name one such as /dev/sg0`, "ENOTTY");
  const { major, minor } = numbersOf(stats.rdev);
  let subsystem: string;
  try {
    subsystem = readlinkSync(`/sys/dev/char/${major}:${minor}/subsystem`).replace(/^.*\//, "");
  } catch {
    // Without sysfs: sg has a number of its own. Linux, Documentation/admin-guide/devices.txt.
    subsystem = major === SG_MAJOR ? "scsi_generic" : bsgWithoutSysfs(major);
  }
  if (subsystem === "scsi_generic") return "queue";
  if (subsystem === "bsg") return "call version 4";
  throw new SgNodeError(`${path}: is no SCSI device (${subsystem}); name one such as /dev/sg0`, "ENOTTY");
}

const SG_MAJOR = 21;

function bsgWithoutSysfs(major: number): string {
  try {
    return new RegExp(`^ *${major} bsg$`, "m").test(readFileSync("/proc/devices", "utf8")) ? "bsg" : "unknown";
  } catch {
    return "unknown";
  }
}

/** gnu_dev_major(3), gnu_dev_minor(3), for numbers below 2^32. */
function numbersOf(device: number): { major: number; minor: number } {
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}

function openNode(path: string, isBlock: boolean): number {
  const nonBlocking = constants.O_NONBLOCK;
  try {
    return openSync(path, constants.O_RDWR | nonBlocking);
  } catch (error) {
    // A medium that can't be written, in a drive whose commands may all the same be: as root every command goes through.
    if (!isBlock || codeOf(error) !== "EROFS") throw failed(path, error);
  }
  try {
    return openSync(path, constants.O_RDONLY | nonBlocking);
  } catch (error) {
    throw failed(path, error);
  }
}

function failed(path: string, error: unknown): SgNodeError {
  const code = codeOf(error);
  return new SgNodeError(`${path}: can't be opened (${code}): ${ADVICE.get(code) ?? String(error)}`, code);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "EIO";
}

function reasonOf(result: number): string {
  return result < 0 ? getSystemErrorName(result) : `version ${result}`;
}
