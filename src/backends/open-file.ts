import { closeSync, constants, fstatSync, ftruncateSync, openSync, type Stats, statSync } from "node:fs";
import { type BlockDevice, readBlockDevice } from "./block-device.ts";

/** An image or device that can't be served; the message names it and says what to do. */
export class StoreOpenError extends Error {
  readonly code = "VSCSI_STORE";
  /** Name of the error number that a system call would give for it, where one says more than EINVAL. */
  readonly errno: string | undefined;

  constructor(message: string, errno?: string) {
    super(message);
    this.errno = errno;
  }
}

export interface OpenFile {
  readonly fd: number;
  /** Bytes: whole sectors. */
  readonly size: number;
  /** Bytes behind the last whole sector, which are not served. */
  readonly cutOff: number;
  /** Device and inode of the file, or number of the device: what tells two stores on the same bytes apart. */
  readonly identity: string;
  /** Bytes of a block of the file system. */
  readonly blockSize: number;
  /** What a block device can; undefined for a file. */
  readonly device: BlockDevice | undefined;
}

const SECTOR = 512;

/** What the person can do about it, by errno. */
const ADVICE: ReadonlyMap<string, (path: string) => string> = new Map<string, (path: string) => string>([
  ["ENOENT", (path) => `make it first, for example: truncate -s 1G ${path}`],
  ["EACCES", () => "serve it read-only, or give this user the right to write"],
  ["EPERM", () => "serve it read-only, or give this user the right to write"],
  ["EROFS", () => "its file system is read-only: serve it read-only"],
  ["EBUSY", () => "the device is mounted or in other use: unmount it, or serve it read-only"],
  ["EISDIR", () => "it is a directory: name an image file or a block device"],
]);

/** Opens an image file or block device and finds its size. @throws StoreOpenError */
export function openFile(path: string, readOnly: boolean): OpenFile {
  const fd = open(path, readOnly);
  try {
    const measured = measure(path, fstatSync(fd));
    if (!readOnly && measured.device?.readOnly)
      throw new StoreOpenError(`${path}: can't be written: serve it read-only`, "EROFS");
    return { fd, ...measured };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * Measures an open file again, after giving it another size if one is asked for.
 * @returns bytes: whole sectors
 * @throws StoreOpenError
 */
export function resizeFile({ fd }: OpenFile, path: string, size?: number): number {
  try {
    if (size !== undefined) ftruncateSync(fd, size);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StoreOpenError(`${path}: can't be made ${size} bytes long: ${message}`, code);
  }
  return measure(path, fstatSync(fd)).size;
}

function open(path: string, readOnly: boolean): number {
  try {
    if (readOnly) return openSync(path, constants.O_RDONLY);
    // O_EXCL without O_CREAT means, for a block device alone: not while it is mounted or claimed. open(2).
    return openSync(path, constants.O_RDWR | (statSync(path).isBlockDevice() ? constants.O_EXCL : 0));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const advice = ADVICE.get(code ?? "")?.(path) ?? message;
    throw new StoreOpenError(`${path}: can't be opened (${code ?? message}): ${advice}`, code);
  }
}

function measure(path: string, stat: Stats): Omit<OpenFile, "fd"> {
  if (!stat.isFile() && !stat.isBlockDevice())
    throw new StoreOpenError(`${path}: is neither a file nor a block device`);
  const device = stat.isFile() ? undefined : readBlockDevice(stat.rdev);
  const bytes = device?.size ?? stat.size;
  const cutOff = bytes % SECTOR;
  if (bytes === cutOff)
    throw new StoreOpenError(`${path}: has no whole sector; give it a size, for example: truncate -s 1G ${path}`);
  const identity = stat.isFile() ? `file ${stat.dev}:${stat.ino}` : `device ${stat.rdev}`;
  return { size: bytes - cutOff, cutOff, identity, blockSize: stat.blksize, device };
}
