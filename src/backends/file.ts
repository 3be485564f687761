import { close, closeSync, fdatasync, readSync, statfsSync, writeSync } from "node:fs";
import { constants as osConstants } from "node:os";
import { getSystemErrorName, promisify } from "node:util";
import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import { FileCalls } from "../host/file-calls.ts";
import {
  type BlockStore,
  type Provisioning,
  STORE_DONE,
  STORE_PENDING,
  type StoreCompletion,
} from "../scsi/block-store.ts";
import { FlushQueue } from "./flush-queue.ts";
import { HolePunching } from "./hole-punching.ts";
import { type OpenFile, openFile, resizeFile } from "./open-file.ts";
import { SlowTransfers } from "./slow-transfers.ts";
import { claimForWriting, claimUndisturbed, endClaim } from "./write-claim.ts";

const { errno: ERRNO } = osConstants;
const EIO = -ERRNO.EIO;
const EAGAIN = -ERRNO.EAGAIN;
const EINTR = -ERRNO.EINTR;
const EOPNOTSUPP = -ERRNO.EOPNOTSUPP;
const flushed = promisify(fdatasync);
const closed = promisify(close);
/** File systems that have everything in memory, and nothing to wait for: tmpfs and ramfs. <linux/magic.h> */
const IN_MEMORY: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);
/** What the page cache writes without reading first, whatever is below it. */
const PAGE = 4096;
const SECTOR = 512;
/** Block sizes of file systems that are no larger are believed; network file systems tell what they transfer at once. */
const GRANULARITY_MOST = 0x10000;

/**
 * An image file or block device. Writes, and reads of what is in the page cache, are made at once on the shared linear
 * memory: they cost a few microseconds, a callback fifty. What waits for the disk, reads and `fdatasync`, is asynchronous.
 */
export class FileStore implements BlockStore {
  readonly kind = "file";
  readonly physicalBlockSize: number;
  readonly provisioning: Provisioning | undefined;
  size: number;
  readonly readOnly: boolean;
  readonly description: string;
  readonly #memory: SharedMemory;
  readonly #log: Log;
  readonly #file: OpenFile;
  readonly #flushes: FlushQueue;
  readonly #calls: FileCalls | undefined;
  readonly #slow: SlowTransfers;
  /**
   * What can be done at once: reads of what Linux tells to be in the page cache, and writes; everything; or, where Linux does
   * not tell, nothing.
   */
  readonly #cached: "told" | "all" | "unknown";
  /** A flush failed: Linux has dropped what it could not write, and no later flush brings it back. */
  #lostWrites = false;

