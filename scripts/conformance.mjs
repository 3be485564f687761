#!/usr/bin/env node
// @ts-check
// Has Debian's iscsi-test-cu judge our iSCSI portal, on logical units of all shapes at the same time (docs/conformance.md).
// Exit status: 0 everything passed and every test ran for real somewhere, 1 not so, 2 used wrongly.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { follow, run } from "./lib/processes.mjs";
import { formatReport, reportOf } from "./lib/report.mjs";
import { serveWithTgtd, serveWithVscsi } from "./lib/servers.mjs";
import { APART, PARTS, SHAPES } from "./lib/shapes.mjs";
import { SuiteOutput } from "./lib/suite-output.mjs";

/** @typedef {import("./lib/shapes.mjs").Shape} Shape */

const SUITE = "iscsi-test-cu";
/** The family that holds every suite once. */
const FAMILY = "ALL";
/** After this long without an end, in milliseconds, the suite hangs. */
const TIMEOUT = 600_000;

const USAGE = `usage: npm run conformance -- [options]
  --shape NAME              only this logical unit; may be given more than once: ${SHAPES.map(({ name }) => name).join(", ")}
  --test ALL.SUITE[.TEST]   only these tests; * stands for any text
  --json FILE               writes everything there
  --tgtd                    judges Debian's tgtd, for comparison
  --keep                    keeps configuration, logs and the suite's output
`;

/**
 * @param {string} message
 * @returns {never}
 */
function usageError(message) {
  process.stderr.write(`conformance: ${message}\n${USAGE}`);
  process.exit(2);
}

