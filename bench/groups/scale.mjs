// One command among many adapters and logical units: bench/scale.mjs tells more about them than this.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandCost } from "../scale/command-cost.mjs";

const ADAPTERS = 256;
const UNITS = 1_000;
const COMMANDS = 2_048;
const DEPTHS = [1, 16];
const NANOSECONDS_PER_MICROSECOND = 1_000;

const name = (operation, depth, where) =>
  `${ADAPTERS} adapters, ${UNITS.toLocaleString("en")} logical units, ${operation} 4 KiB QD ${depth}, ${where}`;

/** @returns {import("../lib/interleave.mjs").Row} */
function row(operation, depth, where, [one, many], ratio, { microseconds }) {
  const point = (time) => {
    const nanoseconds = time * NANOSECONDS_PER_MICROSECOND;
    return { median: nanoseconds, low: nanoseconds, high: nanoseconds };
  };
  return {
    name: name(operation, depth, where),
    sides: { one: point(microseconds[one]), many: point(microseconds[many]) },
    ratios: { "many/one": ratio },
  };
}

/** @type {import("../main.mjs").Group} */
export const scale = {
  name: "scale",
  title:
    "Scale: the processor's time for a command, against one adapter with one unit (here a ratio's range is half of the rounds)",
  async rows({ rounds, wanted }) {
    if (!wanted(name("read", DEPTHS[0], "one of them used"))) return [];
    const folder = mkdtempSync(join(tmpdir(), "vscsi-bench-"));
    const rows = [];
    try {
      for (const depth of DEPTHS) {
        const cost = await commandCost({ adapters: ADAPTERS, units: UNITS, depth, rounds, commands: COMMANDS, folder });
        for (const [operation, result] of Object.entries(cost)) {
          rows.push(row(operation, depth, "one of them used", ["one", "amid"], result.amid, result));
          rows.push(row(operation, depth, "all used", ["one, as many bytes", "spread"], result.spread, result));
        }
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    return rows;
  },
};
