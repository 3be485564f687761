import { fdatasync } from "node:fs";
import { STORE_DONE, STORE_PENDING, type StoreCompletion } from "../scsi/block-store.ts";

/** One fdatasync under way. Its callback is made once and used for every flush that the object carries. */
class Flush {
  completion: StoreCompletion | undefined;
  readonly finished: (error: NodeJS.ErrnoException | null) => void;

  constructor(queue: FlushQueue) {
    this.finished = (error) => queue.finished(this, error);
  }
}

/** fdatasync without a closure or a promise a time. */
export class FlushQueue {
  readonly #fd: number;
  readonly #failed: (error: NodeJS.ErrnoException) => number;
  readonly #idle: Flush[] = [];

  /** @param failed told of every failure; the errno it returns is what the flush's caller gets */
  constructor(fd: number, failed: (error: NodeJS.ErrnoException) => number) {
    this.#fd = fd;
    this.#failed = failed;
  }

  flush(completion: StoreCompletion): number {
    const flush = this.#idle.pop() ?? new Flush(this);
    flush.completion = completion;
    fdatasync(this.#fd, flush.finished);
    return STORE_PENDING;
  }

  finished(flush: Flush, error: NodeJS.ErrnoException | null): void {
    const { completion } = flush;
    flush.completion = undefined;
    this.#idle.push(flush);
    completion?.storeDone(error === null ? STORE_DONE : this.#failed(error));
  }
}
