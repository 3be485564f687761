// One round of one side, measured by tinybench: the median of its samples, so that a sample in which the machine did
// something else does not count. Many operations make a sample, since an operation takes less than a look at the clock.
import { Bench } from "tinybench";

const NANOSECONDS_PER_MILLISECOND = 1e6;

/**
 * @param {object} options
 * @param {() => void} options.sample
 * @param {() => void} options.before runs before each sample, unmeasured
 * @param {number} options.operations in a sample
 * @param {number} options.milliseconds of a round
 * @returns {() => number} measures a round: nanoseconds an operation
 */
export function synchronousRound({ sample, before, operations, milliseconds }) {
  return () => {
    const bench = new Bench({ time: milliseconds, iterations: 1, warmup: false });
    bench.add("round", sample, { beforeEach: before });
    bench.runSync();
    return nanoseconds(bench, operations);
  };
}

/**
 * The same for what ends later.
 *
 * @param {object} options
 * @param {() => Promise<void>} options.sample
 * @param {number} options.operations
 * @param {number} options.milliseconds
 * @returns {() => Promise<number>}
 */
export function asynchronousRound({ sample, operations, milliseconds }) {
  return async () => {
    const bench = new Bench({ time: milliseconds, iterations: 1, warmup: false });
    // An async function is taken for one; what only returns a promise would be called once more to find out.
    bench.add("round", async () => {
      await sample();
    });
    await bench.run();
    return nanoseconds(bench, operations);
  };
}

function nanoseconds({ tasks: [{ result }] }, operations) {
  if (result.state !== "completed") throw result.error ?? new Error(`a round ended as ${result.state}`);
  return (result.latency.p50 * NANOSECONDS_PER_MILLISECOND) / operations;
}
