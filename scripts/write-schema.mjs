// Writes dist/configuration.schema.json, for editors and other programs, from the schema that the daemon checks by.
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";

const dist = resolve(import.meta.dirname, "../dist");
const { configSchema } = await import(join(dist, "config/schema.js"));
// As a file is written; rules between keys can't be told in JSON Schema, and are left to the daemon.
const schema = z.toJSONSchema(configSchema, { io: "input", target: "draft-2020-12" });
writeFileSync(join(dist, "configuration.schema.json"), `${JSON.stringify(schema, null, 2)}\n`);