function options() {
  try {
    const { values } = parseArgs({
      options: {
        shape: { type: "string", multiple: true },
        test: { type: "string" },
        json: { type: "string" },
        tgtd: { type: "boolean", default: false },
        keep: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    return values;
  } catch (error) {
    return usageError(error instanceof Error ? error.message : String(error));
  }
}

/**
 * @param {string} glob only * has a meaning
 * @returns {(text: string) => boolean}
 */
function matcher(glob) {
  const pattern = new RegExp(
    `^${glob
      .split("*")
      .map((text) => text.replace(/\W/g, "\\$&"))
      .join(".*")}$`,
  );
  return (text) => pattern.test(text);
}

/**
 * The suite's tests that a pattern names, "Suite.Test".
 *
 * @param {string} pattern
 */
function listTests(pattern) {
  const [only, suite = "*", test = "*"] = pattern.split(".");
  if (only !== FAMILY) return [];
  const [isSuite, isTest] = [matcher(suite), matcher(test)];
  return run(SUITE, ["--list"])
    .split("\n")
    .map((line) => line.split("."))
    .filter(([family, name = "", rest]) => family === FAMILY && rest && isSuite(name) && isTest(rest))
    .map(([, name, rest]) => `${name}.${rest}`);
}

/**
 * Which tests to run on a shape, and the suite's argument for them: its parts whole where nothing is left out of them, so
 * that their tests share a session. It takes a list from its end.
 *
 * @param {Shape} shape
 * @param {string} pattern
 * @param {readonly string[]} tests those that the pattern names
 */
function testsOf({ suites = ["*"], without = [] }, pattern, tests) {
  const matchers = suites.map(matcher);
  const suiteOf = (/** @type {string} */ test) => test.split(".")[0] ?? "";
  const isExpected = (/** @type {string} */ test) =>
    !without.includes(test) && matchers.some((isSuite) => isSuite(suiteOf(test)));
  const expected = tests.filter(isExpected);
  if (expected.length === tests.length) return { expected, list: pattern };
  const parted = new Set(tests.filter((test) => !isExpected(test)).map(suiteOf));
  const names = new Set(
    expected.map((test) => (pattern !== FAMILY || parted.has(suiteOf(test)) ? test : suiteOf(test))),
  );
  return {
    expected,
    list: [...names]
      .map((name) => `${FAMILY}.${name}`)
      .reverse()
      .join(","),
  };
}

/** Shows how far each shape is: on a terminal all the time, elsewhere as each one ends. */
class Progress {
  #counts = new Map();
  #total;
  #shown = 0;

  /** @param {number} total tests a shape */
  constructor(total) {
    this.#total = total;
  }

  /** @param {string} shape */
  test(shape) {
    this.#counts.set(shape, (this.#counts.get(shape) ?? 0) + 1);
    if (!process.stderr.isTTY || Date.now() - this.#shown < 100) return;
    this.#shown = Date.now();
    const text = [...this.#counts].map(([name, count]) => `${name} ${count}/${this.#total}`).join("  ");
    process.stderr.write(`\r\x1b[K${text.slice(0, process.stderr.columns - 1)}`);
  }

  /**
   * @param {string} shape
   * @param {number} seconds
   */
  end(shape, seconds) {
    const clear = process.stderr.isTTY ? "\r\x1b[K" : "";
    process.stderr.write(`${clear}${shape}: ${this.#counts.get(shape) ?? 0} tests, ${Math.round(seconds)} s\n`);
    this.#counts.delete(shape);
  }
}

/**
 * @param {Shape} shape
 * @param {object} how
 * @param {string[]} how.urls
 * @param {readonly string[]} how.expected
 * @param {string} how.list
 * @param {string} how.notes the shared object to preload
 * @param {string} how.folder
 * @param {AbortSignal} how.signal
 * @param {Progress} how.progress
 * @returns {Promise<import("./lib/report.mjs").ShapeRun>}
 */
async function judge(shape, { urls, expected, list, notes, folder, signal, progress }) {
  const flags = [
    "--dataloss",
    ...(shape.sanitize === false ? [] : ["--allow-sanitize"]),
    "--verbose",
    "--Verbose-scsi",
  ];
  const env = { ...process.env, LD_PRELOAD: notes };
  /**
   * @param {string} tests
   * @param {string} log
   * @param {() => void} onResult
   */
  const runSuite = async (tests, log, onResult) => {
    const output = new SuiteOutput(onResult);
    const ended = await follow({
      command: SUITE,
      args: [...flags, "--test", tests, ...urls],
      env,
      log: join(folder, log),
      onLine: (line) => output.line(line),
      timeout: TIMEOUT,
      signal,
    });
    return { ended, run: output.end() };
  };
  const begin = performance.now();
  const main = await runSuite(list, `suite-${shape.name}.log`, () => progress.test(shape.name));
  const apart = [];
  for (const { test, list } of APART)
    if (main.run.results.some((result) => result.test === test))
      apart.push((await runSuite(list, `suite-${shape.name}-${test}.log`, () => {})).run);
  const seconds = (performance.now() - begin) / 1000;
  progress.end(shape.name, seconds);
  const refusal = shape.refusal ? { refusal: shape.refusal } : {};
  return { shape: shape.name, expected, ...main, apart, seconds, ...refusal };
}

const flags = options();
if (flags.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const unknown = flags.shape?.find((name) => SHAPES.every((shape) => shape.name !== name));
if (unknown !== undefined) usageError(`--shape: there is no shape "${unknown}"`);
const shapes = SHAPES.filter(({ name }) => flags.shape?.includes(name) ?? true);
const pattern = flags.test ?? FAMILY;
const tests = listTests(pattern);
if (tests.length === 0) usageError(`--test: no test of ${SUITE} is named "${pattern}"`);

const folder = mkdtempSync(join(tmpdir(), "vscsi-conformance-"));
const abort = new AbortController();
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.once(signal, () => abort.abort(signal));

try {
  const notes = join(folder, "cunit-notes.so");
  run("cc", ["-shared", "-fPIC", "-O2", "-o", notes, join(import.meta.dirname, "lib/cunit-notes.c")]);
  const files = join(folder, "target");
  mkdirSync(files);
  const { urls, stop } = await (flags.tgtd ? serveWithTgtd : serveWithVscsi)(files, shapes);
  const progress = new Progress(tests.length);
  try {
    const how = { notes, folder, signal: abort.signal, progress };
    const runs = await Promise.all(
      shapes.map((shape) => judge(shape, { ...how, ...testsOf(shape, pattern, tests), urls: urls(shape) })),
    );
    const all = shapes.length === SHAPES.length;
    const report = reportOf({ target: flags.tgtd ? "tgtd" : "vscsi", tests, runs, parts: PARTS, all });
    process.stdout.write(formatReport(report));
    if (flags.json) writeFileSync(flags.json, `${JSON.stringify(report, undefined, 2)}\n`);
    if (report.problems.length > 0) process.exitCode = 1;
  } finally {
    abort.abort();
    await stop();
  }
} catch (error) {
  process.stderr.write(`conformance: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  if (flags.keep) process.stderr.write(`conformance: kept ${folder}\n`);
  else rmSync(folder, { recursive: true, force: true });
}
