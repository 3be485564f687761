import { ConfigError } from "../config/config-error.ts";
import { ControlError } from "../control/client.ts";

/** Exit status: the command did what it was asked. */
export const EXIT_DONE = 0;
/** Exit status: it could not. */
export const EXIT_FAILED = 1;
/** Exit status: it was asked wrongly (flags, configuration). */
export const EXIT_USAGE = 2;

/** A flag that can't be used as it was given. */
export class UsageError extends Error {
  readonly code = "VSCSI_USAGE";
}

/** Prints an error for a person: one message, no stack trace unless it is our own bug. Returns the exit status. */
export function reportError(error: unknown): number {
  const askedWrongly = error instanceof ControlError && error.wronglyAsked;
  if (error instanceof ConfigError || error instanceof UsageError || askedWrongly) {
    process.stderr.write(`vscsi: ${error.message.replaceAll("\n", "\nvscsi: ")}\n`);
    return EXIT_USAGE;
  }
  const expected = error instanceof Error && "code" in error;
  const text = error instanceof Error ? (expected ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`vscsi: ${text}\n`);
  return EXIT_FAILED;
}
