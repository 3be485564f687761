// What many adapters and many units cost: the start from a file, the commands and the mount, memory, and one command.
// Usage: node bench/scale.mjs [--adapters 64] [--units 1000] [--runs 3] [--rounds 31] [--commands 512] [--only start,memory,cost]
//        [--depth 1,16,64] [--backend memory,file] [--json]. Needs `npm run build`; the mount needs root.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { commandCost, median } from "./scale/command-cost.mjs";
import { configurationFile } from "./scale/configuration.mjs";
import { mountable, nodeItself, Service } from "./scale/service.mjs";

const { values } = parseArgs({
  options: {
    adapters: { type: "string", default: "64" },
    units: { type: "string", default: "1000" },
    runs: { type: "string", default: "3" },
    rounds: { type: "string", default: "31" },
    commands: { type: "string", default: "512" },
    depth: { type: "string", default: "1,16,64" },
    backend: { type: "string", default: "memory,file" },
    only: { type: "string", default: "start,memory,cost" },
    json: { type: "boolean", default: false },
  },
});
const [adapters, units, runs, rounds, commands] = [
  values.adapters,
  values.units,
  values.runs,
  values.rounds,
  values.commands,
].map(Number);
const backends = values.backend.split(",");
const only = new Set(values.only.split(","));
const folder = mkdtempSync(join(tmpdir(), "vscsi-scale-"));

/** Starts and commands, each as often as `runs` says: all of their times, in milliseconds. */
async function starts(backend) {
  const found = {};
  const note = (name, { milliseconds, lines }) => {
    found[name] ??= { milliseconds: [] };
    found[name].milliseconds.push(milliseconds);
    if (lines !== undefined) found[name].lines = lines;
  };
  const slowdowns = [];
  const resident = [];
  const run = join(folder, `start-${backend}`);
  configurationFile({ folder: run, adapters, units, backend, guests: true });
  for (let turn = 0; turn < runs; turn++) {
    rmSync(join(run, "state"), { recursive: true, force: true });
    const node = await nodeItself();
    slowdowns.push(node.slowdown);
    note("node itself", node);
    const service = await Service.start(run);
    try {
      note("vscsi serve, until it serves", service);
      resident.push(service.resident);
      note("vscsi tree", await service.vscsi("tree"));
      note("vscsi tree --values", await service.vscsi("tree", "--values"));
      note("vscsi ls", await service.vscsi("ls", "bus/vio/drivers/ibmvscsis"));
      note("vscsi status", await service.vscsi("status"));
      note("vscsi apply --dry-run", await service.vscsi("apply", "--dry-run", join(run, "configuration.json")));
      note("/metrics", await service.scrape());
      if (mountable) note("ls -R of the mount", await service.list("-R"));
      if (mountable) note("ls -lR of the mount", await service.list("-lR"));
    } finally {
      await service.stop();
    }
  }
  return { slowdown: median(slowdowns), resident: median(resident), times: found };
}

/** Bytes a unit, from the difference between one unit and all of them with the same number of adapters. */
async function memory(backend) {
  const held = async (count) => {
    const script = join(import.meta.dirname, "scale/idle-memory.mjs");
    const args = ["--expose-gc", script, String(adapters), String(count), backend, join(folder, `memory-${backend}`)];
    return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout);
  };
  const few = await held(1);
  const many = await held(units);
  const each = (state, what) => (many[state][what] - few[state][what]) / (units - 1);
  const bytes = (state) => ({ heap: each(state, "heap"), resident: each(state, "resident") });
  return { idle: bytes("idle"), scanned: bytes("scanned") };
}

async function measured() {
  const result = { adapters, units };
  try {
    for (const backend of only.has("start") ? backends : [])
      result.start = { ...result.start, [backend]: await starts(backend) };
    for (const backend of only.has("memory") ? backends : [])
      result.memory = { ...result.memory, [backend]: await memory(backend) };
    for (const depth of only.has("cost") ? values.depth.split(",").map(Number) : [])
      result.cost = {
        ...result.cost,
        [depth]: await commandCost({ adapters, units, depth, rounds, commands, folder }),
      };
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function print({ start = {}, memory = {}, cost = {} }) {
  console.log(`${units} units on ${adapters} adapters`);
  for (const [backend, { slowdown, resident, times }] of Object.entries(start)) {
    console.log(`\n${backend}: the machine was ${slowdown.toFixed(1)} times as slow as with nothing else to do`);
    for (const [name, { milliseconds, lines }] of Object.entries(times)) {
      const range = `${Math.min(...milliseconds).toFixed(0)} to ${Math.max(...milliseconds).toFixed(0)}`;
      const told = lines === undefined ? "" : `, ${lines} lines`;
      console.log(`  ${name.padEnd(30)} median ${median(milliseconds).toFixed(0)} ms, ${range}${told}`);
    }
    console.log(`  ${"resident, serving".padEnd(30)} ${(resident / 2 ** 20).toFixed(0)} MiB`);
  }
  for (const [backend, states] of Object.entries(memory)) {
    console.log(`\n${backend}: bytes a unit`);
    for (const [state, { heap, resident }] of Object.entries(states))
      console.log(`  ${state.padEnd(30)} heap ${heap.toFixed(0)}, resident ${resident.toFixed(0)}`);
  }
  for (const [depth, operations] of Object.entries(cost))
    for (const [operation, { microseconds, best, amid, spread }] of Object.entries(operations)) {
      console.log(
        `\n4 KiB ${operation}, ${depth} at a time: microseconds of the processor a command, medians of ${rounds} rounds`,
      );
      for (const [name, time] of Object.entries(microseconds)) console.log(`  ${name.padEnd(30)} ${time.toFixed(2)}`);
      const told = ({ median: middle, low, high }) =>
        `${middle.toFixed(3)} (half of the rounds ${low.toFixed(3)} to ${high.toFixed(3)})`;
      console.log(`  one unit amid all, over one    ${told(amid)}, of the fastest rounds ${best.toFixed(3)}`);
      console.log(`  all units, over one            ${told(spread)}`);
    }
}

const result = await measured();
if (values.json) console.log(JSON.stringify(result));
else print(result);
process.exit(0);
