import { read, write } from "node:fs";
import type { SharedMemory } from "../core/shared-memory.ts";
import { STORE_DONE, STORE_PENDING, type StoreCompletion } from "../scsi/block-store.ts";

/** Threads of Node's pool, which all files of the process share. */
const POOL = Math.max(1, Number(process.env.UV_THREADPOOL_SIZE) || 4);
/** Transfers of one file that may be in the pool at a time: a disk that hangs leaves the others their threads. */
const TRANSFERS_MOST = Math.max(1, Math.floor(POOL / 4));

type Operation = "read" | "write";

/** A transfer that waits for the disk. Its callback is made once. */
class SlowTransfer {
  operation: Operation = "read";
  offset = 0;
  address = 0;
  length = 0;
  /** A flush follows. */
  durable = false;
  completion: StoreCompletion | undefined;
  readonly finished: (error: NodeJS.ErrnoException | null, count: number) => void;

  constructor(transfers: SlowTransfers) {
    this.finished = (error, count) => transfers.finished(this, error, count);
  }
}

interface SlowTransfersOptions {
  readonly fd: number;
  readonly memory: SharedMemory;
  /** Told of a failure, and of the end of the file where there should be none. @returns the errno of the transfer */
  readonly failed: (operation: Operation, offset: number, error: NodeJS.ErrnoException | undefined) => number;
  readonly flush: (completion: StoreCompletion) => number;
}

/** Reads and writes on other threads, a few at a time, the rest in their order. */
export class SlowTransfers {
  readonly #options: SlowTransfersOptions;
  readonly #idle: SlowTransfer[] = [];
  readonly #waiting: SlowTransfer[] = [];
  #underWay = 0;

  constructor(options: SlowTransfersOptions) {
    this.#options = options;
  }

  read(offset: number, address: number, length: number, completion: StoreCompletion): number {
    return this.#start("read", offset, address, length, false, completion);
  }

  write(offset: number, address: number, length: number, durable: boolean, completion: StoreCompletion): number {
    return this.#start("write", offset, address, length, durable, completion);
  }

  finished(slow: SlowTransfer, error: NodeJS.ErrnoException | null, count: number): void {
    this.#underWay--;
    const result = this.#resultOf(slow, error, count);
    if (result === STORE_PENDING) return this.#begin(slow);
    const next = this.#waiting.shift();
    if (next !== undefined) this.#begin(next);
    const { completion, durable } = slow;
    slow.completion = undefined;
    this.#idle.push(slow);
    if (completion === undefined) return;
    const ended = durable && result === STORE_DONE ? this.#options.flush(completion) : result;
    if (ended !== STORE_PENDING) completion.storeDone(ended);
  }

  #start(
    operation: Operation,
    offset: number,
    address: number,
    length: number,
    durable: boolean,
    completion: StoreCompletion,
  ): number {
    const slow = this.#idle.pop() ?? new SlowTransfer(this);
    slow.operation = operation;
    slow.offset = offset;
    slow.address = address;
    slow.length = length;
    slow.durable = durable;
    slow.completion = completion;
    if (this.#underWay < TRANSFERS_MOST) this.#begin(slow);
    else this.#waiting.push(slow);
    return STORE_PENDING;
  }

  #begin({ operation, address, length, offset, finished }: SlowTransfer): void {
    const { fd, memory } = this.#options;
    this.#underWay++;
    if (operation === "read") read(fd, memory.u8, address, length, offset, finished);
    else write(fd, memory.u8, address, length, offset, finished);
  }

  /** Pending when a part is still to be moved. */
  #resultOf(slow: SlowTransfer, error: NodeJS.ErrnoException | null, count: number): number {
    if (error?.code === "EINTR" || error?.code === "EAGAIN") return STORE_PENDING;
    if (error !== null || count === 0) return this.#options.failed(slow.operation, slow.offset, error ?? undefined);
    slow.offset += count;
    slow.address += count;
    slow.length -= count;
    return slow.length > 0 ? STORE_PENDING : STORE_DONE;
  }
}
