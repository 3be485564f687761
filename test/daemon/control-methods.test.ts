import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkConfig } from "../../src/config/load.ts";
import { callDaemon } from "../../src/control/client.ts";
import { silentLog } from "../../src/core/log.ts";
import { Daemon } from "../../src/daemon/daemon.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "vscsi-methods-"));
const control = join(folder, "control.sock");
const logging = { level: "info" };
let daemon: Daemon;

beforeAll(async () => {
  daemon = await Daemon.start(checkConfig({ version: 1, control }, "test"), silentLog, { logging });
});
afterAll(async () => {
  await daemon.stop();
  rmSync(folder, { recursive: true });
});

test("every method is in docs/control.md, with its summary", async () => {
  const text = readFileSync(join(ROOT, "docs/control.md"), "utf8");
  const rows = [...text.matchAll(/^\| `([\w.]+)` +\| (.*?) +\|/gm)].map(([, name, summary]) => ({ name, summary }));
  const methods = await callDaemon(control, "methods");
  expect(rows).toEqual(methods.map(({ name, summary }) => ({ name, summary })));
});

test("methods tells the schema of parameters", async () => {
  const methods = await callDaemon(control, "methods");
  expect(methods.find(({ name }) => name === "unit.resize")?.params).toMatchObject({
    type: "object",
    required: ["place"],
    additionalProperties: false,
  });
});

test("log.level changes what is logged", async () => {
  expect(await callDaemon(control, "log.level", {})).toEqual({ level: "info" });
  expect(await callDaemon(control, "log.level", { level: "debug" })).toEqual({ level: "debug" });
  expect(logging.level).toBe("debug");
  await expect(callDaemon(control, "log.level", { level: "loud" })).rejects.toMatchObject({ rpcCode: -32602 });
});

test("a method without parameters takes none", async () => {
  await expect(callDaemon(control, "status", { all: true })).rejects.toMatchObject({ rpcCode: -32602 });
});

test("the package gives programs its client", async () => {
  const script = `
    import { ControlClient } from "vscsi-target/control";
    const client = await ControlClient.connect(${JSON.stringify(control)});
    console.log((await client.call("status")).pid);
    client.close();`;
  const flags = ["--input-type=module", "-e", script];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: ROOT, timeout: 20_000 });
  expect(stdout).toBe(`${process.pid}\n`);
});
