import { Command } from "commander";
import { packageVersion } from "../host/package-version.ts";
import { applyCommand, reloadCommand, saveCommand } from "./apply.ts";
import { completionCommand } from "./completion.ts";
import { demoCommand } from "./demo.ts";
import { guestCommand } from "./guest.ts";
import { logLevelCommand } from "./log-level.ts";
import { mediumCommand } from "./medium.ts";
import { overlayCommand } from "./overlay.ts";
import { serveCommand } from "./serve.ts";
import { statusCommand } from "./status.ts";
import { treeCommands } from "./tree.ts";
import { unitCommand } from "./unit.ts";

/** Of help's parts; commander drops them where colours are not wanted. */
const bold = (text: string) => `\u001b[1m${text}\u001b[22m`;

/** Of the help and the manual page. */
export const EXAMPLES = `
Examples:
  vscsi demo                                       see it work, in one process
  vscsi serve --disk disk.img --cdrom cd.iso       serve two units to a guest's adapter
  vscsi guest                                      boot a small Debian guest on them
  vscsi status                                     what is served, and to whom
  vscsi unit add 0x71000003/3 --memory 64M         a third unit, while the guest runs
  vscsi help unit                                  more about a command

Exit status: 0 done, 1 it could not be done, 2 it was asked wrongly.
`;

/** The whole of `vscsi`: what runs it, completes it and documents it reads it from here. */
export function buildProgram(): Command {
  const program = new Command("vscsi")
    .description(
      "A Virtual SCSI target for POWER partitions: serves disks to PAPR clients (Linux ibmvscsi, SLOF, AIX, IBM i).",
    )
    .version(packageVersion())
    .configureHelp({ styleTitle: bold, styleCommandText: bold, styleSubcommandTerm: bold, styleOptionTerm: bold })
    .showHelpAfterError("(vscsi --help tells more)")
    .addHelpText("after", EXAMPLES);
  const groups: Readonly<Record<string, readonly Command[]>> = {
    "Serve:": [serveCommand(), demoCommand(), guestCommand()],
    "See and change a running daemon:": [
      statusCommand(),
      unitCommand(),
      mediumCommand(),
      overlayCommand(),
      logLevelCommand(),
    ],
    "Configuration of a running daemon:": [applyCommand(), saveCommand(), reloadCommand()],
    "Configuration tree of a running daemon:": treeCommands(),
    "More:": [completionCommand(buildProgram)],
  };
  for (const [group, commands] of Object.entries(groups))
    for (const command of commands) program.addCommand(command.helpGroup(group));
  program.commandsGroup("More:").helpCommand(true);
  for (const command of withSubcommands(program))
    command.copyInheritedSettings(program).exitOverride().showHelpAfterError("(vscsi --help tells more)");
  return program;
}

/** A command and all below it. */
export function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}
