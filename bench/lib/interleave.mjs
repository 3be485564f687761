// Rounds in turns: what else the machine does hits every side, and a ratio is taken within a round only.
import { summary } from "./statistics.mjs";

/** Rounds' time that a side has for warming up. */
const WARM_ROUNDS = 8;

/**
 * One comparison.
 *
 * @typedef {object} Case
 * @property {string} name
 * @property {Readonly<Record<string, () => number | Promise<number>>>} sides each measures one round: nanoseconds an operation
 * @property {readonly (readonly [string, string])[]} ratios pairs of sides: how many times the second goes into the first
 * @property {number} [bytes] moved by an operation: adds a column in GB/s
 * @property {boolean} [perSecond] operations a second are of interest
 * @property {number} [roundsMost] for a case whose rounds are long
 * @property {(() => void | Promise<void>)} [close]
 *
 * @typedef {{ median: number, low: number, high: number }} Summary
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {Record<string, Summary>} sides nanoseconds an operation
 * @property {Record<string, Summary>} ratios by "first/second"
 * @property {number} [bytes]
 * @property {boolean} [perSecond]
 * @property {boolean} [isMemory] sides are bytes
 */

/**
 * Runs every side once a round, each first equally often.
 *
 * @param {Case} comparison
 * @param {number} roundsWanted
 * @param {number} milliseconds of a round
 * @returns {Promise<Row>}
 */
export async function interleave(comparison, roundsWanted, milliseconds) {
  const { name, sides, ratios, bytes, perSecond, roundsMost = roundsWanted } = comparison;
  const rounds = Math.min(roundsWanted, roundsMost);
  const names = Object.keys(sides);
  /** @type {Record<string, number[]>} */
  const times = Object.fromEntries(names.map((side) => [side, []]));
  for (const side of names) await warm(sides[side], milliseconds * WARM_ROUNDS);
  for (let round = 0; round < rounds; round++)
    for (let turn = 0; turn < names.length; turn++) {
      const side = names[(turn + round) % names.length];
      times[side].push(await sides[side]());
    }
  const present = ratios.filter((pair) => pair.every((side) => side in sides));
  return {
    name,
    sides: Object.fromEntries(names.map((side) => [side, summary(times[side])])),
    ratios: Object.fromEntries(
      present.map(([first, second]) => [
        `${first}/${second}`,
        summary(times[first].map((time, round) => time / times[second][round])),
      ]),
    ),
    ...(bytes === undefined ? {} : { bytes }),
    ...(perSecond ? { perSecond } : {}),
  };
}

/** Until the engine has compiled what runs often for good: its compilers work beside us, so time counts, not calls. */
async function warm(side, milliseconds) {
  const end = performance.now() + milliseconds;
  do await side();
  while (performance.now() < end);
}
