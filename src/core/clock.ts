/** Time as the rooms see it, so that tests can turn it by hand. Milliseconds throughout. */
export interface Clock {
  now(): number;
  /** Calls back once after `milliseconds`. The returned function cancels. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** The machine's clock. Its timers never keep the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
