import { fdatasync } from "node:fs";
import { STORE_DONE, STORE_PENDING, type StoreCompletion } from "../scsi/block-store.ts";

/**
 * fdatasync without a closure or a promise a time. One at a time: those that are asked for while one is under way are one,
 * the next. A disk that hangs has one thread of the pool, however many wait for it.
 */
export class FlushQueue {
  readonly #fd: number;
  readonly #failed: (error: NodeJS.ErrnoException) => number;
  /** Who waits for the one that is under way, and for the next. */
  #served: StoreCompletion[] = [];
  #waiting: StoreCompletion[] = [];
  #flushing = false;

  /** @param failed told of every failure; the errno it returns is what the flush's callers get */
  constructor(fd: number, failed: (error: NodeJS.ErrnoException) => number) {
    this.#fd = fd;
    this.#failed = failed;
  }

  flush(completion: StoreCompletion): number {
    this.#waiting.push(completion);
    if (!this.#flushing) this.#begin();
    return STORE_PENDING;
  }

  #begin(): void {
    this.#flushing = true;
    const served = this.#served;
    this.#served = this.#waiting;
    this.#waiting = served;
    fdatasync(this.#fd, this.#finished);
  }

  readonly #finished = (error: NodeJS.ErrnoException | null): void => {
    const told = this.#served;
    this.#served = [];
    this.#flushing = false;
    // The next one begins first: who is told may ask for one after it.
    if (this.#waiting.length > 0) this.#begin();
    const result = error === null ? STORE_DONE : this.#failed(error);
    for (const completion of told) completion.storeDone(result);
  };
}
