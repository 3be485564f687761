import { expect, test } from "vitest";
import { formatReport, type Report, reportOf, type ShapeRun } from "../../scripts/lib/report.mjs";
import type { TestResult } from "../../scripts/lib/suite-output.mjs";

const EXPECTED = ["Read6.Simple", "Unmap.Simple", "Verify.Simple"];

function result(name: string, more: Partial<TestResult> = {}): TestResult {
  return { test: name, outcome: "passed", skips: [], failures: [], messages: [], ...more };
}

function run(shape: string, results: TestResult[], more: Partial<ShapeRun> = {}): ShapeRun {
  const failed = results.filter(({ outcome }) => outcome === "failed").length;
  const summary = { total: results.length, ran: results.length, passed: results.length - failed, failed };
  return {
    shape,
    expected: EXPECTED,
    run: { results, summary, outside: [] },
    ended: "exit status 0",
    seconds: 1,
    ...more,
  };
}

function report(runs: ShapeRun[], more: { all?: boolean; parts?: { test: string; reason: string }[] } = {}): Report {
  return reportOf({ target: "vscsi", tests: EXPECTED, runs, parts: more.parts ?? [], all: more.all ?? true });
}

const thin = run("thin", [
  result("Read6.Simple"),
  result("Unmap.Simple"),
  result("Verify.Simple", { skips: ["none"] }),
]);
const fixed = run("fixed", [
  result("Read6.Simple"),
  result("Unmap.Simple", { skips: ["fully provisioned"] }),
  result("Verify.Simple"),
]);

test("all is well when each test ran for real on some shape", () => {
  const { shapes, ran, never, failures, problems } = report([thin, fixed]);
  expect({ ran, never, failures, problems }).toEqual({ ran: 3, never: [], failures: [], problems: [] });
  expect(shapes.map(({ shape, tests, ran: real, skipped, failed }) => [shape, tests, real, skipped, failed])).toEqual([
    ["thin", 3, 2, 1, 0],
    ["fixed", 3, 2, 1, 0],
  ]);
  expect(shapes[1]?.skips).toEqual({ "fully provisioned": ["Unmap.Simple"] });
});

test("a test that ran for real nowhere is a problem, with the reason on every shape", () => {
  const { never, problems } = report([fixed]);
  expect(never).toEqual([{ test: "Unmap.Simple", reasons: ["fixed: fully provisioned"] }]);
  expect(problems).toEqual(["1 of 3 tests never ran for real"]);
  expect(report([fixed], { all: false }).problems).toEqual([]);
});

test("a failure on one shape is a problem, though it passed on another", () => {
  const failing = run("4096", [...thin.run.results.slice(0, 2), result("Verify.Simple", { outcome: "failed" })]);
  const { failures, never, problems } = report([fixed, failing]);
  expect(failures.map(({ shape, test: name }) => [shape, name])).toEqual([["4096", "Verify.Simple"]]);
  expect(never).toEqual([]);
  expect(problems).toEqual(["1 failed"]);
});

test("fewer tests than there are is a problem: a suite that died, one that left some out", () => {
  const died = run("thin", [result("Read6.Simple"), result("Unmap.Simple", { outcome: "unfinished" })], {
    ended: "SIGSEGV",
  });
  expect(report([died, fixed, thin]).problems).toEqual([
    "thin: 2 tests did not run to their end (SIGSEGV): Unmap.Simple, Verify.Simple",
  ]);
});

test("a count that isn't the suite's own is a problem", () => {
  const wrong = run("thin", thin.run.results);
  wrong.run.summary = { total: 3, ran: 3, passed: 2, failed: 1 };
  expect(report([wrong, fixed]).problems).toEqual(["thin: the suite counts 1 failures where 0 were read"]);
});

test("of a test that is run apart, that result counts", () => {
  const skipped = run("thin", [
    result("Read6.Simple"),
    result("Unmap.Simple"),
    result("Verify.Simple", { skips: ["no"] }),
  ]);
  const first = result("Verify.Simple", { outcome: "failed" });
  const apart = (last: TestResult) => [{ results: [first, last], summary: undefined, outside: [] }];
  expect(report([{ ...skipped, apart: apart(result("Verify.Simple")) }])).toMatchObject({ ran: 3, problems: [] });
  const failed = apart(result("Verify.Simple", { outcome: "failed" }));
  expect(report([{ ...skipped, apart: failed }]).problems).toEqual(["1 failed", "1 of 3 tests never ran for real"]);
});

test("a part that is left out leaves the rest of that test for real, and of no other", () => {
  const parts = [{ test: "Unmap.Simple", reason: "fully provisioned" }];
  expect(report([fixed], { parts })).toMatchObject({ ran: 3, problems: [] });
  expect(report([fixed], { parts: [{ test: "Verify.Simple", reason: "fully provisioned" }] }).ran).toBe(2);
});

test("a shape on which the suite doesn't begin must say why", () => {
  const refusal = "MEDIUM_NOT_PRESENT";
  const empty = run("empty", [], {
    refusal,
    run: { results: [], summary: undefined, outside: [`failed: ${refusal}`, "end"] },
  });
  const good = report([thin, fixed, empty]);
  expect(good).toMatchObject({ ran: 3, problems: [] });
  expect(formatReport(good)).toContain(`failed: ${refusal}\n      empty all`);
  const other = { ...empty, run: { ...empty.run, outside: ["no such target"] } };
  expect(report([thin, fixed, other]).problems).toEqual([
    "empty: the suite should say MEDIUM_NOT_PRESENT, and said: no such target",
  ]);
  expect(report([thin, fixed, { ...thin, refusal }]).problems).toHaveLength(1);
});

test("the report for people has the table, the reasons, and what is wrong", () => {
  const failing = run("4096", [
    result("Read6.Simple", {
      outcome: "failed",
      failures: ["test_read6.c:1 CU_ASSERT_EQUAL(_r,0)"],
      messages: ["READ6 failed"],
    }),
    ...thin.run.results.slice(1),
  ]);
  expect(formatReport(report([failing]))).toBe(`iscsi-test-cu against vscsi

shape  tests  ran  skipped  failed  time
4096       3    1        1       1   1 s

Skipped, by the suite's own reason:
  none
      4096 1: Verify.Simple

Never ran for real:
  Read6.Simple
      4096: failed
  Verify.Simple
      4096: none

Failures:
  4096: Read6.Simple
      READ6 failed
      test_read6.c:1 CU_ASSERT_EQUAL(_r,0)

1 of 3 tests ran for real on at least one shape; 1 failed.
problem: 1 failed
problem: 2 of 3 tests never ran for real
`);
});
