import { z } from "zod";
import { logLevel } from "../config/log-schema.ts";
import type { Methods } from "../control/method.ts";
import { method } from "./method.ts";

/** The methods that change what is logged. */
export function logMethods(logging: { level: string }): Methods {
  return {
    "log.level": method(
      "Tells the log level, or changes it until the daemon ends.",
      z.strictObject({ level: logLevel.optional() }),
      ({ level }) => {
        if (level !== undefined) logging.level = level;
        return { level: logging.level };
      },
    ),
  };
}
