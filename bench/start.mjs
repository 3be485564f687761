// How long the daemon takes from its process's start until it serves, and how much of that is Node's own.
// Usage: node bench/start.mjs [--runs 15]. Needs `npm run build`.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { runs: { type: "string", default: "15" } } });
const cli = resolve(import.meta.dirname, "../dist/cli/main.js");
const folder = mkdtempSync(join(tmpdir(), "vscsi-start-"));

/** The same disk as a user's first: an image, with a guest's socket, a control socket and a state directory. */
const args = ["serve", "--memory", "64M", "--socket", join(folder, "guest.sock"), "--control", join(folder, "c.sock")];

async function daemon() {
  const begun = performance.now();
  const child = spawn(process.execPath, [cli, ...args, "--state", join(folder, "state"), "--log-format", "json"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  for await (const line of createInterface(child.stderr)) if (line.includes('"msg":"serving"')) break;
  const milliseconds = performance.now() - begun;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
  return milliseconds;
}

function command(...words) {
  const begun = performance.now();
  spawnSync(process.execPath, words);
  return performance.now() - begun;
}

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1] ?? Number.NaN;
const rows = { "node itself": [], "vscsi --version": [], "vscsi serve, until it serves": [] };
try {
  for (let run = 0; run < Number(values.runs); run++) {
    // Interleaved: what else the machine does hits all of them.
    rows["node itself"].push(command("-e", "0"));
    rows["vscsi --version"].push(command(cli, "--version"));
    rows["vscsi serve, until it serves"].push(await daemon());
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const own = median(rows["node itself"]);
for (const [name, times] of Object.entries(rows)) {
  const middle = median(times);
  const beyond = times === rows["node itself"] ? "" : `, ${(middle - own).toFixed(0)} ms beyond Node itself`;
  console.log(
    `${name.padEnd(30)} median ${middle.toFixed(0)} ms, ${Math.min(...times).toFixed(0)}–${Math.max(...times).toFixed(0)}${beyond}`,
  );
}
