import { describe, expect, test } from "vitest";
import { SuiteOutput, type SuiteRun } from "../../scripts/lib/suite-output.mjs";

function read(text: string): SuiteRun {
  const output = new SuiteOutput();
  for (const line of text.split("\n")) output.line(line);
  return output.end();
}

const HEAD = `    Send PRIN/READ_KEYS
    Send READCAPACITY10 (Expecting SUCCESS) LBA:0 pmi:0
    [OK] READCAPACITY10 returned SUCCESS NO SENSE(0x00) (null)(0x0000)


     CUnit - A unit testing framework for C - Version 2.1-3
     http://cunit.sourceforge.net/


`;

const TAIL = `

Run Summary:    Type  Total    Ran Passed Failed Inactive
              suites     51     51    n/a      0        0
               tests    230    230    223      7        0
             asserts  32357  32357  30799   1558      n/a

Elapsed time =    1.335 seconds
Tests completed with return value: 0
`;

describe("what iscsi-test-cu prints", () => {
  test("a test that runs for real passes, with the end of the session on its line", () => {
    const { results } = read(`${HEAD}Suite: Reserve6
  Test: Simple ...
    Test basic RESERVE6/RELEASE6 commands if supported
    Send RESERVE6
    [OK] RESERVE6 returned SUCCESS.
passed    Send PRIN/READ_KEYS
    [FAILED] PRIN command: failed with sense. SENSE KEY:UNIT_ATTENTION(6) ASCQ:BUS_RESET(0x2900)

Suite: MultipathIO
  Test: Simple ...passed
  Test: 2ITNexuses ...passed`);
    expect(results).toEqual([
      { test: "Reserve6.Simple", outcome: "passed", skips: [], failures: [], messages: [] },
      { test: "MultipathIO.Simple", outcome: "passed", skips: [], failures: [], messages: [] },
      { test: "MultipathIO.2ITNexuses", outcome: "passed", skips: [], failures: [], messages: [] },
    ]);
  });

  test("a skip is one on the test's own line, in the midst of it, and when only -V shows it", () => {
    const { results } = read(`Suite: CompareAndWrite
  Test: InvalidDataOutSize ...    [SKIPPED] Logical unit is fully provisioned. Skipping test

    [CU_PASS] test_compareandwrite_invalid_dataout_size.c:55 "[SKIPPED] Logical unit is fully provisioned." " Skipping test"
passed
  Test: Unwritten ...
    Test COMPARE_AND_WRITE of 1-256 blocks at the start of the LUN, 1 block at a time
    Send COMPAREANDWRITE (Expecting CHECK_CONDITION) LBA:1 LEN:1024 WRPROTECT:0
    [SKIPPED] COMPAREANDWRITE is not implemented.

    [CU_PASS] test_compareandwrite_unwritten.c:59 "[SKIPPED] COMPARE AND WRITE not supported"
passed
Suite: NoMedia
  Test: NoMediaSBC ...
    Test that Medium commands fail when medium is ejected on SBC devices
    [SKIPPED] LUN is not removable. Skipping test.
passed    Send PRIN/READ_KEYS`);
    expect(results.map(({ test, outcome, skips }) => [test, outcome, skips])).toEqual([
      ["CompareAndWrite.InvalidDataOutSize", "passed", ["Logical unit is fully provisioned. Skipping test"]],
      [
        "CompareAndWrite.Unwritten",
        "passed",
        ["COMPAREANDWRITE is not implemented.", "COMPARE AND WRITE not supported"],
      ],
      ["NoMedia.NoMediaSBC", "passed", ["LUN is not removable. Skipping test."]],
    ]);
  });

  test("a skip is one that CUnit never shows", () => {
    const { results } = read(`Suite: MultipathIO
  Test: CompareAndWrite ...
    [CU_PASS] test_multipathio_compareandwrite.c:50 "[SKIPPED] MAXIMUM_COMPARE_AND_WRITE_LENGTH too small"
passed
  Test: Small ...
    [CU_PASS] test_read6_beyond_eol.c:50 "LUN is too small for read-beyond-eol tests with READ6. Skipping test.\\n"
passed
  Test: Eject ...
    [SKIPPED] Media is not removable.

    [CU_PASS] test_startstopunit_simple.c:46 err
passed
  Test: Unsaid ...
    [CU_PASS] test_startstopunit_simple.c:46 err
passed`);
    expect(results.map(({ skips }) => skips)).toEqual([
      ["MAXIMUM_COMPARE_AND_WRITE_LENGTH too small"],
      ["LUN is too small for read-beyond-eol tests with READ6. Skipping test."],
      ["Media is not removable."],
      ["test_startstopunit_simple.c:46 err"],
    ]);
  });

  test("a failure comes with its assertions and with what the test printed", () => {
    const { results, summary } = read(`Suite: Sanitize
  Test: Reset ...
    Verify that the SANITIZE has started and that TESTUNITREADY fails with SANITIZE_IN_PROGRESS
    [FAILED] TESTUNITREADY failed with wrong sense. Should have failed with NOT READY(0x02)

    ABORT TASK failed. TASK MGMT responded Task Does Not Exist
FAILED
    1. test_sanitize_reset.c:97  - CU_ASSERT_EQUAL(_r,0)
    2. test_sanitize_reset.c:165  - CU_ASSERT_EQUAL(_r,0)    Send PRIN/READ_KEYS
    [SKIPPED] of no test

Suite: TestUnitReady
  Test: Simple ...passed${TAIL}`);
    expect(results[0]).toEqual({
      test: "Sanitize.Reset",
      outcome: "failed",
      skips: [],
      failures: ["test_sanitize_reset.c:97 CU_ASSERT_EQUAL(_r,0)", "test_sanitize_reset.c:165 CU_ASSERT_EQUAL(_r,0)"],
      messages: ["TESTUNITREADY failed with wrong sense. Should have failed with NOT READY(0x02)"],
    });
    expect(results[1]?.outcome).toBe("passed");
    expect(summary).toEqual({ total: 230, ran: 230, passed: 223, failed: 7 });
  });

  test("of a thousand failures few are kept", () => {
    const many = Array.from(
      { length: 1000 },
      (_, index) => `    ${index + 1}. test_x.c:${index}  - CU_ASSERT_EQUAL(_r,0)`,
    );
    const { results } = read(`Suite: X\n  Test: Y ...\nFAILED\n${many.join("\n")}`);
    expect(results[0]?.failures).toHaveLength(20);
  });

  test("where the suite dies, its test is unfinished and there is no summary", () => {
    const { results, summary } = read("Suite: Read6\n  Test: Simple ...passed\n  Test: BeyondEol ...\n    Send READ6");
    expect(results.map(({ outcome }) => outcome)).toEqual(["passed", "unfinished"]);
    expect(summary).toBeUndefined();
  });

  test("where it refuses to begin, its reason is kept", () => {
    const { results, outside } = read(
      "READCAPACITY10 command: failed with sense. SENSE KEY:NOT READY(2) ASCQ:MEDIUM_NOT_PRESENT(0x3a00)\n",
    );
    expect(results).toEqual([]);
    expect(outside).toEqual([
      "READCAPACITY10 command: failed with sense. SENSE KEY:NOT READY(2) ASCQ:MEDIUM_NOT_PRESENT(0x3a00)",
    ]);
  });

  test("each test is told as it ends", () => {
    const told: string[] = [];
    const output = new SuiteOutput(({ test }) => told.push(test));
    for (const line of ["Suite: A", "  Test: One ...passed", "  Test: Two ...passed"]) output.line(line);
    expect(told).toEqual(["A.One"]);
    output.end();
    expect(told).toEqual(["A.One", "A.Two"]);
  });
});