  /** Opens `path`. @param undisturbed nobody may write to it meanwhile, though it is read only. @throws StoreOpenError */
  constructor(memory: SharedMemory, path: string, readOnly: boolean, log: Log, undisturbed = false) {
    this.#memory = memory;
    this.#log = log;
    this.readOnly = readOnly;
    this.description = path;
    this.#file = openFile(path, readOnly);
    this.size = this.#file.size;
    this.#flushes = new FlushQueue(this.#file.fd, (error) => this.#flushFailed(error));
    this.#calls = FileCalls.load(log);
    this.#cached = this.#whatIsCached();
    this.#slow = new SlowTransfers({
      fd: this.#file.fd,
      memory,
      failed: (operation, offset, error) => (error ? this.#failed(operation, offset, error) : this.#shrunk(offset)),
      flush: (completion) => this.flush(completion),
    });
    this.physicalBlockSize = Math.max(PAGE, this.#file.device?.physicalBlockSize ?? PAGE);
    if (!readOnly || undisturbed) this.#claim();
    this.provisioning = this.#findProvisioning();
    if (this.#file.cutOff > 0)
      log.warn({ path, bytes: this.#file.cutOff }, "the file ends in part of a sector, which is not served");
  }

  /** At once what is in the page cache; the disk is waited for elsewhere, so that one which hangs holds up nobody else. */
  read(offset: number, address: number, length: number, completion: StoreCompletion): number {
    const done = this.#readAtOnce(offset, address, length);
    if (done < 0) return done;
    return done === length ? STORE_DONE : this.#slow.read(offset + done, address + done, length - done, completion);
  }

  readNow(offset: number, address: number, length: number): number {
    const done = this.#readAtOnce(offset, address, length);
    if (done < 0) return done;
    return done === length ? STORE_DONE : STORE_PENDING;
  }

  write(offset: number, address: number, length: number, durable: boolean, completion: StoreCompletion): number {
    if (this.#cached === "unknown") return this.#slow.write(offset, address, length, durable, completion);
    const result = this.#writeNow(this.#memory.u8, address, length, offset);
    return durable && result === STORE_DONE ? this.flush(completion) : result;
  }

  /** @returns bytes that could be read without waiting, or a negative errno */
  #readAtOnce(offset: number, address: number, length: number): number {
    if (this.#cached === "all") return this.#readWaiting(offset, address, length);
    for (let done = 0; done < length; ) {
      const count = this.#readCached(offset + done, address + done, length - done);
      if (count === EAGAIN) return done;
      if (count === 0) return this.#shrunk(offset + done);
      if (count < 0) return this.#failed("read", offset + done, asError(count));
      done += count;
    }
    return length;
  }

  /** @returns bytes, -EAGAIN for what is to be read slowly, or another negative errno */
  #readCached(offset: number, address: number, length: number): number {
    if (this.#cached === "unknown" || this.#calls === undefined) return EAGAIN;
    const count = this.#calls.readCached(this.#file.fd, this.#memory.u8, address, length, offset);
    return count === EINTR || count === EOPNOTSUPP ? EAGAIN : count;
  }

  #whatIsCached(): "told" | "all" | "unknown" {
    const { fd, device } = this.#file;
    if (this.#calls === undefined) return "all";
    if (device === undefined && IN_MEMORY.has(statfsSync(this.description).type >>> 0)) return "all";
    return this.#calls.readCached(fd, new Uint8Array(SECTOR), 0, SECTOR, 0) === EOPNOTSUPP ? "unknown" : "told";
  }

  #readWaiting(offset: number, address: number, length: number): number {
    for (let done = 0; done < length; ) {
      try {
        const count = readSync(this.#file.fd, this.#memory.u8, address + done, length - done, offset + done);
        if (count === 0) return this.#shrunk(offset + done);
        done += count;
      } catch (error) {
        if (!isInterrupted(error)) return this.#failed("read", offset + done, error);
      }
    }
    return length;
  }

  resize(size?: number): void {
    this.size = resizeFile(this.#file, this.description, size);
  }

  flush(completion: StoreCompletion): number {
    return this.#flushes.flush(completion);
  }

  /** Flushes and closes. @throws when writes may be lost: this flush failed, or one before it did */
  async close(): Promise<void> {
    try {
      // Not at once: a disk that hangs would hold up everybody.
      if (!this.readOnly) await flushed(this.#file.fd);
    } finally {
      endClaim(this.#file);
      await closed(this.#file.fd);
    }
    if (this.#lostWrites) throw new Error(`${this.description}: a flush failed; writes before it may be lost`);
  }

  #writeNow(bytes: Uint8Array, from: number, length: number, offset: number): number {
    for (let done = 0; done < length; ) {
      try {
        done += writeSync(this.#file.fd, bytes, from + done, length - done, offset + done);
      } catch (error) {
        if (!isInterrupted(error)) return this.#failed("write", offset + done, error);
      }
    }
    return STORE_DONE;
  }

  /** How storage is given back, if the file system or device does that. */
  #findProvisioning(): Provisioning | undefined {
    const { fd, device, blockSize, size } = this.#file;
    const granularity = device?.discardGranularity ?? (blockSize > GRANULARITY_MOST ? PAGE : blockSize);
    const calls = isPowerOfTwo(granularity) ? this.#calls : undefined;
    // A hole behind the end of a file changes nothing, and tells whether its file system makes any.
    if (
      calls === undefined ||
      (!this.readOnly && device === undefined && calls.punchHoleNow(fd, size + PAGE, PAGE) < 0)
    )
      return undefined;
    return new HolePunching({
      fd,
      calls,
      granularity,
      alignment: device?.logicalBlockSize ?? 1,
      tellsHoles: device === undefined,
      zero: (offset, length) => this.#writeNow(new Uint8Array(length), 0, length, offset),
      flush: (completion) => this.flush(completion),
      failed: (offset, errno) => void this.#failed("deallocate", offset, asError(errno)),
    });
  }

  #claim(): void {
    try {
      if (this.readOnly) claimUndisturbed(this.#file, this.description, this.#log);
      else claimForWriting(this.#file, this.description, this.#log);
    } catch (error) {
      closeSync(this.#file.fd);
      throw error;
    }
  }

  #shrunk(offset: number): number {
    this.#log.error({ path: this.description, offset }, "the file is shorter than when it was opened");
    return EIO;
  }

  #failed(operation: string, offset: number, error: unknown): number {
    const { errno, message } = error as NodeJS.ErrnoException;
    this.#log.error({ path: this.description, operation, offset, error: message }, "the backend's file failed");
    return errno !== undefined && errno < 0 ? errno : EIO;
  }

  #flushFailed(error: NodeJS.ErrnoException): number {
    this.#lostWrites = true;
    this.#log.error({ path: this.description, error: error.message }, "a flush failed: writes before it may be lost");
    return EIO;
  }
}

function asError(errno: number): { errno: number; message: string } {
  return { errno, message: getSystemErrorName(errno) };
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}

/** The call did nothing and may be made again. */
function isInterrupted(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "EINTR" || code === "EAGAIN";
}
