// @ts-check
// What the runs on all shapes amount to: counts, the union, what is wrong.

/**
 * @typedef {import("./suite-output.mjs").TestResult} TestResult
 * @typedef {import("./suite-output.mjs").SuiteRun} SuiteRun
 *
 * @typedef {object} ShapeRun
 * @property {string} shape
 * @property {readonly string[]} expected the tests that were asked of it
 * @property {SuiteRun} run
 * @property {readonly SuiteRun[]} [apart] runs of tests that the first one can't make; their last result counts
 * @property {string} ended how the suite's process ended
 * @property {number} seconds
 * @property {string} [refusal] what it must print instead of running
 *
 * @typedef {object} Part
 * @property {string} test
 * @property {string} reason
 *
 * @typedef {object} ShapeReport
 * @property {string} shape
 * @property {string} [refused] why the suite did not begin, as it should not
 * @property {number} tests
 * @property {number} ran for real: nothing left out, nothing failed
 * @property {number} skipped
 * @property {number} failed
 * @property {number} seconds
 * @property {Record<string, string[]>} skips tests by reason
 * @property {TestResult[]} results
 *
 * @typedef {object} Never
 * @property {string} test
 * @property {string[]} reasons "SHAPE: REASON"
 *
 * @typedef {object} Report
 * @property {string} target
 * @property {number} tests
 * @property {ShapeReport[]} shapes
 * @property {number} ran tests that ran for real on some shape
 * @property {Never[]} never the others
 * @property {(TestResult & { shape: string })[]} failures
 * @property {string[]} problems for which the whole is a failure
 */

/**
 * @param {object} what
 * @param {string} what.target
 * @param {readonly string[]} what.tests every test that the suite has, "Suite.Test"
 * @param {readonly ShapeRun[]} what.runs
 * @param {readonly Part[]} what.parts skips that leave the rest of a test for real
 * @param {boolean} what.all whether every shape was run, so that every test must have run for real somewhere
 * @returns {Report}
 */
export function reportOf({ target, tests, runs, parts, all }) {
  /** @param {TestResult} result */
  const isWhole = ({ test, skips }) =>
    skips.every((skip) => parts.some((part) => part.test === test && part.reason === skip));
  /** @type {string[]} */
  const problems = [];
  const shapes = runs.map((run) => {
    const results = merged(run);
    problems.push(...(run.refusal ? problemsOfRefusal(run) : problemsOfRun(run, results)));
    return shapeReport(run, results, isWhole);
  });
  const began = shapes.filter(({ refused }) => refused === undefined);
  const whole = new Set(
    began.flatMap(({ results }) =>
      results.filter((result) => result.outcome === "passed" && isWhole(result)).map(({ test }) => test),
    ),
  );
  const never = tests.filter((test) => !whole.has(test)).map((test) => ({ test, reasons: reasonsOf(began, test) }));
  const failures = began.flatMap(({ shape, results }) =>
    results.filter(({ outcome }) => outcome === "failed").map((result) => ({ shape, ...result })),
  );
  if (failures.length > 0) problems.push(`${failures.length} failed`);
  if (all && never.length > 0) problems.push(`${never.length} of ${tests.length} tests never ran for real`);
  return { target, tests: tests.length, shapes, ran: tests.length - never.length, never, failures, problems };
}

/** @param {ShapeRun} run */
function merged({ run, apart = [] }) {
  const again = new Map(apart.flatMap(({ results }) => results.map((result) => [result.test, result])));
  return run.results.map((result) => again.get(result.test) ?? result);
}

/**
 * @param {ShapeRun} run
 * @param {TestResult[]} results
 * @param {(result: TestResult) => boolean} isWhole
 * @returns {ShapeReport}
 */
function shapeReport({ shape, seconds, run, refusal }, results, isWhole) {
  /** @type {Record<string, string[]>} */
  const skips = {};
  const passed = results.filter(({ outcome }) => outcome === "passed");
  const skipped = passed.filter((result) => !isWhole(result));
  for (const {
    test,
    skips: [reason = ""],
  } of skipped)
    skips[reason] = [...(skips[reason] ?? []), test];
  return {
    shape,
    ...(refusal && results.length === 0
      ? { refused: run.outside.find((line) => line.includes(refusal)) ?? run.outside.at(-1) ?? "" }
      : {}),
    tests: results.length,
    ran: passed.length - skipped.length,
    skipped: skipped.length,
    failed: results.filter(({ outcome }) => outcome === "failed").length,
    seconds,
    skips,
    results,
  };
}

/**
 * @param {ShapeRun} run
 * @param {TestResult[]} results
 */
