import { readFileSync } from "node:fs";
import type { z } from "zod";
import { ConfigError } from "./config-error.ts";
import { type Config, configSchema } from "./schema.ts";

/**
 * Reads and checks a configuration file.
 * @throws ConfigError when the file can't be read, is no JSON or does not fit the schema
 */
export function loadConfig(path: string): Config {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`${path}: can't be read: ${(error as Error).message}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`${path}: is not JSON: ${(error as Error).message}`);
  }
  return checkConfig(value, path);
}

/** Checks a configuration value; `source` names it in errors. @throws ConfigError */
export function checkConfig(value: unknown, source: string): Config {
  return checkValue(configSchema, value, source);
}

/** Checks a value against a schema; `source` names it in errors. @throws ConfigError */
export function checkValue<Schema extends z.ZodType>(schema: Schema, value: unknown, source: string): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw problems(result.error, value, source);
}

/** What is wrong with a value. */
export function problems(error: z.core.$ZodError, value: unknown, source: string): ConfigError {
  const lines = error.issues.map((issue) => {
    const key = issue.path.map(String).join(".") || "(top)";
    const found = valueAt(value, issue.path);
    const unknown = issue.code === "unrecognized_keys" ? `unknown key ${issue.keys.join(", ")}` : undefined;
    return `${source}: ${key}: ${unknown ?? `${describe(found)} is not allowed: ${issue.message}`}`;
  });
  return new ConfigError(lines.join("\n"));
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let here = value;
  for (const key of path) {
    if (typeof here !== "object" || here === null) return undefined;
    here = (here as Record<PropertyKey, unknown>)[key];
  }
  return here;
}

function describe(value: unknown): string {
  if (value === undefined) return "(missing)";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
