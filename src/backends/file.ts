import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from "node:fs";
import { constants as osConstants } from "node:os";
import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import { type BlockStore, STORE_DONE, STORE_PENDING, type StoreCompletion } from "../scsi/block-store.ts";

/** An image or device that can't be served; the message names it and says what to do. */
export class StoreOpenError extends Error {
  readonly code = "VSCSI_STORE";
}

const SECTOR = 512;
const EIO = -osConstants.errno.EIO;

/** Files open for writing in this process, by device and inode: two writers would not know of each other. */
const written = new Set<string>();

/**
 * An image file or block device. Reads and writes are made at once on the shared linear memory: from and to the page
 * cache they cost about a microsecond, a callback fifty. Durability is `fdatasync`, asynchronous.
 */
export class FileStore implements BlockStore {
  readonly kind = "file";
  readonly physicalBlockSize = 4096;
  readonly size: number;
  readonly readOnly: boolean;
  readonly description: string;
  readonly #memory: SharedMemory;
  readonly #log: Log;
  readonly #fd: number;
  readonly #identity: string;

  /** Opens `path`. @throws StoreOpenError */
  constructor(memory: SharedMemory, path: string, readOnly: boolean, log: Log) {
    this.#memory = memory;
    this.#log = log;
    this.readOnly = readOnly;
    this.description = path;
    this.#fd = open(path, readOnly);
    const stat = fstatSync(this.#fd);
    this.#identity = stat.isBlockDevice() ? `b${stat.rdev}` : `${stat.dev}:${stat.ino}`;
    try {
      this.size = sizeOf(path, stat.isBlockDevice() ? stat.rdev : undefined, stat.isFile() ? stat.size : undefined);
      if (!readOnly && written.has(this.#identity))
        throw new StoreOpenError(`${path}: is served for writing already; make one of the two read-only`);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
    if (!readOnly) written.add(this.#identity);
  }

  read(offset: number, address: number, length: number, _completion: StoreCompletion): number {
    try {
      for (let done = 0; done < length; ) {
        const count = readSync(this.#fd, this.#memory.u8, address + done, length - done, offset + done);
        if (count === 0) {
          this.#log.error(
            { path: this.description, offset: offset + done },
            "the file is shorter than when it was opened",
          );
          return EIO;
        }
        done += count;
      }
      return STORE_DONE;
    } catch (error) {
      return this.#failed("read", offset, error);
    }
  }

  write(offset: number, address: number, length: number, durable: boolean, completion: StoreCompletion): number {
    try {
      for (let done = 0; done < length; )
        done += writeSync(this.#fd, this.#memory.u8, address + done, length - done, offset + done);
    } catch (error) {
      return this.#failed("write", offset, error);
    }
    return durable ? this.flush(completion) : STORE_DONE;
  }

  flush(completion: StoreCompletion): number {
    fdatasync(this.#fd, (error) =>
      completion.storeDone(error === null ? STORE_DONE : this.#failed("fdatasync", 0, error)),
    );
    return STORE_PENDING;
  }

  async close(): Promise<void> {
    try {
      if (!this.readOnly) fdatasyncSync(this.#fd);
    } finally {
      written.delete(this.#identity);
      closeSync(this.#fd);
    }
  }

  #failed(operation: string, offset: number, error: unknown): number {
    const { errno, message } = error as NodeJS.ErrnoException;
    this.#log.error({ path: this.description, operation, offset, error: message }, "the backend's file failed");
    return errno !== undefined && errno < 0 ? errno : EIO;
  }
}

function open(path: string, readOnly: boolean): number {
  try {
    return openSync(path, readOnly ? constants.O_RDONLY : constants.O_RDWR);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const advice =
      code === "ENOENT"
        ? `make it first, for example: truncate -s 1G ${path}`
        : code === "EACCES" || code === "EROFS" || code === "EPERM"
          ? "serve it read-only, or give this user the right to write"
          : message;
    throw new StoreOpenError(`${path}: can't be opened (${code ?? message}): ${advice}`);
  }
}

/** Bytes of a file or block device, whole sectors. @throws StoreOpenError */
function sizeOf(path: string, device: number | undefined, fileSize: number | undefined): number {
  const bytes = device === undefined ? fileSize : deviceSize(device);
  if (bytes === undefined) throw new StoreOpenError(`${path}: is neither a file nor a block device`);
  const size = bytes - (bytes % SECTOR);
  if (size === 0) throw new StoreOpenError(`${path}: is empty; give it a size, for example: truncate -s 1G ${path}`);
  return size;
}

/** Size of a block device as sysfs tells it, in sectors of 512 bytes whatever the device's own are. */
function deviceSize(device: number): number {
  // Linux's encoding of a device number: 12 bits of major, 20 of minor, in two parts.
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  return Number(readFileSync(`/sys/dev/block/${major}:${minor}/size`, "utf8")) * SECTOR;
}
