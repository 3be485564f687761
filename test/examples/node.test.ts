import { afterAll, expect, test } from "vitest";
import { Newcomer } from "../support/packed.ts";
import { vectorLines } from "../support/vector-lines.ts";

const newcomer = new Newcomer("node");
afterAll(() => newcomer[Symbol.dispose]());

test.each(["core", "portable", "twin"])("examples/node runs the vectors on %s", (build) => {
  expect(newcomer.run(process.execPath, "main.js", build)).toEqual(vectorLines());
});
