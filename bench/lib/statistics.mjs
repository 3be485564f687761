// Medians and how sure they are.

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}

/**
 * Median with its 95 % confidence interval by order statistics: no assumption about the distribution. Below six values
 * there is no such interval, and the least and the greatest are given.
 *
 * @param {readonly number[]} values
 * @returns {{ median: number, low: number, high: number }}
 */
export function summary(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = confidenceRank(sorted.length);
  return {
    median: median(sorted),
    low: sorted[rank] ?? Number.NaN,
    high: sorted[sorted.length - 1 - rank] ?? Number.NaN,
  };
}

/** Greatest k with P(at most k of n values lie below the median) <= 2.5 %, as an index; 0 if there is none. */
function confidenceRank(count) {
  let probability = 0.5 ** count;
  let cumulated = probability;
  let rank = 0;
  while (cumulated <= 0.025 && rank < count / 2) {
    rank++;
    probability *= (count - rank + 1) / rank;
    cumulated += probability;
  }
  return Math.max(rank - 1, 0);
}
