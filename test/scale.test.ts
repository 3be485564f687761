import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { mountable } from "./support/mounted-daemon.ts";

// Measures. What is promised of 1,000 logical units on 64 adapters, with the figures of the promise. Times are the best of
// three and are put in relation to how long Node's own start takes by the clock and by the processor: a machine that
// others use, too, does not fail it.

const BENCH = resolve(import.meta.dirname, "../bench/scale.mjs");
const ADAPTERS = 64;
const UNITS = 1000;
/** Milliseconds. */
const START_MAXIMUM = 2_000;
const COMMAND_MAXIMUM = 1_000;
const BYTES_A_UNIT_MAXIMUM = 32 << 10;
const COST_MAXIMUM = 1.1;

interface Time {
  readonly milliseconds: readonly number[];
  readonly lines?: number;
}
interface Held {
  readonly heap: number;
  readonly resident: number;
}
interface Cost {
  /** Ratios: of the fastest rounds, and the median of all rounds. Noise seldom makes both too large. */
  readonly best: number;
  readonly amid: { readonly median: number };
}
interface Measured {
  readonly start: { readonly memory: { readonly slowdown: number; readonly times: Readonly<Record<string, Time>> } };
  readonly memory: { readonly memory: { readonly idle: Held; readonly scanned: Held } };
  readonly cost: { readonly 1: Readonly<Record<"read" | "write", Cost>> };
}

let measured: Measured;

beforeAll(async () => {
  const size = ["--adapters", String(ADAPTERS), "--units", String(UNITS), "--backend", "memory"];
  const args = [BENCH, "--json", ...size, "--runs", "3", "--depth", "1", "--rounds", "31"];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 24 });
  measured = JSON.parse(stdout);
}, 180_000);

/** Milliseconds of the fastest run, as on a machine with nothing else to do. */
function best(name: string): number {
  const { slowdown, times } = measured.start.memory;
  return Math.min(...(times[name]?.milliseconds ?? [Number.POSITIVE_INFINITY])) / slowdown;
}

function lines(name: string): number | undefined {
  return measured.start.memory.times[name]?.lines;
}

describe(`${UNITS} logical units on ${ADAPTERS} adapters`, () => {
  test("are built from a file in under 2 s", () => {
    expect(best("vscsi serve, until it serves")).toBeLessThan(START_MAXIMUM);
  });

  test.each(["vscsi tree", "vscsi status", "vscsi apply --dry-run", "/metrics"])("%s stays under 1 s", (name) => {
    expect(best(name)).toBeLessThan(COMMAND_MAXIMUM);
  });

  test("vscsi tree tells all of them", () => {
    expect(lines("vscsi ls")).toBe(ADAPTERS);
    expect(lines("vscsi tree")).toBe(lines("vscsi tree --values"));
    expect(lines("vscsi apply --dry-run")).toBe(1);
  });

  test.skipIf(!mountable())("a recursive ls of the mount stays under 1 s, and tells as many", () => {
    expect(best("ls -R of the mount")).toBeLessThan(COMMAND_MAXIMUM);
    // Of each directory ls tells the path, the entries, and an empty line in between.
    const directories = (lines("ls -R of the mount") ?? 0) - (lines("vscsi tree") ?? 0);
    expect(directories % 2).toBe(1);
    expect((directories + 1) / 2).toBeGreaterThan(UNITS);
  });

  test.each(["idle", "scanned"] as const)("take less than 32 KiB of memory each: %s", (state) => {
    const { heap, resident } = measured.memory.memory[state];
    expect(heap).toBeLessThan(BYTES_A_UNIT_MAXIMUM);
    expect(resident).toBeLessThan(BYTES_A_UNIT_MAXIMUM);
  });

  test.each(["read", "write"] as const)("a %s costs at most a tenth more than with one unit alone", (operation) => {
    const { best, amid } = measured.cost[1][operation];
    expect(Math.min(best, amid.median)).toBeLessThan(COST_MAXIMUM);
  });
});
