import { Argument, Command } from "commander";
import { LOG_LEVELS } from "../config/log-levels.ts";
import { callDaemon } from "../control/client.ts";
import { controlOption } from "./options.ts";

/** `vscsi log-level`: what the running daemon logs. */
export function logLevelCommand(): Command {
  return new Command("log-level")
    .description("Show or change the log level of the running daemon. It lasts until the daemon ends.")
    .addArgument(new Argument("[level]", "what to log from now on").choices(LOG_LEVELS))
    .addOption(controlOption())
    .option("--json", "print the answer as JSON")
    .addHelpText("after", "\nExample: vscsi log-level debug\n")
    .action(async (level: string | undefined, flags: { control: string; json?: boolean }) => {
      const answer = await callDaemon(flags.control, "log.level", level === undefined ? {} : { level });
      process.stdout.write(flags.json ? `${JSON.stringify(answer, null, 2)}\n` : `${answer.level}\n`);
    });
}
