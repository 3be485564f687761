import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { loadWasmCore } from "../../src/core/wasm.ts";
import { type Vector, vectorUrls } from "../../vectors/index.js";
import { Side } from "../core/side.ts";
import { conversations } from "./conversations.ts";
import { Recorder, vectorText } from "./recorder.ts";
import { SCENARIOS } from "./scenarios/index.ts";
import type { Scenario } from "./scenarios/scenario.ts";

const FOLDER = join(import.meta.dirname, "../../vectors");

function recorded({ name, title, staged = false, run }: Scenario): Vector {
  let recorder: Recorder | undefined;
  const side = new Side(
    (memory) => {
      recorder = new Recorder(memory, loadWasmCore(memory));
      return recorder.core;
    },
    { staged },
  );
  if (recorder === undefined) throw new Error("no core was loaded");
  run(side, side.core);
  return recorder.vector(name, title);
}

const made = [...SCENARIOS.map(recorded), ...conversations()];

test.each(made)("$name is as the package has it: otherwise npm run vectors", async (vector) => {
  await expect(vectorText(vector)).toMatchFileSnapshot(join(FOLDER, `${vector.name}.json`));
});

test("the package has these and no others", () => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith(".json"));
  expect(files.sort()).toEqual(made.map(({ name }) => `${name}.json`).sort());
  expect(vectorUrls.map((url) => basename(url.pathname))).toEqual(made.map(({ name }) => `${name}.json`));
});
