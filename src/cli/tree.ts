import { Command } from "commander";
import { callDaemon } from "../control/client.ts";
import type { TreeBranch, TreeDocumentation, TreeValue } from "../control/results.ts";
import { controlOption } from "./options.ts";
import { watchCommand } from "./watch.ts";

/** A write may have to wait for commands to end. */
const WRITE_TIMEOUT = 120_000;

interface TreeFlags {
  control: string;
  json?: boolean;
}

/** The commands that show the configuration tree and change it. */
export function treeCommands(): Command[] {
  return [
    listCommand(),
    catCommand(),
    setCommand(),
    makeCommand(),
    removeCommand(),
    treeCommand(),
    watchCommand(),
    docCommand(),
  ];
}

function withTreeFlags(command: Command): Command {
  return command.addOption(controlOption()).option("--json", "print the answer as JSON");
}

function listCommand(): Command {
  return withTreeFlags(
    new Command("ls").description("List a directory of the configuration tree.").argument("[path]", "in the tree", ""),
  ).action(async (path: string, { control, json }: TreeFlags) => {
    const entries = await callDaemon(control, "tree.list", { path });
    print(json, entries, () => entries.map(({ name, kind }) => `${name}${kind === "directory" ? "/" : ""}\n`).join(""));
  });
}

function catCommand(): Command {
  return withTreeFlags(
    new Command("cat").description("Print attributes of the configuration tree.").argument("<path...>"),
  ).action(async (paths: string[], { control, json }: TreeFlags) => {
    const values: TreeValue[] = [];
    for (const path of paths) values.push(await callDaemon(control, "tree.get", { path }));
    if (json) return print(json, paths.length === 1 ? values[0] : values, () => "");
    for (const { value, bytes } of values)
      process.stdout.write(bytes === undefined ? `${value}\n` : Buffer.from(bytes, "base64"));
  });
}

function setCommand(): Command {
  return withTreeFlags(
    new Command("set")
      .description("Write an attribute of the configuration tree; it is durable when the command ends.")
      .argument("<path>")
      .argument("<value>")
      .addHelpText("after", "\nExample: vscsi set bus/vio/drivers/ibmvscsis/71000003/num_buses 2\n"),
  ).action(async (path: string, value: string, { control, json }: TreeFlags) => {
    const now = await callDaemon(control, "tree.set", { path, value }, WRITE_TIMEOUT);
    print(json, now, () => "");
  });
}

function makeCommand(): Command {
  return withTreeFlags(
    new Command("mkdir")
      .description("Make an adapter: its unit address in hexadecimal below bus/vio/drivers/ibmvscsis.")
      .argument("<path>"),
  ).action(async (path: string, { control, json }: TreeFlags) => {
    print(json, await callDaemon(control, "tree.make", { path }), () => "");
  });
}

function removeCommand(): Command {
  return withTreeFlags(
    new Command("rmdir").description("Remove an adapter without active targets.").argument("<path>"),
  ).action(async (path: string, { control, json }: TreeFlags) => {
    print(json, await callDaemon(control, "tree.remove", { path }, WRITE_TIMEOUT), () => "");
  });
}

function treeCommand(): Command {
  return withTreeFlags(
    new Command("tree")
      .description("Print everything below a directory of the configuration tree.")
      .argument("[path]", "in the tree", "")
      .option("--values", "with the attributes' values"),
  ).action(async (path: string, { control, json, values = false }: TreeFlags & { values?: boolean }) => {
    const branch = await callDaemon(control, "tree.walk", { path, values }, WRITE_TIMEOUT);
    print(json, branch, () => `${drawn(branch, "").join("\n")}\n`);
  });
}

function docCommand(): Command {
  return withTreeFlags(
    new Command("doc")
      .description("Tell what a directory or attribute of the configuration tree is, and what it takes.")
      .argument("[path]", "in the tree", ""),
  ).action(async (path: string, { control, json }: TreeFlags) => {
    const doc = await callDaemon(control, "tree.doc", { path });
    print(json, doc, () => formatDocumentation(doc));
  });
}

function print(json: boolean | undefined, answer: unknown, text: () => string): void {
  process.stdout.write(json ? `${JSON.stringify(answer, null, 2)}\n` : text());
}

function formatDocumentation({ path, kind, what, unit, accepts }: TreeDocumentation): string {
  const rows = [
    [path === "" ? "/" : path, kind],
    ["what", what],
    ["unit", unit],
    ["takes", accepts ?? (kind === "attribute" ? "nothing: it is read only" : undefined)],
  ];
  return rows.flatMap(([name, text]) => (text === undefined ? [] : [`${name}: ${text}\n`])).join("");
}

/** A line for each node, with the branches drawn. */
function drawn(branch: TreeBranch, margin: string): string[] {
  const entries = Object.entries(branch);
  return entries.flatMap(([name, below], index) => {
    const last = index === entries.length - 1;
    const head = `${margin}${last ? "└── " : "├── "}${name}`;
    if (typeof below !== "object" || below === null) return [below === null ? head : `${head}: ${below}`];
    return [`${head}/`, ...drawn(below, `${margin}${last ? "    " : "│   "}`)];
  });
}
