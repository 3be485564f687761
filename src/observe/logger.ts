import { type Logger, pino } from "pino";
import { colourful } from "./colours.ts";
import { PrettyLines } from "./pretty-lines.ts";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";
/** One JSON object a line, or a line for people. */
export type LogFormat = "json" | "pretty";

const STANDARD_ERROR = 2;

/**
 * The daemon's logger, on standard error, so that standard output stays free for what commands print. Writes are
 * synchronous: what was logged before a crash is there.
 * @param format for people on a terminal and JSON elsewhere, unless told
 */
export function createLogger(level: LogLevel, format?: LogFormat): Logger {
  const out = pino.destination({ fd: STANDARD_ERROR, sync: true });
  const pretty = (format ?? (process.stderr.isTTY ? "pretty" : "json")) === "pretty";
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return pretty ? pino(options, new PrettyLines(out, colourful(process.stderr))) : pino(options, out);
}
