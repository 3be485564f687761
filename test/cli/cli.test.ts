import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { buildProgram, withSubcommands } from "../../src/cli/program.ts";
import { DaemonProcess } from "../support/daemon-process.ts";

const CLI = resolve(import.meta.dirname, "../../dist/cli/main.js");
const folder = mkdtempSync(join(tmpdir(), "vscsi-cli-"));
const control = join(folder, "control.sock");
const socket = join(folder, "guest.sock");

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function vscsi(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return vscsiIn({}, ...args);
}

function vscsiIn(env: NodeJS.ProcessEnv, ...args: string[]) {
  return spawnSync(process.execPath, [CLI, ...args], {
    encoding: "utf8",
    timeout: 20_000,
    env: { ...process.env, ...env },
  });
}

test.each<[string[], number, RegExp]>([
  [["bogus"], 2, /unknown command 'bogus'/],
  [["serve"], 2, /nothing to serve/],
  [["serve", "--core", "c"], 2, /Allowed choices are wasm, js/],
  [["serve", "--memory", "lots"], 2, /backend\.size: "lots" is not allowed/],
  [["serve", "--memory", "1M", "--unit", "3"], 2, /unitAddress: "3" is not allowed/],
  [["serve", "--config", "/nowhere.json"], 2, /\/nowhere\.json: can't be read/],
  [["serve", "--disk", "/nowhere.img", "--control", control, "--socket", socket], 1, /\/nowhere\.img: .*truncate/s],
  [["status", "--control", join(folder, "none.sock")], 1, /no daemon answers/],
])("vscsi %j ends with status %i and says why", (args, status, message) => {
  expectRefusal(vscsi(...args), status, message);
});

test("a runtime folder that can't be made is told, not waited for", () => {
  for (const folder of ["/proc", "/nowhere"])
    expectRefusal(vscsiIn({ XDG_RUNTIME_DIR: folder }, "serve", "--memory", "1M"), 1, /folder .*\/vscsi can't be made/);
});

test("--version tells the package's", () => {
  expect(vscsi("--version")).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

function expectRefusal(result: { status: number | null; stderr: string }, status: number, message: RegExp): void {
  expect(result.stderr).toMatch(message);
  expect(result.stderr).not.toMatch(/^\s+at /m);
  expect(result.status).toBe(status);
}

test("help is no error", () => {
  const { status, stdout } = vscsi("--help");
  expect(status).toBe(0);
  expect(stdout).toMatch(/Serve:.*serve.*demo.*guest.*status.*Examples:/s);
});

test("commands that print have --json", () => {
  const without = withSubcommands(buildProgram())
    .filter((command) => command.commands.length === 0)
    .filter((command) => !command.options.some(({ long }) => long === "--json"))
    .map((command) => command.name());
  // The daemon prints nothing, save prints JSON anyway, completion a script.
  expect(without.sort()).toEqual(["completion", "save", "serve"]);
});

test("the demo shows a disk working", () => {
  const { status, stdout } = vscsi("demo", "--once", "--control", control, "--socket", socket);
  expect(stdout).toMatch(/verified +16 MiB/);
  expect(status).toBe(0);
});

test("the demo as JSON", () => {
  const { stdout } = vscsi("demo", "--once", "--json", "--control", control, "--socket", socket);
  expect(JSON.parse(stdout)).toMatchObject({ core: "wasm", disks: [{ size: 64 << 20, verifiedBytes: 16 << 20 }] });
});

test("there are colours on terminals only", () => {
  const ESCAPE = String.fromCharCode(27);
  expect(vscsi("--help").stdout).not.toContain(ESCAPE);
  expect(vscsiIn({ FORCE_COLOR: "1", NO_COLOR: undefined }, "--help").stdout).toContain(ESCAPE);
  expect(vscsiIn({ FORCE_COLOR: "1", NO_COLOR: "1" }, "--help").stdout).not.toContain(ESCAPE);
});

test("a state directory has one daemon", async () => {
  const state = ["--state", join(folder, "state")];
  const daemon = await DaemonProcess.start(control, ["--memory", "1M", "--socket", socket, ...state]);
  const twin = vscsi("serve", "--control", join(folder, "other.sock"), ...state);
  expect(await daemon.end("SIGTERM")).toBe(0);
  expectRefusal(twin, 1, /state: process \d+ has it; stop that daemon/);
});

test("a daemon comes up, tells its status, refuses a twin, ends by SIGTERM with 0", async () => {
  const image = join(folder, "disk.img");
  writeFileSync(image, "");
  truncateSync(image, 1 << 20);
  const flags = ["--disk", image, "--socket", socket];
  const daemon = await DaemonProcess.start(control, flags);
  try {
    expect((await daemon.status()).adapters[0]?.logicalUnits).toMatchObject([{ target: 1, size: 1 << 20 }]);
    expect(vscsi("status", "--control", control).stdout).toContain(image);
    const other = ["--control", join(folder, "other.sock")];
    expectRefusal(vscsi("serve", ...other, ...flags), 1, /disk\.img: node \(process \d+\) has locked it/);
    expectRefusal(vscsi("serve", ...other, "--memory", "1M", "--socket", socket), 1, /another process listens here/);
  } finally {
    expect(await daemon.end("SIGTERM")).toBe(0);
  }
});

test("--cdrom serves a disc behind the disks, or an empty drive", async () => {
  const image = join(folder, "disc.iso");
  writeFileSync(image, "");
  truncateSync(image, 3 * 2048);
  const flags = ["--cdrom", image, "--cdrom", "", "--memory", "1M", "--socket", socket];
  const daemon = await DaemonProcess.start(control, flags);
  try {
    expect((await daemon.status()).adapters[0]?.logicalUnits).toMatchObject([
      { target: 1, size: 1 << 20, readOnly: false },
      { target: 2, size: 3 * 2048, readOnly: true },
      { target: 3, size: 0, description: "no medium" },
    ]);
  } finally {
    expect(await daemon.end("SIGTERM")).toBe(0);
  }
});

test("a file that is no socket is left alone", () => {
  const path = join(folder, "precious");
  writeFileSync(path, "data");
  const result = vscsi("serve", "--memory", "1M", "--socket", path, "--control", control);
  expect(result.stderr).toMatch(/is there and is no socket/);
  expect(result.status).toBe(1);
});

test("a socket that a dead daemon left is taken over", async () => {
  const first = await DaemonProcess.start(control, ["--memory", "1M", "--socket", socket]);
  await first.end("SIGKILL");
  const second = await DaemonProcess.start(control, ["--memory", "1M", "--socket", socket]);
  expect(await second.end("SIGTERM")).toBe(0);
});
