#!/usr/bin/env node
import { CommanderError } from "commander";
import { EXIT_DONE, EXIT_USAGE, reportError } from "./errors.ts";
import { buildProgram } from "./program.ts";

try {
  await buildProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT_DONE : EXIT_USAGE;
  else process.exitCode = reportError(error);
}
