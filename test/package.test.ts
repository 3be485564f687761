import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pack } from "./support/packed.ts";
import { requires } from "./support/requires.ts";

interface Manifest {
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
}

const ROOT = resolve(import.meta.dirname, "..");
const INSTALL_PATIENCE = 180_000;
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Manifest;
const folder = mkdtempSync(join(tmpdir(), "vscsi-package-"));
const place = join(folder, "node_modules/vscsi-target");
const { tarball, files } = pack(folder);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function entries(): { name: string; types: string | undefined; file: string }[] {
  return Object.entries(manifest.exports)
    .filter(([name]) => !name.includes("*"))
    .map(([name, target]) =>
      typeof target === "string"
        ? { name, types: undefined, file: target }
        : { name, types: target.types, file: target.default },
    );
}

/** Every file that is reached from these by relative imports, paths from the root of the package. */
function reached(starts: readonly string[], find: RegExp, rename: (path: string) => string): Set<string> {
  const seen = new Set<string>();
  const queue = starts.map((start) => normalize(start));
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    // The bridge is built where it is installed.
    if (seen.has(file) || file.endsWith(".so")) continue;
    seen.add(file);
    if (!/\.[jt]s$/.test(file)) continue;
    for (const [, specifier = ""] of readFileSync(join(ROOT, file), "utf8").replaceAll(COMMENTS, "").matchAll(find))
      queue.push(rename(join(dirname(file), specifier)));
  }
  return seen;
}

/** A module's imports, and files beside it that it names by URL. */
const IMPORTS = /(?:^(?:import|export)\b[^"';]*|\bimport\(|\bnew URL\()["'](\.\.?\/[\w./-]+)["']/gm;
const COMMENTS = /\/\*.*?\*\//gs;

describe("the tarball", () => {
  const programs = [...entries().map(({ file }) => file), ...Object.values(manifest.bin)].filter((file) =>
    file.endsWith(".js"),
  );

  const declarations = entries().flatMap(({ types }) => types ?? []);
  const needed = [
    ...reached(programs, IMPORTS, (path) => path),
    ...reached(declarations, IMPORTS, (path) => path.replace(/(?<!\.d)\.[jt]s$/, ".d.ts")),
  ];
  const rooms = (paths: readonly string[]) => new Set(paths.map((path) => /^dist\/(\w+)\/.*\.[jt]s$/.exec(path)?.[1]));

  test("has every file that its entries need: otherwise see files in package.json", () => {
    expect(needed.filter((file) => !files.includes(file))).toEqual([]);
  });

  test("has no room that its entries do not need", () => {
    expect([...rooms(files)].sort()).toEqual([...rooms(needed)].sort());
  });

  test("has what its programs look for beside themselves, and no source, test or map", () => {
    expect(files).toEqual(
      expect.arrayContaining([
        "LICENSE",
        "README.md",
        "build/core.wasm",
        "build/core.portable.wasm",
        "dist/configuration.schema.json",
        "dist/man/vscsi.1",
        "packaging/systemd/vscsi.service",
        "qemu/build",
        "qemu/plugin.c",
        "scripts/lib/guest.sh",
        "scripts/make-guest",
        "scripts/system-packages",
      ]),
    );
    expect(files.filter((file) => /^(src|test|bench|assembly)\/|\.map$|(?<!\.d)\.ts$/.test(file))).toEqual([]);
  });
});

describe("installed in a clean folder", () => {
  beforeAll(() => {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    run("npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--omit=dev", tarball);
  }, INSTALL_PATIENCE);

  test("the command tells its version", () => {
    expect(run(join(folder, "node_modules/.bin/vscsi"), "--version").trim()).toContain(manifest.version);
  });

  test("the command shows a daemon and a client of its own", { timeout: INSTALL_PATIENCE }, () => {
    const shown = run(join(folder, "node_modules/.bin/vscsi"), "demo", "--once", "--json");
    expect(JSON.parse(shown)).toMatchObject({ disks: [{ verifiedBytes: 16 << 20 }] });
  });

  test.each(entries().filter(({ file }) => file.endsWith(".js")))("$name can be imported", ({ name }) => {
    const specifier = `vscsi-target${name.slice(1)}`;
    const names = run(
      process.execPath,
      "-e",
      `import("${specifier}").then((it) => console.log(Object.keys(it).length))`,
    );
    expect(Number(names)).toBeGreaterThan(0);
  });

  test.each(entries().filter(({ file }) => !file.endsWith(".js")))("$name can be found", ({ name }) => {
    const specifier = `vscsi-target${name.slice(1)}`;
    expect(run(process.execPath, "-e", `console.log(require.resolve("${specifier}"))`)).toContain(place);
  });

  test.each([
    ["of Node alone", ["es2023"], ["node"]],
    ["of a browser", ["es2023", "dom"], []],
  ])("its types suit a program %s", (_, lib, types) => {
    const forNode = types.length > 0;
    const options = { strict: true, noEmit: true, module: "nodenext", target: "es2023", lib, types };
    const typeRoots = [join(ROOT, "node_modules/@types")];
    writeFileSync(join(folder, "use.ts"), forNode ? NODE_PROGRAM : BROWSER_PROGRAM);
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions: { ...options, typeRoots }, files: ["use.ts"] }),
    );
    expect(run(process.execPath, join(ROOT, "node_modules/typescript/bin/tsc"), "--pretty", "false")).toBe("");
  });

  test.skipIf(!requires("cc"))("its bridge can be built", () => {
    run("npm", "run", "-s", "build:bridge", "--prefix", place);
    expect(readFileSync(join(place, "build/vscsi-bridge.so")).length).toBeGreaterThan(0);
  });
});

const BROWSER_PROGRAM = `
import { type CoreExports, createTwin, instantiate, moduleUrls, records, SharedMemory } from "vscsi-target/core";
import { runVector, type Vector } from "vscsi-target/vectors";

export async function use(vector: Vector): Promise<string> {
  const memory = new SharedMemory(64, false);
  const response = await fetch(moduleUrls.portable);
  const core: CoreExports = await instantiate(await response.arrayBuffer(), memory.memory);
  core.drain(memory.allocate(records.ADAPTER_SIZE), 1);
  const other = await instantiate(await WebAssembly.compile(new Uint8Array(8)), new WebAssembly.Memory({ initial: 1 }));
  return runVector(vector, createTwin(memory), memory.memory).line + other.abi_version();
}
`;
const NODE_PROGRAM = `
import { type BlockStore, type Command, createDisk, createHypervisor, type Disk, good, Target } from "vscsi-target";
import { ControlClient } from "vscsi-target/control";
import { loadCore } from "vscsi-target/core/node";

const hypervisor = createHypervisor({ core: "js" });
const row: Command<Disk> = {
  opcode: 0xc1,
  name: "OWN",
  usage: [0xff, 0, 0, 0, 0, 0],
  reservation: "allowed",
  execute: (_unit, task) => good(task),
};
export function use(store: BlockStore): Disk {
  return createDisk(store, { furtherCommands: [row] });
}
export const all = [ControlClient, loadCore(hypervisor.memory, "wasm", "core"), new Target({ hypervisor })];
`;

function run(program: string, ...words: string[]): string {
  try {
    return execFileSync(program, words, { cwd: folder, encoding: "utf8", timeout: INSTALL_PATIENCE, stdio: "pipe" });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${program} ${words.join(" ")}:\n${stdout}${stderr}`);
  }
}
