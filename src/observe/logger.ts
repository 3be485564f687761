import { type Logger, pino } from "pino";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";

/**
 * The daemon's logger: one JSON object a line on standard error, so that standard output stays free for what commands
 * print. Writes are synchronous: what was logged before a crash is there.
 */
export function createLogger(level: LogLevel): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: 2, sync: true }));
}
