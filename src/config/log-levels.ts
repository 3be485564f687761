export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;
/** How a line is written. */
export const LOG_FORMATS = ["json", "pretty"] as const;
