// The benchmarks: everything that is compared runs in one run, in turns. `npm run bench -- --help` tells how.
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { guest } from "./groups/guest.mjs";
import { hotPath } from "./groups/hot-path.mjs";
import { inProcess } from "./groups/in-process.mjs";
import { iscsi } from "./groups/iscsi.mjs";
import { scale } from "./groups/scale.mjs";
import { judgeFloors } from "./lib/floors.mjs";
import { interleave } from "./lib/interleave.mjs";
import { plot } from "./lib/plot.mjs";
import { floorTable, groupTable } from "./lib/report.mjs";

/**
 * @typedef {object} Context
 * @property {number} rounds
 * @property {number} milliseconds of a round
 * @property {(name: string) => boolean} wanted whether a case is asked for
 * @property {(what: string, why: string) => void} skip tells what is left out
 *
 * @typedef {object} Group
 * @property {string} name
 * @property {string} title
 * @property {boolean} [slow] takes minutes: only when it is named or with --all
 * @property {(context: Context) => AsyncIterable<import("./lib/interleave.mjs").Case>} [cases] to be measured in turns
 * @property {(context: Context) => Promise<import("./lib/interleave.mjs").Row[]>} [rows] instead: measured already
 */

/** @type {readonly Group[]} */
const GROUPS = [hotPath, inProcess, iscsi, scale, guest];
const RESULTS = join(import.meta.dirname, "results");

const HELP = `Usage: npm run bench -- [options]

Compares, within one run and in turns, and prints medians, ratios and the 95 % confidence interval of each ratio's median.
A ratio a/b is the time of a over the time of b: above 1, b is the faster.

  --filter TEXT    only groups and cases whose "group: name" contains TEXT; may be given more than once
  --all            slow groups too (${GROUPS.filter(({ slow }) => slow)
    .map(({ name }) => name)
    .join(", ")})
  --rounds N       rounds of each case (31); more make the interval narrower
  --time MS        milliseconds of a side's round (8); short ones, since the machine's speed changes
  --plots FOLDER   where the plots go (bench/results)
  --json           the results as JSON on standard output, the tables on standard error
  --floors         judges what has to be reached; exit status 1 when a floor is missed
  --help           this text

Groups:
${GROUPS.map(({ name, title, slow }) => `  ${name.padEnd(16)} ${title}${slow ? " (slow)" : ""}`).join("\n")}

Each group's plot is GROUP.svg in that folder.
`;

/** The command was used wrongly. */
class UsageError extends Error {}

main().catch((error) => {
  const usage = error instanceof UsageError;
  console.error(usage ? `bench: ${error.message}` : error.stack);
  process.exitCode = usage ? 2 : 1;
});

async function main() {
  const options = readOptions();
  if (options === undefined) return;
  const print = options.json ? console.error : console.log;
  const results = [];
  for (const group of GROUPS) {
    const named = options.filter.some((text) => text.startsWith(group.name));
    if (group.slow && !named && !options.all) continue;
    const rows = await runGroup(group, options, print);
    if (rows.length === 0) continue;
    results.push({ name: group.name, title: group.title, rows });
    print(groupTable(group.title, rows));
    mkdirSync(options.plots, { recursive: true });
    writeFileSync(join(options.plots, `${group.name}.svg`), plot(group.title, rows));
  }
  if (results.length === 0)
    throw new UsageError(`nothing matches --filter ${options.filter.join(", ")}; --help names the groups`);
  const floors = judgeFloors(results);
  if (options.floors) print(floorTable(floors));
  if (options.json) console.log(JSON.stringify({ machine: machine(), options, groups: results, floors }, undefined, 2));
  if (options.floors && floors.some(({ holds }) => holds === false)) process.exitCode = 1;
}

async function runGroup(group, options, print) {
  const wanted = (name) =>
    options.filter.length === 0 || options.filter.some((text) => `${group.name}: ${name}`.includes(text));
  const skip = (what, why) => print(`${group.name}: ${what} is left out: ${why}`);
  const context = { rounds: options.rounds, milliseconds: options.milliseconds, wanted, skip };
  if (group.rows) return await group.rows(context);
  const rows = [];
  for await (const comparison of group.cases(context)) {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${group.name}: ${comparison.name}`);
    try {
      rows.push(await interleave(comparison, options.rounds, options.milliseconds));
    } finally {
      await comparison.close?.();
    }
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  return rows;
}

function readOptions() {
  const { values } = parse();
  if (values.help) {
    console.log(HELP);
    return undefined;
  }
  return {
    filter: values.filter,
    all: values.all,
    json: values.json,
    plots: values.plots,
    floors: values.floors,
    rounds: positive("rounds", values.rounds),
    milliseconds: positive("time", values.time),
  };
}

function parse() {
  try {
    return parseArgs({
      options: {
        filter: { type: "string", multiple: true, default: [] },
        all: { type: "boolean", default: false },
        rounds: { type: "string", default: "31" },
        time: { type: "string", default: "8" },
        json: { type: "boolean", default: false },
        plots: { type: "string", default: RESULTS },
        floors: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(`${error.message} (--help tells the options)`);
  }
}

function positive(name, text) {
  const value = Number(text);
  if (!(value > 0 && Number.isInteger(value)))
    throw new UsageError(`--${name} is a whole number above 0, not "${text}"`);
  return value;
}

function machine() {
  const models = cpus().map(({ model }) => model);
  return { date: new Date().toISOString(), node: process.version, processors: models.length, model: models[0] };
}
