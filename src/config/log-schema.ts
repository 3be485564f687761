import { z } from "zod";

export const logLevel = z.enum(["trace", "debug", "info", "warn", "error", "silent"]);
/** How a line is written; none: for people on a terminal, JSON elsewhere. */
export const logFormat = z.enum(["json", "pretty"]);

export type LogLevel = z.output<typeof logLevel>;
export type LogFormat = z.output<typeof logFormat>;
