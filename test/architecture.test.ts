import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const SOURCE = resolve(import.meta.dirname, "../src");

/** Rooms by height: a file imports from its own room and from rooms with a smaller number only. */
const HEIGHT: Readonly<Record<string, number>> = {
  abi: 0,
  core: 1,
  scsi: 2,
  host: 2,
  ports: 3,
  target: 3,
  papr: 3,
  initiator: 4,
  backends: 3,
  filters: 4,
  control: 6,
  iscsi: 2,
  config: 5,
  observe: 5,
  embed: 6,
  "index.ts": 7,
  daemon: 7,
  cli: 8,
};
/** `fs`, `net`, `child_process` and their like belong to the outer rooms. */
const NO_SYSTEM = new Set(["abi", "scsi", "target", "papr", "initiator"]);

interface Import {
  file: string;
  from: string;
  specifier: string;
}

function sources(): string[] {
  return readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
}

function imports(): Import[] {
  return sources().flatMap((file) => {
    const text = readFileSync(join(SOURCE, file), "utf8");
    const found = text.matchAll(
      /^\s*(?:import|export)\s(?:[^;"'=]*?\sfrom\s*)?["']([^"']+)["']|^\s*import\s*\(\s*["']([^"']+)["']/gm,
    );
    return [...found].map((match) => ({ file, from: room(file), specifier: match[1] ?? match[2] ?? "" }));
  });
}

function room(file: string): string {
  return file.split("/")[0] ?? "";
}

function targetRoom({ file, specifier }: Import): string {
  return room(relative(SOURCE, resolve(SOURCE, dirname(file), specifier)));
}

test("every room has its height", () => {
  const rooms = new Set(sources().map(room));
  expect([...rooms].filter((name) => !(name in HEIGHT))).toEqual([]);
});

test("imports point down only", () => {
  const found = imports();
  expect(found.length).toBeGreaterThan(50);
  const wrong = found
    .filter(({ specifier }) => specifier.startsWith("."))
    .filter((entry) => {
      const to = targetRoom(entry);
      return to !== entry.from && (HEIGHT[to] ?? Number.NaN) >= (HEIGHT[entry.from] ?? Number.NaN);
    })
    .map(({ file, specifier }) => `${file} imports ${specifier}`);
  expect(wrong).toEqual([]);
});

test("abi imports nothing", () => {
  expect(imports().filter(({ from, specifier }) => from === "abi" && !specifier.startsWith("./"))).toEqual([]);
});

test("the inner rooms do not touch the operating system", () => {
  const wrong = imports().filter(({ from, specifier }) => NO_SYSTEM.has(from) && specifier.startsWith("node:"));
  expect(wrong).toEqual([]);
});

test("the assembly imports only its own files and the abi", () => {
  const folder = resolve(SOURCE, "../assembly");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  expect(files.length).toBeGreaterThan(5);
  const wrong = files.flatMap((file) =>
    [...readFileSync(join(folder, file), "utf8").matchAll(/from\s+"([^"]+)"/g)]
      .map((match) => match[1] ?? "")
      .filter((specifier) => !/^\.\/[\w-]+$/.test(specifier) && !/^\.\.\/src\/abi\/[\w-]+$/.test(specifier))
      .map((specifier) => `${file} imports ${specifier}`),
  );
  expect(wrong).toEqual([]);
});

test("every file and folder that ARCHITECTURE.md names is there, and every room is in its table", () => {
  const root = resolve(SOURCE, "..");
  const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
  const named = [...text.matchAll(/\b(?:src|assembly|qemu|bench|test)\/[\w./-]*\w/g)].map(([path]) => path);
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  const rooms = new Set(sources().map((file) => (file.includes("/") ? `${room(file)}/` : file)));
  expect([...rooms].filter((name) => !text.includes(`\`src/${name}`))).toEqual([]);
});
