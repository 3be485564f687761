import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const SCHEMA = resolve(import.meta.dirname, "../../dist/configuration.schema.json");
const GUIDE = resolve(import.meta.dirname, "../../docs/configuration.md");

/** The keys of an object's schema. */
function keysOf(schema: { properties?: object }): string[] {
  return Object.keys(schema.properties ?? {});
}

test("the package's JSON Schema has every key that the guide's first example has", () => {
  const schema = JSON.parse(readFileSync(SCHEMA, "utf8"));
  const example = /```json\n(.*?)```/s.exec(readFileSync(GUIDE, "utf8"))?.[1] ?? "";
  expect(keysOf(schema)).toEqual(expect.arrayContaining(Object.keys(JSON.parse(example))));
  expect([schema.additionalProperties, schema.required]).toEqual([false, ["version"]]);
  expect(JSON.stringify(schema)).toContain('"nbd"');
});
