import { read, write, writeSync } from "node:fs";
import { ERRNO, type ErrnoName } from "../../abi/errno.ts";
import {
  FUSE_BATCH_FORGET,
  FUSE_DESTROY,
  FUSE_FORGET,
  IN_HEADER_SIZE,
  IN_LENGTH,
  IN_NODE,
  IN_OPCODE,
  IN_UNIQUE,
  OUT_ERROR,
  OUT_HEADER_SIZE,
  OUT_LENGTH,
  OUT_UNIQUE,
} from "../../abi/fuse.ts";
import type { Directory } from "../../config/tree.ts";
import type { Log } from "../../core/log.ts";
import { TreeFiles } from "./operations.ts";
import { vanishedNotice, WRITE_MAXIMUM } from "./reply.ts";

/** A whole write with its headers, and the kernel wants 8 KiB at least. */
const REQUEST_MAXIMUM = WRITE_MAXIMUM + 0x1000;
/** Writes under way at once; more than that are told to come again. */
const UNDER_WAY_MAXIMUM = 256;
/** How long a write may wait until the kernel knows what it has removed, in milliseconds. */
const NOTICE_PATIENCE = 1_000;
const UNANSWERED = new Set([FUSE_FORGET, FUSE_BATCH_FORGET, FUSE_DESTROY]);

/**
 * Serves a tree to the kernel on an open /dev/fuse. One read is always under way, in a thread of the pool; it ends when
 * the file system is unmounted.
 */
export class FuseSession {
  readonly #fd: number;
  readonly #log: Log;
  readonly #files: TreeFiles;
  readonly #buffer = Buffer.alloc(REQUEST_MAXIMUM);
  #underWay = 0;
  #notices: Promise<void> = Promise.resolve();
  /** Resolves when the file system is unmounted. */
  readonly ended: Promise<void>;

  /** @param fd /dev/fuse, mounted already: a read before that fails */
  constructor(fd: number, root: Directory, log: Log) {
    this.#fd = fd;
    this.#log = log;
    const ownership = {
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
      time: Math.floor(Date.now() / 1000),
    };
    this.#files = new TreeFiles(root, ownership, () => this.#settled());
    this.ended = new Promise((resolve) => this.#next(resolve));
  }

  /** The tree has changed: tells the kernel what is not there any more. */
  changed(): void {
    for (const { parent, name } of this.#files.nodes.vanished()) {
      if (parent === undefined) continue;
      const notice = vanishedNotice(parent.id, name);
      // In a thread: the kernel may want a lock that it holds for somebody whom we have still to answer.
      this.#notices = this.#notices.then(() => new Promise((resolve) => write(this.#fd, notice, () => resolve())));
    }
  }

  #settled(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, NOTICE_PATIENCE);
      void this.#notices.then(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #next(ended: () => void): void {
    read(this.#fd, this.#buffer, 0, this.#buffer.length, null, (error, length) => {
      if (error === null) this.#take(length);
      else if (error.code !== "EINTR" && error.code !== "EAGAIN" && error.code !== "ENOENT") {
        // ENODEV: unmounted. Whatever else it is, the connection is of no more use.
        if (error.code !== "ENODEV") this.#log.warn({ error: error.message }, "the mount has ended");
        return ended();
      }
      this.#next(ended);
    });
  }

  #take(length: number): void {
    const request = this.#buffer;
    if (length < IN_HEADER_SIZE || request.readUInt32LE(IN_LENGTH) !== length) return;
    const opcode = request.readUInt32LE(IN_OPCODE);
    const unique = request.readBigUInt64LE(IN_UNIQUE);
    const node = Number(request.readBigUInt64LE(IN_NODE));
    let answer: ReturnType<TreeFiles["answer"]>;
    try {
      answer =
        this.#underWay < UNDER_WAY_MAXIMUM
          ? this.#files.answer(opcode, node, request.subarray(IN_HEADER_SIZE, length))
          : "EAGAIN";
    } catch (error) {
      answer = this.#failed(opcode, error);
    }
    if (!(answer instanceof Promise)) return this.#reply(opcode, unique, answer);
    this.#underWay++;
    void answer
      .catch((error: unknown) => this.#failed(opcode, error))
      .then((later) => {
        this.#underWay--;
        this.#reply(opcode, unique, later);
      });
  }

  #failed(opcode: number, error: unknown): ErrnoName {
    this.#log.error({ err: error, opcode }, "a request of the mount failed");
    return "EIO";
  }

  #reply(opcode: number, unique: bigint, answer: Buffer | ErrnoName | undefined): void {
    if (answer === undefined || UNANSWERED.has(opcode)) return;
    const out = typeof answer === "string" ? Buffer.alloc(OUT_HEADER_SIZE) : answer;
    out.writeUInt32LE(out.length, OUT_LENGTH);
    out.writeInt32LE(typeof answer === "string" ? -ERRNO[answer] : 0, OUT_ERROR);
    out.writeBigUInt64LE(unique, OUT_UNIQUE);
    try {
      writeSync(this.#fd, out);
    } catch (error) {
      // ENOENT: whoever asked was interrupted meanwhile. ENODEV: unmounted.
      this.#log.debug({ error: (error as Error).message, opcode }, "an answer of the mount was not wanted");
    }
  }
}
