import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { callDaemon } from "../../src/control/client.ts";
import { RawInitiator } from "../iscsi/raw-initiator.ts";
import { requires } from "../support/requires.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const CLI = join(ROOT, "dist/cli/main.js");
const folder = mkdtempSync(join(tmpdir(), "vscsi-service-"));
afterAll(() => rmSync(folder, { recursive: true }));
const control = join(folder, "control.sock");
const guest = join(folder, "guest.sock");
const SERVE = [CLI, "serve", "--memory", "1M", "--socket", guest, "--control", control];

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  children.push(child);
  return child;
}

/** What a child prints on a stream, line by line. */
function linesOf(stream: NodeJS.ReadableStream | null): string[] {
  const lines: string[] = [];
  if (stream !== null) createInterface(stream).on("line", (line) => lines.push(line));
  return lines;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let wait = 0; wait < 1000; wait++) {
    if (await condition()) return;
    await sleep(20);
  }
  throw new Error("it did not come to that");
}

/** Who listens to what the daemon tells its service manager. */
async function notifySocket(path: string): Promise<string[]> {
  const told = linesOf(start("python3", [join(import.meta.dirname, "notify-socket.py"), path]).stdout);
  await until(() => told.length > 0);
  return told;
}

describe.skipIf(!requires("python3"))("the service manager [needs python3]", () => {
  test.each([
    ["at a path", join(folder, "notify.sock")],
    ["at an abstract address", `@vscsi-test-${process.pid}`],
  ])("is told that we serve, live, and end: %s", async (_name, NOTIFY_SOCKET) => {
    const told = await notifySocket(NOTIFY_SOCKET);
    const daemon = start(process.execPath, SERVE, { NOTIFY_SOCKET, WATCHDOG_USEC: "100000" });
    await until(() => told.filter((line) => line === '"WATCHDOG=1"').length >= 3);
    expect(told[1]).toBe('"READY=1\\nSTATUS=serving 1 adapters, 0 iSCSI targets"');
    // It said so when it was true.
    expect(await callDaemon(control, "status")).toMatchObject({ pid: daemon.pid });
    daemon.kill("SIGTERM");
    await until(() => told.some((line) => line.startsWith('"STOPPING=1')));
    if (daemon.exitCode === null) await once(daemon, "exit");
    expect(daemon.exitCode).toBe(0);
  });

  test("another process's watchdog is not ours", async () => {
    const NOTIFY_SOCKET = join(folder, "other.sock");
    const told = await notifySocket(NOTIFY_SOCKET);
    start(process.execPath, SERVE, { NOTIFY_SOCKET, WATCHDOG_USEC: "20000", WATCHDOG_PID: "1" });
    await until(() => told.length >= 2);
    await sleep(200);
    expect(told.length).toBe(2);
  });
});

test("a service manager that is not there is told to the log, and the daemon serves", async () => {
  const daemon = start(process.execPath, SERVE, { NOTIFY_SOCKET: join(folder, "gone.sock") });
  const log = linesOf(daemon.stderr);
  await until(() => log.some((line) => line.includes("the service manager is not there")));
  expect(log.join("\n")).toContain("ENOENT");
  expect(await callDaemon(control, "status")).toMatchObject({ pid: daemon.pid });
});

test.skipIf(!requires("systemd-socket-activate"))(
  "the control socket may be handed over [needs systemd-socket-activate]",
  async () => {
    const inherited = join(folder, "inherited.sock");
    const args = ["--listen", inherited, "--fdname", "control", process.execPath, ...SERVE];
    start("systemd-socket-activate", args);
    await until(() => callDaemon(inherited, "status").then(Boolean, () => false));
    // The other one, which --control names, is not made.
    await expect(callDaemon(control, "status")).rejects.toThrow();
    expect(await callDaemon(inherited, "log.level", { level: "error" })).toEqual({ level: "error" });
  },
);

describe("systemd's units", () => {
  const units = ["vscsi.service", "vscsi.socket"].map((name) => join(ROOT, "packaging/systemd", name));

  test.skipIf(!requires("systemd-analyze"))("are taken by systemd-analyze [needs systemd-analyze]", () => {
    // The command and the user that the units name are a package's to install.
    const checked = units.map((path) => {
      const copy = join(folder, path.split("/").at(-1) ?? "");
      writeFileSync(copy, readFileSync(path, "utf8").replace("/usr/bin/vscsi", process.execPath));
      return copy;
    });
    const verified = spawnSync("systemd-analyze", ["verify", "--man=no", ...checked], { encoding: "utf8" });
    expect(verified.stderr).toBe("");
    expect(verified.status).toBe(0);
    const service = join(folder, "vscsi.service");
    const security = ["security", "--offline=yes", "--no-pager", "--threshold=20", service];
    const exposure = spawnSync("systemd-analyze", security, { encoding: "utf8" });
    expect(exposure.status, exposure.stdout).toBe(0);
  });
});

describe("signals", () => {
  const target = "iqn.2026-11.test:service";

  test("the first waits for a session to log out, the second ends it at once", async () => {
    const config = join(folder, "patient.json");
    const iscsi = { portals: [{ port: 0 }], targets: [{ name: target }], limits: { logoutTimeout: 60 } };
    writeFileSync(config, JSON.stringify({ version: 1, control, iscsi }));
    const daemon = start(process.execPath, [CLI, "serve", "--config", config]);
    const log = linesOf(daemon.stderr);
    await until(() => callDaemon(control, "status").then(Boolean, () => false));
    const { iscsi: served } = await callDaemon(control, "status");
    await RawInitiator.login(served?.portals[0]?.port ?? 0, { target });
    daemon.kill("SIGTERM");
    await until(() => log.some((line) => line.includes("another signal ends it at once")));
    await sleep(300);
    expect([daemon.exitCode, daemon.signalCode]).toEqual([null, null]);
    const ended = once(daemon, "exit");
    daemon.kill("SIGINT");
    expect(await ended).toEqual([null, "SIGINT"]);
  });
});

describe("the log", () => {
  test.each<[string, RegExp]>([
    ["json", /^\{"level":30,"time":"[^"]+",.*"msg":"stopped"\}$/],
    ["pretty", /^\d\d:\d\d:\d\d\.\d{3} INFO {2}stopped$/],
  ])("as %s", async (format, expected) => {
    const daemon = start(process.execPath, [...SERVE, "--log-format", format]);
    const log = linesOf(daemon.stderr);
    await until(() => callDaemon(control, "status").then(Boolean, () => false));
    daemon.kill("SIGTERM");
    await until(() => log.some((line) => expected.test(line)));
  });

  test("its level changes while the daemon runs", async () => {
    const daemon = start(process.execPath, [...SERVE, "--log-level", "silent"]);
    const log = linesOf(daemon.stderr);
    await until(() => callDaemon(control, "status").then(Boolean, () => false));
    const vscsi = (...args: string[]) =>
      spawnSync(process.execPath, [CLI, "log-level", "--control", control, ...args], { encoding: "utf8" });
    expect(vscsi().stdout).toBe("silent\n");
    expect(vscsi("info", "--json").stdout).toBe('{\n  "level": "info"\n}\n');
    expect(vscsi("loud")).toMatchObject({ status: 2, stderr: expect.stringMatching(/Allowed choices are trace/) });
    expect(log).toEqual([]);
    daemon.kill("SIGTERM");
    await until(() => log.some((line) => line.includes("stopped")));
  });
});
