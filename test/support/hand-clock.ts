import type { Clock } from "../../src/core/clock.ts";

/** A clock that stands still until the test turns it. */
export class HandClock implements Clock {
  #now = 0;
  #timers: { due: number; callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { due: this.#now + milliseconds, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Milliseconds to the next timer, undefined when there is none. */
  get next(): number | undefined {
    return this.#timers.length > 0 ? Math.min(...this.#timers.map(({ due }) => due)) - this.#now : undefined;
  }

  /** Goes on to the next timer and lets it ring. @returns false when there is none */
  step(): boolean {
    const timer = this.#timers.toSorted((a, b) => a.due - b.due)[0];
    if (timer === undefined) return false;
    this.#timers = this.#timers.filter((other) => other !== timer);
    this.#now = Math.max(this.#now, timer.due);
    timer.callback();
    return true;
  }

  /** Lets timers ring until there is none. @returns how many did */
  run(most = 10_000): number {
    for (let steps = 0; steps < most; steps++) if (!this.step()) return steps;
    throw new Error(`still busy after ${most} timers`);
  }
}
