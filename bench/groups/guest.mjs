// In the guest: bench/guest.mjs in a process of its own, its rounds taken over.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { summary } from "../lib/statistics.mjs";

const NANOSECONDS_PER_SECOND = 1e9;
/** A guest takes minutes for what others do in milliseconds. */
const ROUNDS_MOST = 7;

/** @type {import("../main.mjs").Group} */
export const guest = {
  name: "guest",
  title: "In the guest: fio on our disk and on QEMU's own, one boot, one image; a command's time",
  slow: true,
  async rows({ rounds, skip }) {
    const folder = mkdtempSync(join(tmpdir(), "vscsi-bench-"));
    const file = join(folder, "guest.json");
    try {
      const script = resolve(import.meta.dirname, "../guest.mjs");
      const count = String(Math.min(rounds, ROUNDS_MOST));
      const { status } = spawnSync(process.execPath, [script, "--rounds", count, "--json", file], {
        stdio: ["ignore", "ignore", "inherit"],
      });
      if (status !== 0) {
        skip("all of it", `bench/guest.mjs ended with ${status}; it needs npm run build:bridge, QEMU and a guest`);
        return [];
      }
      return JSON.parse(readFileSync(file, "utf8")).rows.map(({ load, rounds: { ours, other0 } }) => {
        const times = (rates) => rates.map((rate) => NANOSECONDS_PER_SECOND / rate);
        return {
          name: load,
          sides: { ours: summary(times(ours)), "built-in": summary(times(other0)) },
          ratios: { "built-in/ours": summary(ours.map((rate, round) => rate / other0[round])) },
          perSecond: true,
        };
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
