import { setTimeout as sleep } from "node:timers/promises";
import { Command, InvalidArgumentError } from "commander";
import { ControlClient } from "../control/client.ts";
import type { TreeBranch } from "../control/results.ts";
import { controlOption } from "./options.ts";
import { stopSignal } from "./stop-signal.ts";

interface WatchFlags {
  control: string;
  interval: number;
  count?: number;
  json?: boolean;
}

/** A value that is not what it was: `before` is undefined for what came, `after` for what went. */
interface ValueChange {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

const INTERVAL = 1;
const INTERVAL_MINIMUM = 0.1;
const MILLISECONDS = 1_000;
/** Milliseconds that a large tree may take. */
const WALK_TIMEOUT = 30_000;

export function watchCommand(): Command {
  return new Command("watch")
    .description("Print each attribute of the configuration tree whose value changes, until Ctrl-C.")
    .argument("[path]", "a directory in the tree", "")
    .option("--interval <seconds>", "time between two looks", seconds, INTERVAL)
    .option("--count <changes>", "end after so many changes", changes)
    .addOption(controlOption())
    .option("--json", "print each change as a line of JSON")
    .addHelpText(
      "after",
      "\nExample: vscsi watch bus/vio/drivers/ibmvscsis/71000003/client\n\nWhat changes twice between two looks is seen once.\n",
    )
    .action(watch);
}

async function watch(path: string, flags: WatchFlags): Promise<void> {
  const client = await ControlClient.connect(flags.control);
  const ended = Promise.race([stopSignal().then(() => "stopped"), client.closed.then(() => "gone")]);
  try {
    const look = async () => flatten(await client.call("tree.walk", { path, values: true }, WALK_TIMEOUT), path);
    let before = await look();
    let left = flags.count ?? Number.POSITIVE_INFINITY;
    while (left > 0) {
      const end = await Promise.race([ended, sleep(flags.interval * MILLISECONDS)]);
      if (end === "stopped") return;
      const after = await look();
      for (const change of differences(before, after).slice(0, left)) {
        print(change, flags.json);
        left--;
      }
      before = after;
    }
  } finally {
    client.close();
  }
}

/** Every attribute below a branch, by its whole path. */
function flatten(branch: TreeBranch, path: string): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (below: TreeBranch, prefix: string) => {
    for (const [name, value] of Object.entries(below))
      if (typeof value === "string") found.set(`${prefix}${name}`, value);
      else if (value !== null) walk(value, `${prefix}${name}/`);
  };
  walk(branch, path === "" || path.endsWith("/") ? path : `${path}/`);
  return found;
}

/** What differs, in the order of the tree; what went comes last. */
export function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): ValueChange[] {
  const changed = [...after]
    .filter(([path, value]) => before.get(path) !== value)
    .map(([path, value]) => ({ path, before: before.get(path), after: value }));
  const gone = [...before]
    .filter(([path]) => !after.has(path))
    .map(([path, value]) => ({ path, before: value, after: undefined }));
  return [...changed, ...gone];
}

function print(change: ValueChange, json: boolean | undefined): void {
  const time = new Date().toISOString();
  const { path, before, after } = change;
  if (json) process.stdout.write(`${JSON.stringify({ time, path, before, after })}\n`);
  else if (before === undefined) process.stdout.write(`${time} ${path}: ${after} (new)\n`);
  else if (after === undefined) process.stdout.write(`${time} ${path} is gone\n`);
  else process.stdout.write(`${time} ${path}: ${before} -> ${after}\n`);
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= INTERVAL_MINIMUM)) throw new InvalidArgumentError(`at least ${INTERVAL_MINIMUM} seconds.`);
  return value;
}

function changes(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("a whole number, at least 1.");
  return value;
}
