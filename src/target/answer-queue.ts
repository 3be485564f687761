import { H_DROPPED, H_SUCCESS } from "../abi/papr.ts";
import { ADAPTER_COMPLETE_LIST, ANSWER_NONE, SLOT_ANSWER } from "../abi/records.ts";
import type { Clock } from "../core/clock.ts";
import type { CrqLink } from "../core/crq-link.ts";

/** First and longest wait before a full client queue is tried again, in milliseconds. */
const RETRY_FIRST = 1;
const RETRY_LONGEST = 1_000;

/** Answers in the order they were made. A full client queue holds them up, nothing else does. [protocol] 6.4. */
export class AnswerQueue {
  readonly #link: CrqLink;
  readonly #clock: Clock;
  readonly #refused: (result: number) => void;
  readonly #resumed: () => void;
  /** Addresses of slots, oldest first; never more than the adapter has slots. */
  readonly #waiting: Uint32Array;
  #count = 0;
  #cancelRetry: (() => void) | undefined;
  #retryAfter = RETRY_FIRST;

  /**
   * @param refused told of an H_* code other than H_DROPPED that stopped the first answer
   * @param resumed told when a client whose queue was full has taken answers again
   */
  constructor(link: CrqLink, clock: Clock, refused: (result: number) => void, resumed: () => void) {
    this.#link = link;
    this.#clock = clock;
    this.#refused = refused;
    this.#resumed = resumed;
    this.#waiting = new Uint32Array(link.slotCount);
  }

  get empty(): boolean {
    return this.#count === 0;
  }

  /** The client does not take answers: its slots are ours to wait for, not a fault of its credit. */
  get stuck(): boolean {
    return this.#cancelRetry !== undefined;
  }

  push(slot: number): void {
    this.#waiting[this.#count++] = slot;
  }

  /** Sends what can be sent. */
  flush(): void {
    if (this.#count === 0 || this.#cancelRetry) return;
    const { memory, adapter } = this.#link;
    const list = memory.view.getUint32(adapter + ADAPTER_COMPLETE_LIST, true) >>> 2;
    const count = this.#count;
    for (let index = 0; index < count; index++) memory.u32[list + index] = this.#waiting[index] ?? 0;
    const sent = this.#link.complete(count);
    this.#waiting.copyWithin(0, sent, count);
    this.#count = count - sent;
    if (sent > 0) this.#retryAfter = RETRY_FIRST;
    if (sent === count) return;
    const result = this.#link.completeResult;
    if (result === H_DROPPED) this.#retry();
    else if (result !== H_SUCCESS) this.#refused(result);
  }

  /** Throws every answer away: the connection they belong to is gone. */
  drop(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#retryAfter = RETRY_FIRST;
    const { core, adapter, memory } = this.#link;
    for (let index = 0; index < this.#count; index++) {
      const slot = this.#waiting[index] ?? 0;
      memory.view.setUint32(slot + SLOT_ANSWER, ANSWER_NONE, true);
      core.slot_release(adapter, slot);
    }
    this.#count = 0;
  }

  #retry(): void {
    this.#cancelRetry = this.#clock.after(this.#retryAfter, () => {
      this.#cancelRetry = undefined;
      this.flush();
      if (!this.stuck) this.#resumed();
    });
    this.#retryAfter = Math.min(this.#retryAfter * 2, RETRY_LONGEST);
  }
}
