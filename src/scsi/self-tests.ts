import type { Clock } from "../core/clock.ts";

/** As many as the self-test results log page has room for. [SPC-4] 7.3.17. */
export const SELF_TESTS_KEPT = 20;
const MILLISECONDS_AN_HOUR = 3_600_000;

/** A self-test that was done: its code, and the hour of the unit's life. */
export interface SelfTest {
  readonly code: number;
  readonly hour: number;
}

/** Self-tests of one logical unit since the daemon started, the newest first. */
export class SelfTests {
  readonly #clock: Clock;
  readonly #started: number;
  #results: readonly SelfTest[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#started = clock.now();
  }

  get results(): readonly SelfTest[] {
    return this.#results;
  }

  record(code: number): void {
    const hour = Math.floor((this.#clock.now() - this.#started) / MILLISECONDS_AN_HOUR);
    this.#results = [{ code, hour }, ...this.#results].slice(0, SELF_TESTS_KEPT);
  }
}
