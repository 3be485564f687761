import { closeSync, fdatasyncSync, readSync, writeSync } from "node:fs";
import { constants as osConstants } from "node:os";
import { getSystemErrorName } from "node:util";
import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import { FileCalls } from "../host/file-calls.ts";
import { type BlockStore, type Provisioning, STORE_DONE, type StoreCompletion } from "../scsi/block-store.ts";
import { FlushQueue } from "./flush-queue.ts";
import { HolePunching } from "./hole-punching.ts";
import { type OpenFile, openFile, resizeFile } from "./open-file.ts";
import { claimForWriting, claimUndisturbed, endClaim } from "./write-claim.ts";

const EIO = -osConstants.errno.EIO;
/** What the page cache writes without reading first, whatever is below it. */
const PAGE = 4096;
/** Block sizes of file systems that are no larger are believed; network file systems tell what they transfer at once. */
const GRANULARITY_MOST = 0x10000;

/**
 * An image file or block device. Reads and writes are made at once on the shared linear memory: from and to the page
 * cache they cost about a microsecond, a callback fifty. Durability is `fdatasync`, asynchronous.
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
    this.physicalBlockSize = Math.max(PAGE, this.#file.device?.physicalBlockSize ?? PAGE);
    if (!readOnly || undisturbed) this.#claim();
    this.provisioning = this.#findProvisioning();
    if (this.#file.cutOff > 0)
      log.warn({ path, bytes: this.#file.cutOff }, "the file ends in part of a sector, which is not served");
  }

  read(offset: number, address: number, length: number, _completion: StoreCompletion): number {
    for (let done = 0; done < length; ) {
      try {
        const count = readSync(this.#file.fd, this.#memory.u8, address + done, length - done, offset + done);
        if (count === 0) return this.#shrunk(offset + done);
        done += count;
      } catch (error) {
        if (!isInterrupted(error)) return this.#failed("read", offset + done, error);
      }
    }
    return STORE_DONE;
  }

  write(offset: number, address: number, length: number, durable: boolean, completion: StoreCompletion): number {
    const result = this.#writeNow(this.#memory.u8, address, length, offset);
    return durable && result === STORE_DONE ? this.flush(completion) : result;
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
      if (!this.readOnly) fdatasyncSync(this.#file.fd);
    } finally {
      endClaim(this.#file);
      closeSync(this.#file.fd);
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
    const calls = isPowerOfTwo(granularity) ? FileCalls.load(this.#log) : undefined;
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
      failed: (offset, errno) => void this.#failed("deallocate", offset, { errno, message: getSystemErrorName(errno) }),
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

function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}

/** The call did nothing and may be made again. */
function isInterrupted(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "EINTR" || code === "EAGAIN";
}
