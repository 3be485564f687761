import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import * as records from "../../src/abi/records.ts";
import { SharedMemory } from "../../src/core/shared-memory.ts";
import { createTwin } from "../../src/core/twin/twin.ts";
import { requires } from "../support/requires.ts";
import { readWasmModule } from "./wasm-module.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const PAGE = readFileSync(join(ROOT, "docs/core-abi.md"), "utf8");
const CONSTANTS = new Map<string, number>(Object.entries(records));
const BUILDS = ["core", "core.debug", "core.portable"];

/** Rows of every table of a section, as lists of cells. */
function rows(section: string): string[][] {
  const [, text = ""] = PAGE.split(new RegExp(`^## ${section}$`, "m"));
  return (text.split(/^## /m)[0] ?? "")
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
}

const documented = rows("Functions")
  .map(([call = "", result]) => ({ call: /^`(\w+)\((.*)\)`$/.exec(call), result }))
  .flatMap(({ call, result }) => (call === null ? [] : [{ name: call[1] ?? "", words: call[2] ?? "", result }]));
const RECORDS = ["WINDOW", "QUEUE", "ADAPTER", "STAGED", "SLOT", "EXTENT"];

function module(build: string) {
  return readWasmModule(readFileSync(join(ROOT, `build/${build}.wasm`)));
}

describe.each(BUILDS)("%s.wasm", (build) => {
  test("exports the functions that the page describes, and no others", () => {
    const expected = documented.map(({ name, words, result }) => [
      name,
      { parameters: words === "" ? 0 : words.split(", ").length, results: result === "i32" ? 1 : 0 },
    ]);
    expect(expected.length).toBeGreaterThan(10);
    expect(Object.fromEntries(module(build).exports)).toEqual(Object.fromEntries(expected));
  });

  test("imports the memory that the page describes", () => {
    const [, , row] = rows("Imports");
    expect(module(build).imports).toEqual([
      row
        ?.slice(0, 2)
        .map((cell) => cell.replaceAll("`", ""))
        .join("."),
    ]);
    const shared = build !== "core.portable";
    expect(module(build).memory).toEqual({ name: "env.memory", shared, minimum: 1, maximum: 65_536 });
  });
});

test("the twin has the same functions with the same parameters", () => {
  const twin = createTwin(new SharedMemory());
  const shape = Object.entries(twin).map(([name, call]) => [name, call.length]);
  const expected = documented.map(({ name, words }) => [name, words === "" ? 0 : words.split(", ").length]);
  expect(Object.fromEntries(shape)).toEqual(Object.fromEntries(expected));
});

test("the page tells the version", () => {
  expect(PAGE).toContain(`\`CORE_ABI_VERSION\`, which is **${records.CORE_ABI_VERSION}**`);
});

test.each(RECORDS)("the fields of a %s follow one another, up to its size", (record) => {
  const fields = rows(record).filter(([offset = "", size = ""]) => /^\d+$/.test(offset) && /^\d*$/.test(size));
  const own = fields.filter(([, , name = ""]) => name.startsWith(`${record}_`));
  expect(own.length).toBeGreaterThan(3);
  let end = 0;
  for (const [offset, size, name = ""] of own) {
    expect(Number(offset), name).toBe(CONSTANTS.get(name));
    expect(Number(offset), name).toBeGreaterThanOrEqual(end);
    end = Number(offset) + Number(size);
  }
  expect(own.at(-1)?.[2]).toBe(`${record}_SIZE`);
});

test("every constant of the records is on the page with its value, and nothing else", () => {
  const told = new Map<string, number>([["CORE_ABI_VERSION", records.CORE_ABI_VERSION]]);
  for (const [value = "", ...cells] of [...RECORDS, "Limits"].flatMap(rows))
    for (const cell of /^\d+$/.test(value) ? cells : [])
      for (const [name] of cell.matchAll(/^[A-Z]+_[A-Z_]+(?=$|:)/g)) told.set(name, Number(value));
  expect(Object.fromEntries([...told].sort())).toEqual(Object.fromEntries([...CONSTANTS].sort()));
});

describe.skipIf(!requires("wasm-validate"))("features, as wasm-validate judges them", () => {
  const valid = (build: string, ...flags: string[]) =>
    spawnSync("wasm-validate", [...flags, join(ROOT, `build/${build}.wasm`)]).status === 0;

  test("core.portable.wasm needs neither threads nor SIMD", () => {
    expect(valid("core.portable", "--disable-simd")).toBe(true);
  });

  test("core.wasm needs both", () => {
    expect(valid("core", "--enable-threads")).toBe(true);
    expect(valid("core")).toBe(false);
    expect(valid("core", "--enable-threads", "--disable-simd")).toBe(false);
  });
});
