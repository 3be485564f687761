#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { packageVersion } from "../host/package-version.ts";
import { applyCommand, reloadCommand, saveCommand } from "./apply.ts";
import { demoCommand } from "./demo.ts";
import { EXIT_DONE, EXIT_USAGE, reportError } from "./errors.ts";
import { guestCommand } from "./guest.ts";
import { logLevelCommand } from "./log-level.ts";
import { mediumCommand } from "./medium.ts";
import { serveCommand } from "./serve.ts";
import { statusCommand } from "./status.ts";
import { treeCommands } from "./tree.ts";
import { unitCommand } from "./unit.ts";

const program = new Command("vscsi")
  .description(
    "A Virtual SCSI target for POWER partitions: serves disks to PAPR clients (Linux ibmvscsi, SLOF, AIX, IBM i).",
  )
  .addCommand(serveCommand())
  .addCommand(statusCommand())
  .addCommand(logLevelCommand())
  .addCommand(unitCommand())
  .addCommand(mediumCommand())
  .addCommand(guestCommand())
  .addCommand(demoCommand())
  .version(packageVersion())
  .showHelpAfterError("(vscsi --help tells more)");

for (const command of [...treeCommands(), applyCommand(), saveCommand(), reloadCommand()]) program.addCommand(command);
for (const command of withSubcommands(program)) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT_DONE : EXIT_USAGE;
  else process.exitCode = reportError(error);
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}
