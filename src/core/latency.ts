/** Upper bounds are powers of two from 2^3 µs (8 µs) to 2^24 µs (16.8 s), and then infinity. */
const FIRST_EXPONENT = 3;
const LAST_EXPONENT = 24;
/** More than every bound, and still of 32 bits. */
const BEYOND = 2 ** (LAST_EXPONENT + 1);
const MICROSECONDS_PER_MILLISECOND = 1_000;
const MICROSECONDS_PER_SECOND = 1_000_000;

/** Upper bounds of the buckets in seconds, each with what is equal to it; behind the last is what took longer. */
export const LATENCY_BOUNDS: readonly number[] = Array.from(
  { length: LAST_EXPONENT - FIRST_EXPONENT + 1 },
  (_, index) => 2 ** (FIRST_EXPONENT + index) / MICROSECONDS_PER_SECOND,
);

/** How long things took: counts in buckets. Counting allocates nothing. */
export class LatencyHistogram {
  /** One for each of LATENCY_BOUNDS, and the last for what took longer; not cumulative. */
  readonly buckets: number[] = new Array(LATENCY_BOUNDS.length + 1).fill(0);
  count = 0;
  /** In milliseconds. */
  sum = 0;

  observe(milliseconds: number): void {
    // 2^k is the least power of two that is not below n when k is the number of bits of n - 1.
    const below = Math.ceil(milliseconds * MICROSECONDS_PER_MILLISECOND) - 1;
    const exponent = 32 - Math.clz32(Math.min(Math.max(below, 0), BEYOND));
    const index = Math.min(Math.max(exponent, FIRST_EXPONENT), LAST_EXPONENT + 1) - FIRST_EXPONENT;
    this.buckets[index] = (this.buckets[index] ?? 0) + 1;
    this.count++;
    this.sum += milliseconds;
  }

  /** Mean, in milliseconds; 0 when nothing was counted. */
  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  /**
   * Upper bound of the bucket that holds a quantile, in seconds: at least that share of what was counted took no longer.
   * 0 when nothing was counted, infinite beyond the last bound.
   * @param share above 0, at most 1: 0.99 for the 99th percentile
   */
  quantile(share: number): number {
    if (this.count === 0) return 0;
    let sum = 0;
    for (const [index, bound] of LATENCY_BOUNDS.entries()) {
      sum += this.buckets[index] ?? 0;
      if (sum >= share * this.count) return bound;
    }
    return Number.POSITIVE_INFINITY;
  }
}
