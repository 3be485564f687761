import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { differences } from "../../src/cli/watch.ts";
import { checkConfig } from "../../src/config/load.ts";
import { callDaemon } from "../../src/control/client.ts";
import { silentLog } from "../../src/core/log.ts";
import { Daemon } from "../../src/daemon/daemon.ts";

const CLI = resolve(import.meta.dirname, "../../dist/cli/main.js");
const ADAPTER = "bus/vio/drivers/ibmvscsis/71000003";
const folder = mkdtempSync(join(tmpdir(), "vscsi-watch-"));
const control = join(folder, "control.sock");
let daemon: Daemon;

beforeAll(async () => {
  daemon = await Daemon.start(
    checkConfig({ version: 1, control, adapters: [{ unitAddress: "0x71000003", logicalUnits: [] }] }, "test"),
    silentLog,
  );
});
afterAll(async () => {
  await daemon.stop();
  rmSync(folder, { recursive: true });
});

function watch(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const command = [CLI, "watch", "--control", control, ...args];
  return new Promise((done) => {
    execFile(process.execPath, command, { timeout: 20_000 }, (error, stdout, stderr) =>
      done({ status: error === null ? 0 : typeof error.code === "number" ? error.code : -1, stdout, stderr }),
    );
  });
}

test("prints what changes, as lines of JSON", async () => {
  const watched = watch("bus", "--interval", "0.1", "--count", "1", "--json");
  let sectors = 100;
  let ended = false;
  watched.finally(() => {
    ended = true;
  });
  // The watcher looks when it has started: until it has seen one, there are changes.
  while (!ended) {
    sectors = sectors === 100 ? 200 : 100;
    await callDaemon(control, "tree.set", { path: `${ADAPTER}/max_sectors`, value: String(sectors) });
    await sleep(150);
  }
  const { status, stdout } = await watched;
  expect(status).toBe(0);
  const change: unknown = JSON.parse(stdout);
  expect(change).toMatchObject({ path: `${ADAPTER}/max_sectors` });
  expect([
    { before: "100", after: "200" },
    { before: "200", after: "100" },
  ]).toContainEqual({ before: Reflect.get(Object(change), "before"), after: Reflect.get(Object(change), "after") });
});

test.each<[string[], number, RegExp]>([
  [["nowhere"], 1, /there is no nowhere/],
  [["bus", "--interval", "0"], 2, /at least 0\.1 seconds/],
  [["bus", "--count", "1.5"], 2, /a whole number/],
])("watch %j ends with status %i", async (args, status, message) => {
  const result = await watch(...args);
  expect(result.status).toBe(status);
  expect(result.stderr).toMatch(message);
});

const values = fc.dictionary(fc.constantFrom("a", "b", "c/d", "c/e"), fc.constantFrom("0", "1"));

test("applying the differences to what was gives what is", () => {
  fc.assert(
    fc.property(values, values, (before, after) => {
      const copy = new Map<string, string>(Object.entries(before));
      for (const change of differences(copy, new Map(Object.entries(after)))) {
        expect(change.before).toBe(before[change.path]);
        expect(change.before).not.toBe(change.after);
        if (change.after === undefined) copy.delete(change.path);
        else copy.set(change.path, change.after);
      }
      expect(Object.fromEntries(copy)).toEqual(after);
    }),
  );
});
