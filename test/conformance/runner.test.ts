import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { requires } from "../support/requires.ts";

const SCRIPT = resolve(import.meta.dirname, "../../scripts/conformance.mjs");

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], {
    encoding: "utf8",
    timeout: 60_000,
  });
  return { status, stdout, stderr };
}

test.each([
  { args: ["--shape", "round"], message: 'there is no shape "round"' },
  { args: ["--colour"], message: "--colour" },
])("$args is wrong use", ({ args, message }) => {
  const { status, stdout, stderr } = run(...args);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain(message);
  expect(stderr).toContain("usage:");
});

describe.skipIf(!requires("iscsi-test-cu") || !requires("cc"))("a part of the suite", () => {
  test("is run on the shapes that were asked for, and every result is kept", () => {
    const folder = mkdtempSync(join(tmpdir(), "vscsi-runner-"));
    try {
      const json = join(folder, "report.json");
      const args = ["--shape", "thin", "--shape", "no-medium", "--test", "ALL.StartStopUnit", "--json", json];
      const { status, stdout } = run(...args);
      expect(stdout).toMatch(/^thin +3 +0 +3 +0 +\d+ s\nno-medium +0 +refused$/m);
      expect(stdout).toContain("MEDIUM_NOT_PRESENT");
      expect(status).toBe(0);
      const report = JSON.parse(readFileSync(json, "utf8"));
      expect(report.never.map(({ test: name }: { test: string }) => name)).toEqual([
        "StartStopUnit.Simple",
        "StartStopUnit.PwrCnd",
        "StartStopUnit.NoLoej",
      ]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("that doesn't exist is wrong use", () => {
    expect(run("--test", "ALL.Read7")).toMatchObject({ status: 2, stdout: "" });
  });
});
