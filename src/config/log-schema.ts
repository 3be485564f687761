import { z } from "zod";
import { LOG_FORMATS, LOG_LEVELS } from "./log-levels.ts";

export const logLevel = z.enum(LOG_LEVELS);
/** None: for people on a terminal, JSON elsewhere. */
export const logFormat = z.enum(LOG_FORMATS);
