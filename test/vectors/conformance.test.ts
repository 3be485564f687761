import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { loadCore } from "../../src/core/core.ts";
import { SharedMemory } from "../../src/core/shared-memory.ts";
import { loadWasmCore, type WasmBuild } from "../../src/core/wasm.ts";
import { runVector, type Vector, vectorUrls } from "../../vectors/index.js";

const stored = vectorUrls.map((url) => JSON.parse(readFileSync(url, "utf8")) as Vector);

test("every function of the core is called", () => {
  const core = loadCore(new SharedMemory(), "js");
  const called = new Set(stored.flatMap(({ steps }) => steps.map(({ call }) => call)));
  expect([...called, "abi_version"].sort()).toEqual(Object.keys(core).sort());
});

const BUILDS: readonly (WasmBuild | "twin")[] = ["core", "core.debug", "core.portable", "twin"];

test.each(BUILDS)("%s does as every vector says", (build) => {
  for (const vector of stored) {
    const memory = new SharedMemory(64, build !== "core.portable");
    const core = build === "twin" ? loadCore(memory, "js") : loadWasmCore(memory, build);
    expect(runVector(vector, core, memory.memory)).toEqual({
      passed: true,
      line: `${vector.name}: ${vector.steps.length} calls, as expected`,
    });
  }
});

test("the runner tells a wrong result, a byte that should have changed, and one that should not", () => {
  const [vector] = stored.filter(({ name }) => name === "bytes-copy");
  if (vector === undefined) throw new Error("there is no such vector");
  const memory = new SharedMemory();
  const core = loadCore(memory, "js");
  const line = (changed: object) => runVector(vector, { ...core, ...changed }, memory.memory).line;
  expect(line({ bytes_copy: () => 1 })).toBe("bytes-copy: call 1, bytes_copy: gives 1, not 0");
  expect(line({ bytes_copy() {} })).toMatch(/^bytes-copy: call 2, bytes_copy: byte \d+ is 0, not \d+$/);
  const clumsy = (to: number, from: number, length: number) => core.bytes_copy(to, from, length + 1);
  expect(line({ bytes_copy: clumsy })).toMatch(/^bytes-copy: call 1, bytes_copy: byte \d+ is \d+, not 0$/);
  expect(line({ abi_version: () => 0 })).toBe("bytes-copy: is of ABI version 1, not 0");
});
