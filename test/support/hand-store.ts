import { type BlockStore, STORE_PENDING, type StoreCompletion } from "../../src/scsi/block-store.ts";

interface Operation {
  name: "read" | "write" | "flush";
  offset: number;
  length: number;
  durable: boolean;
  completion: StoreCompletion;
}

/** A store that does nothing until the test ends an operation by hand. */
export class HandStore implements BlockStore {
  readonly kind = "hand";
  readonly size = 2 ** 30;
  readonly readOnly = false;
  readonly physicalBlockSize = 512;
  readonly description = "by hand";
  /** Operations that wait for their end, oldest first. */
  readonly pending: Operation[] = [];
  /** What every operation answers at once instead of waiting. */
  answer: number | (() => never) | undefined;

  read(offset: number, _address: number, length: number, completion: StoreCompletion): number {
    return this.#take({ name: "read", offset, length, durable: false, completion });
  }

  write(offset: number, _address: number, length: number, durable: boolean, completion: StoreCompletion): number {
    return this.#take({ name: "write", offset, length, durable, completion });
  }

  flush(completion: StoreCompletion): number {
    return this.#take({ name: "flush", offset: 0, length: 0, durable: false, completion });
  }

  async close(): Promise<void> {}

  /** Ends the oldest operation. */
  end(result = 0): void {
    this.pending.shift()?.completion.storeDone(result);
  }

  #take(operation: Operation): number {
    if (typeof this.answer === "function") return this.answer();
    if (this.answer !== undefined) return this.answer;
    this.pending.push(operation);
    return STORE_PENDING;
  }
}
