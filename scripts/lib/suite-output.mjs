// @ts-check
// Reads what `iscsi-test-cu -v -V` prints, with the lines that cunit-notes.c adds, as it comes.
//
// CUnit names a test, lets it print, and puts "passed" or "FAILED" right behind, on a line that the end of the session
// may share; the failed assertions follow, numbered. A test that leaves out its subject passes all the same.

/**
 * @typedef {"passed" | "failed" | "unfinished"} Outcome
 *
 * @typedef {object} TestResult
 * @property {string} test "Suite.Test"
 * @property {Outcome} outcome "unfinished" when the output ends within it
 * @property {string[]} skips reasons for which it left out its subject or a part of it; none when it ran for real
 * @property {string[]} failures the assertions that did not hold, "FILE:LINE ASSERTION"
 * @property {string[]} messages what it printed as [FAILED]
 *
 * @typedef {object} Summary CUnit's own count
 * @property {number} total
 * @property {number} ran
 * @property {number} passed
 * @property {number} failed
 *
 * @typedef {object} SuiteRun
 * @property {TestResult[]} results in the order in which they ran
 * @property {Summary | undefined} summary nothing when the suite died or refused the logical unit
 * @property {string[]} outside the last lines that belong to no test: why it refused or died
 */

/** Lines kept of each kind and test: a broken command fails a thousand times. */
const KEPT = 20;
const KEPT_OUTSIDE = 40;

const SUITE = /^Suite: (\S.*)$/;
const TEST = /^ {2}Test: (\S+) \.\.\.(.*)$/;
/** The session that ends behind the suite's last test may print on the same line. */
const VERDICT = /^(passed|FAILED)(?: {4}.*)?$/;
const ASSERTION = /^ {4}\d+\. (\S+:\d+) {2}- (.*?)(?: {4}.*)?$/;
const MARK = /^\s*\[(SKIPPED|FAILED|CU_PASS)\] (.*)$/;
const SUMMARY = /^\s+tests\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+\d+$/;

/** Takes the suite's output line by line. */
export class SuiteOutput {
  /** @type {TestResult[]} */
  #results = [];
  /** @type {Summary | undefined} */
  #summary;
  /** @type {string[]} */
  #outside = [];
  #suite = "";
  /** @type {TestResult | undefined} */
  #test;
  #onResult;

  /** @param {(result: TestResult) => void} [onResult] called as each test ends */
  constructor(onResult = () => {}) {
    this.#onResult = onResult;
  }

  /** @param {string} line without its line end */
  line(line) {
    const test = TEST.exec(line);
    if (test) {
      this.#close();
      this.#test = { test: `${this.#suite}.${test[1]}`, outcome: "unfinished", skips: [], failures: [], messages: [] };
      this.#content(this.#test, test[2] ?? "");
      return;
    }
    const suite = SUITE.exec(line);
    const summary = SUMMARY.exec(line);
    if (suite) {
      this.#close();
      this.#suite = suite[1] ?? "";
    } else if (summary) {
      const [total = 0, ran = 0, passed = 0, failed = 0] = summary.slice(1).map(Number);
      this.#close();
      this.#summary = { total, ran, passed, failed };
    } else if (this.#test) this.#content(this.#test, line);
    else if (line.trim() !== "") {
      this.#outside.push(line.trim());
      if (this.#outside.length > KEPT_OUTSIDE) this.#outside.shift();
    }
  }

  /** @returns {SuiteRun} */
  end() {
    this.#close();
    return { results: this.#results, summary: this.#summary, outside: this.#outside };
  }

  /**
   * @param {TestResult} test
   * @param {string} line
   */
  #content(test, line) {
    if (test.outcome !== "unfinished") {
      const assertion = ASSERTION.exec(line);
      if (assertion && test.outcome === "failed") keep(test.failures, `${assertion[1]} ${assertion[2]}`);
      return;
    }
    const verdict = VERDICT.exec(line);
    if (verdict) test.outcome = verdict[1] === "passed" ? "passed" : "failed";
    const mark = MARK.exec(line);
    if (!mark) return;
    const [, kind, text = ""] = mark;
    if (kind === "FAILED") keep(test.messages, text);
    else {
      const reason = kind === "SKIPPED" ? text.trim() : silentReason(text);
      if (reason !== undefined) keep(test.skips, reason);
      else if (test.skips.length === 0) keep(test.skips, text);
    }
  }

  #close() {
    if (!this.#test) return;
    this.#results.push(this.#test);
    this.#onResult(this.#test);
    this.#test = undefined;
  }
}

/**
 * The reason in a CU_PASS, which is source text: `test.c:31 "[SKIPPED] Logical unit is not " "removable"`.
 *
 * @param {string} text
 * @returns {string | undefined} nothing when it is an expression: the suite has printed its value before
 */
function silentReason(text) {
  const literals = [...text.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1]);
  if (literals.length === 0) return undefined;
  return literals
    .join("")
    .replace(/^\[[A-Z]+\] /, "")
    .replaceAll("\\n", "")
    .trim();
}

/**
 * @param {string[]} list
 * @param {string} text
 */
function keep(list, text) {
  if (list.length < KEPT && !list.includes(text)) list.push(text);
}
