import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { judgeFloors } from "../../bench/lib/floors.mjs";
import { summary } from "../../bench/lib/statistics.mjs";

const MAIN = resolve(import.meta.dirname, "../../bench/main.mjs");

const plots = mkdtempSync(join(tmpdir(), "vscsi-plots-"));
afterAll(() => rmSync(plots, { recursive: true }));

function bench(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "--plots", plots, ...args], {
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("WebAssembly, its twin and C do the same work in every case of the hot path", { timeout: 120_000 }, () => {
  // A case whose memories differ after one sample ends the run.
  const { status, stdout, stderr } = bench("--filter", "hot-path", "--rounds", "1", "--time", "1", "--json");
  expect(stderr).not.toContain("differ");
  expect(status).toBe(0);
  const { groups } = JSON.parse(stdout) as { groups: { rows: { name: string; sides: object }[] }[] };
  const rows = groups[0]?.rows ?? [];
  expect(rows.length).toBeGreaterThan(40);
  for (const { name, sides } of rows) expect([name, Object.keys(sides).slice(0, 2)]).toEqual([name, ["wasm", "js"]]);
});

test("whole commands run on every backend", { timeout: 60_000 }, () => {
  const { status, stdout } = bench(
    "--filter",
    "in-process: read 4 KiB QD 64",
    "--rounds",
    "1",
    "--time",
    "1",
    "--json",
  );
  expect(status).toBe(0);
  const { groups } = JSON.parse(stdout) as { groups: { rows: { name: string }[] }[] };
  expect(groups.flatMap(({ rows }) => rows.map(({ name }) => name))).toEqual([
    "read 4 KiB QD 64, null",
    "read 4 KiB QD 64, memory",
    "read 4 KiB QD 64, file",
  ]);
});

test("a command's cost is told by how many are under way", { timeout: 60_000 }, () => {
  const { status, stdout } = bench("--filter", "scale: 1 adapter", "--rounds", "1", "--json");
  expect(status).toBe(0);
  const { groups } = JSON.parse(stdout) as { groups: { rows: { name: string; sides: object }[] }[] };
  const rows = groups.flatMap((group) => group.rows);
  expect(rows.map(({ name }) => name.split(" ").at(-1))).toEqual(["8", "64", "512"]);
  for (const { sides } of rows) expect(Object.keys(sides)).toEqual(["one", "many"]);
  expect(readdirSync(plots)).toContain("scale.svg");
});

test("what is used wrongly is told, with status 2", () => {
  const wrong = (...args: string[]) => bench(...args);
  expect(wrong("--rounds", "0")).toMatchObject({ status: 2, stderr: expect.stringContaining('not "0"') });
  expect(wrong("--filter", "nothing of that name")).toMatchObject({ status: 2 });
  expect(wrong("--unknown")).toMatchObject({ status: 2, stderr: expect.stringContaining("--help") });
});

test("a floor is judged by its worst row, ceilings by their greatest", () => {
  const point = (median: number) => ({ median, low: median, high: median });
  const row = (name: string, ratios: Record<string, number>) => ({
    name,
    sides: {},
    ratios: Object.fromEntries(Object.entries(ratios).map(([key, value]) => [key, point(value)])),
  });
  const rows = [
    row("scan, clear, fetch and decode, 64 pending", { "js/wasm": 1.4, "wasm/c": 1.4 }),
    row("copy 4 KiB to 1 segment", { "memcpy/wasm": 0.9 }),
    row("copy 64 KiB to 1 segment, not aligned", { "memcpy/wasm": 0.7 }),
    row("copy 512 B to 1 segment", { "memcpy/wasm": 0.1 }),
  ];
  const [faster, ceiling, copy, unmeasured] = judgeFloors([{ name: "hot-path", rows }]);
  expect(faster).toMatchObject({ found: 1.4, holds: false });
  expect(ceiling).toMatchObject({ found: 1.4, holds: true });
  expect(copy).toMatchObject({ found: 0.7, row: "copy 64 KiB to 1 segment, not aligned", holds: false });
  expect(unmeasured).toMatchObject({ found: undefined, holds: undefined });
});

test("the interval of a median: 15 values leave the three least and the three greatest out", () => {
  const values = Array.from({ length: 15 }, (_, index) => index + 1);
  expect(summary(values)).toEqual({ median: 8, low: 4, high: 12 });
  // Too few for 95 %: all of them.
  expect(summary([3, 1, 2])).toEqual({ median: 2, low: 1, high: 3 });
});
