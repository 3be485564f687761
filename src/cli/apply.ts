import { readFileSync } from "node:fs";
import { Command } from "commander";
import { ConfigError } from "../config/config-error.ts";
import { callDaemon } from "../control/client.ts";
import type { AppliedChanges, PlannedChange } from "../control/results.ts";
import { ConfigurationFile } from "../host/configuration-file.ts";
import { controlOption } from "./options.ts";

/** Units that leave may have commands to end first. */
const APPLY_TIMEOUT = 300_000;
const SIGNS = { add: "+", remove: "-", change: "~" } as const;

interface Flags {
  control: string;
  json?: boolean;
}

/** `vscsi apply`: the running daemon becomes what a file declares. */
export function applyCommand(): Command {
  return new Command("apply")
    .description("Move the running daemon to the state that a configuration file declares, with the least change.")
    .argument("<file>")
    .option("--dry-run", "only tell what would be done")
    .addOption(controlOption())
    .option("--json", "print the answer as JSON")
    .addHelpText(
      "after",
      "\nUnits that are the same before and after are not disturbed. All of it is done, or nothing.\n",
    )
    .action(async (file: string, { control, json, dryRun = false }: Flags & { dryRun?: boolean }) => {
      const config = readJson(file);
      const answer = await callDaemon(control, "configuration.apply", { config, dryRun }, APPLY_TIMEOUT);
      process.stdout.write(json ? `${JSON.stringify(answer, null, 2)}\n` : formatChanges(answer));
    });
}

/** `vscsi save`: the running configuration as a file. */
export function saveCommand(): Command {
  return new Command("save")
    .description(
      "Write the running configuration to a file that serve --config and apply read; to standard output without one.",
    )
    .argument("[file]")
    .addOption(controlOption())
    .action(async (file: string | undefined, { control }: Flags) => {
      const text = `${JSON.stringify(await callDaemon(control, "configuration.get"), null, 2)}\n`;
      if (file === undefined) return void process.stdout.write(text);
      const target = new ConfigurationFile(file);
      await target.prepare(text);
      await target.commit();
    });
}

/** `vscsi reload`: the daemon reads its configuration file again. */
export function reloadCommand(): Command {
  return new Command("reload")
    .description("Have the daemon read its configuration file again and apply it, as SIGHUP does.")
    .addOption(controlOption())
    .option("--json", "print the answer as JSON")
    .action(async ({ control, json }: Flags) => {
      const answer = await callDaemon(control, "configuration.reload", {}, APPLY_TIMEOUT);
      process.stdout.write(json ? `${JSON.stringify(answer, null, 2)}\n` : formatChanges(answer));
    });
}

function formatChanges({ applied, changes }: AppliedChanges): string {
  if (changes.length === 0) return "nothing to change\n";
  const lines = changes.map(({ change, what, detail }: PlannedChange) => `${SIGNS[change]} ${what}: ${detail}\n`);
  return `${lines.join("")}${changes.length} changes ${applied ? "made" : "would be made"}\n`;
}

/** @throws ConfigError */
function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new ConfigError(`${file}: can't be used: ${(error as Error).message}`);
  }
}
