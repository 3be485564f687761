import type { Command } from "commander";
import { formatSize } from "../config/size.ts";
import { callDaemon } from "../control/client.ts";
import type { MethodResults, UnitSummary } from "../control/results.ts";
import { controlOption } from "./options.ts";
import { PLACE_HELP } from "./place.ts";

/** Tasks may have to end and stores to be flushed first, in milliseconds. */
const OPERATION_TIMEOUT = 120_000;

/** Methods that operate on a unit. */
type Operation = Extract<keyof MethodResults, `unit.${string}` | `medium.${string}`>;

export interface OperationFlags {
  control: string;
  json?: boolean;
}

/** The flags that every operation on a running daemon has. */
export function withOperationFlags(command: Command): Command {
  return command
    .addOption(controlOption())
    .option("--json", "print the answer as JSON")
    .addHelpText("after", PLACE_HELP);
}

/** Asks the daemon and prints the unit as it is afterwards. @throws ControlError */
export async function operate({ control, json }: OperationFlags, method: Operation, parameters: object): Promise<void> {
  const summary = await callDaemon(control, method, parameters, OPERATION_TIMEOUT);
  process.stdout.write(json ? `${JSON.stringify(summary, null, 2)}\n` : `${formatSummary(summary)}\n`);
}

function formatSummary({ name, places, size, readOnly, description }: UnitSummary): string {
  const shown = places.length > 0 ? `at ${places.join(", ")}` : "shown nowhere";
  return `${name === undefined ? "" : `${name}: `}${formatSize(size)}${readOnly ? ", read-only" : ""}, ${description}, ${shown}`;
}
