import type { Clock } from "../core/clock.ts";

const MILLISECONDS = 1000;

/** Keeps long work at a rate, so that it leaves the machine to the commands of others. What was missed is not made up. */
export class Pace {
  readonly #clock: Clock;
  readonly #bytesPerMillisecond: number;
  #due: number;

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock;
    this.#bytesPerMillisecond = bytesPerSecond / MILLISECONDS;
    this.#due = clock.now();
  }

  /** `bytes` more are done: calls `next` when the next piece may begin, never from within the call. */
  after(bytes: number, next: () => void): void {
    const now = this.#clock.now();
    this.#due = Math.max(now, this.#due + bytes / this.#bytesPerMillisecond);
    this.#clock.after(this.#due - now, next);
  }
}
