import { closeSync, fdatasyncSync, readSync, writeSync } from "node:fs";
import { constants as osConstants } from "node:os";
import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import { type BlockStore, STORE_DONE, type StoreCompletion } from "../scsi/block-store.ts";
import { FlushQueue } from "./flush-queue.ts";
import { type OpenFile, openFile, resizeFile, StoreOpenError } from "./open-file.ts";

const EIO = -osConstants.errno.EIO;

/** Files open for writing in this process, by identity: two writers would not know of each other. */
const written = new Set<string>();

/**
 * An image file or block device. Reads and writes are made at once on the shared linear memory: from and to the page
 * cache they cost about a microsecond, a callback fifty. Durability is `fdatasync`, asynchronous.
 */
export class FileStore implements BlockStore {
  readonly kind = "file";
  readonly physicalBlockSize = 4096;
  size: number;
  readonly readOnly: boolean;
  readonly description: string;
  readonly #memory: SharedMemory;
  readonly #log: Log;
  readonly #file: OpenFile;
  readonly #flushes: FlushQueue;
  /** A flush failed: Linux has dropped what it could not write, and no later flush brings it back. */
  #lostWrites = false;

  /** Opens `path`. @throws StoreOpenError */
  constructor(memory: SharedMemory, path: string, readOnly: boolean, log: Log) {
    this.#memory = memory;
    this.#log = log;
    this.readOnly = readOnly;
    this.description = path;
    this.#file = openFile(path, readOnly);
    this.size = this.#file.size;
    this.#flushes = new FlushQueue(this.#file.fd, (error) => this.#flushFailed(error));
    if (!readOnly) this.#claim();
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
    for (let done = 0; done < length; ) {
      try {
        done += writeSync(this.#file.fd, this.#memory.u8, address + done, length - done, offset + done);
      } catch (error) {
        if (!isInterrupted(error)) return this.#failed("write", offset + done, error);
      }
    }
    return durable ? this.flush(completion) : STORE_DONE;
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
      if (!this.readOnly) written.delete(this.#file.identity);
      closeSync(this.#file.fd);
    }
    if (this.#lostWrites) throw new Error(`${this.description}: a flush failed; writes before it may be lost`);
  }

  #claim(): void {
    const { fd, identity } = this.#file;
    if (written.has(identity)) {
      closeSync(fd);
      throw new StoreOpenError(`${this.description}: is served for writing already; make one of the two read-only`);
    }
    written.add(identity);
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

/** The call did nothing and may be made again. */
function isInterrupted(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "EINTR" || code === "EAGAIN";
}