function problemsOfRun({ shape, expected, run, ended }, results) {
  const finished = new Set(results.filter(({ outcome }) => outcome !== "unfinished").map(({ test }) => test));
  const missing = expected.filter((test) => !finished.has(test));
  const problems = [];
  if (missing.length > 0) {
    const last = run.summary === undefined ? `; last line: ${run.outside.at(-1) ?? "none"}` : "";
    problems.push(`${shape}: ${missing.length} tests did not run to their end (${ended}${last}): ${some(missing)}`);
  }
  const failed = run.results.filter(({ outcome }) => outcome === "failed").length;
  if (run.summary && run.summary.failed !== failed)
    problems.push(`${shape}: the suite counts ${run.summary.failed} failures where ${failed} were read`);
  return problems;
}

/** @param {ShapeRun} run */
function problemsOfRefusal({ shape, run, refusal = "" }) {
  if (run.results.length > 0) return [`${shape}: the suite began, where it should say ${refusal}`];
  if (run.outside.some((line) => line.includes(refusal))) return [];
  return [`${shape}: the suite should say ${refusal}, and said: ${run.outside.at(-1) ?? "nothing"}`];
}

/**
 * Why a test ran for real on none of the shapes: "SHAPE, SHAPE: REASON".
 *
 * @param {readonly ShapeReport[]} shapes
 * @param {string} test
 */
function reasonsOf(shapes, test) {
  /** @type {Map<string, string[]>} */
  const reasons = new Map();
  for (const { shape, results } of shapes) {
    const result = results.find((each) => each.test === test);
    const reason = !result ? "not asked" : result.outcome === "passed" ? (result.skips[0] ?? "") : result.outcome;
    reasons.set(reason, [...(reasons.get(reason) ?? []), shape]);
  }
  return [...reasons].map(([reason, names]) => `${names.join(", ")}: ${reason}`);
}

const SHOWN = 5;

/** @param {readonly string[]} list */
function some(list) {
  const rest = list.length - SHOWN;
  return `${list.slice(0, SHOWN).join(", ")}${rest > 0 ? `, and ${rest} more` : ""}`;
}

/**
 * The report for people.
 *
 * @param {Report} report
 * @returns {string}
 */
export function formatReport(report) {
  const header = ["shape", "tests", "ran", "skipped", "failed", "time"];
  const rows = report.shapes.map(({ shape, refused, tests, ran, skipped, failed, seconds }) =>
    refused === undefined
      ? [shape, ...[tests, ran, skipped, failed].map(String), `${Math.round(seconds)} s`]
      : [shape, "0", "", "", "", "refused"],
  );
  return [
    `iscsi-test-cu against ${report.target}`,
    "",
    ...table([header, ...rows]),
    "",
    ...section("Skipped, by the suite's own reason", skipLines(report)),
    ...section(
      "Never ran for real",
      report.never.flatMap(({ test, reasons }) => [test, ...reasons.map((reason) => `    ${reason}`)]),
    ),
    ...section(
      "Failures",
      report.failures.flatMap(({ shape, test, failures, messages }) => [
        `${shape}: ${test}`,
        ...[...messages.slice(0, SHOWN), ...failures.slice(0, SHOWN)].map((line) => `    ${line}`),
      ]),
    ),
    `${report.ran} of ${report.tests} tests ran for real on at least one shape; ${report.failures.length} failed.`,
    ...report.problems.map((problem) => `problem: ${problem}`),
    "",
  ].join("\n");
}

/**
 * One line a reason: how many tests on which shapes.
 *
 * @param {Report} report
 */
function skipLines({ shapes }) {
  /** @type {Map<string, { counts: string[], tests: Set<string> }>} */
  const reasons = new Map();
  for (const { shape, refused, skips } of shapes) {
    if (refused !== undefined) reasons.set(refused, { counts: [`${shape} all`], tests: new Set() });
    for (const [reason, tests] of Object.entries(skips)) {
      const line = reasons.get(reason) ?? { counts: [], tests: new Set() };
      line.counts.push(`${shape} ${tests.length}`);
      for (const test of tests) line.tests.add(test);
      reasons.set(reason, line);
    }
  }
  return [...reasons].flatMap(([reason, { counts, tests }]) => [
    reason,
    `    ${counts.join(", ")}${tests.size > 0 ? `: ${some([...tests])}` : ""}`,
  ]);
}

/** @param {readonly (readonly string[])[]} rows the first cell of each to the left, the others to the right */
function table(rows) {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

/**
 * @param {string} title
 * @param {readonly string[]} lines
 */
function section(title, lines) {
  return lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`), ""];
}
