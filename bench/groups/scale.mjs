// Commands amid more and more adapters, logical units and other commands: bench/scale.mjs tells more about it than this.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { summary } from "../lib/statistics.mjs";
import { commandCost } from "../scale/command-cost.mjs";
import { queueDepthCost } from "../scale/queue-depth.mjs";

/** Adapters, units, and how many commands at a time. The last size is the one that has a floor. */
const SIZES = [
  { adapters: 4, units: 16, depths: [1] },
  { adapters: 16, units: 64, depths: [1] },
  { adapters: 64, units: 250, depths: [1] },
  { adapters: 256, units: 1_000, depths: [1, 16] },
];
const QUEUE_DEPTHS = [1, 8, 64, 512];
const COMMANDS = 2_048;
const NANOSECONDS_PER_MICROSECOND = 1_000;
// Of fewer, the resident memory of the whole process varies by more than they take.
const MEMORY_ADAPTERS = [64, 256];

const point = (value) => ({ median: value, low: value, high: value });
const sizeName = (adapters, units) => `${adapters} adapters, ${units.toLocaleString("en")} logical units`;
const costName = (adapters, units, operation, depth, where) =>
  `${sizeName(adapters, units)}, ${operation} 4 KiB QD ${depth}, ${where}`;
const depthName = (depth) => `1 adapter, 1 logical unit, read 4 KiB QD ${depth}`;
const memoryName = (adapters) => `memory of an idle adapter with one unit, ${adapters} of them`;

async function costRows({ adapters, units, depths }, rounds, folder) {
  const rows = [];
  for (const depth of depths) {
    const cost = await commandCost({ adapters, units, depth, rounds, commands: COMMANDS, folder });
    for (const [operation, { microseconds, amid, spread }] of Object.entries(cost)) {
      const row = (where, one, many, ratio) => ({
        name: costName(adapters, units, operation, depth, where),
        sides: {
          one: point(microseconds[one] * NANOSECONDS_PER_MICROSECOND),
          many: point(microseconds[many] * NANOSECONDS_PER_MICROSECOND),
        },
        ratios: { "many/one": ratio },
      });
      rows.push(row("one of them used", "one", "amid", amid));
      rows.push(row("all used", "one, as many bytes", "spread", spread));
    }
  }
  return rows;
}

/** Against one command at a time. */
async function depthRows(rounds) {
  const times = await queueDepthCost({ depths: QUEUE_DEPTHS, rounds, commands: COMMANDS });
  const [one] = QUEUE_DEPTHS;
  const nanoseconds = (depth) => summary(times.get(depth).map((time) => time * NANOSECONDS_PER_MICROSECOND));
  return QUEUE_DEPTHS.filter((depth) => depth !== one).map((depth) => ({
    name: depthName(depth),
    sides: { one: nanoseconds(one), many: nanoseconds(depth) },
    ratios: { "many/one": summary(times.get(depth).map((time, round) => time / times.get(one)[round])) },
  }));
}

/** What an adapter holds beyond what the daemon holds with one: heap, and resident. */
function memoryRows(folder) {
  const script = resolve(import.meta.dirname, "../scale/idle-memory.mjs");
  const held = (adapters) => {
    const run = [
      "--expose-gc",
      script,
      String(adapters),
      String(adapters),
      "memory",
      join(folder, `memory-${adapters}`),
    ];
    const { status, stdout, stderr } = spawnSync(process.execPath, run, { encoding: "utf8" });
    if (status !== 0) throw new Error(`bench/scale/idle-memory.mjs ended with ${status}: ${stderr}`);
    return JSON.parse(stdout).idle;
  };
  const alone = held(1);
  return MEMORY_ADAPTERS.map((adapters) => {
    const { heap, resident } = held(adapters);
    const each = (all, one) => point((all - one) / (adapters - 1));
    return {
      name: memoryName(adapters),
      isMemory: true,
      sides: { heap: each(heap, alone.heap), resident: each(resident, alone.resident) },
      ratios: {},
    };
  });
}

/** @type {import("../main.mjs").Group} */
export const scale = {
  name: "scale",
  title:
    "Scale: the processor's time for a command, against one adapter, one unit and one command at a time (a ratio's range amid adapters is half of the rounds)",
  async rows({ rounds, wanted }) {
    const folder = mkdtempSync(join(tmpdir(), "vscsi-bench-"));
    const rows = [];
    try {
      for (const size of SIZES)
        if (wanted(costName(size.adapters, size.units, "read", size.depths[0], "one of them used")))
          rows.push(...(await costRows(size, rounds, folder)));
      if (QUEUE_DEPTHS.some((depth) => wanted(depthName(depth)))) rows.push(...(await depthRows(rounds)));
      if (MEMORY_ADAPTERS.some((adapters) => wanted(memoryName(adapters)))) rows.push(...memoryRows(folder));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    return rows;
  },
};
