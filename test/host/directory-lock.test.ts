import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { silentLog } from "../../src/core/log.ts";
import { DirectoryLock } from "../../src/host/directory-lock.ts";

const folder = mkdtempSync(join(tmpdir(), "vscsi-lock-"));
afterAll(() => rmSync(folder, { recursive: true }));
const DIST = resolve(import.meta.dirname, "../../dist");

test("a folder has one at a time, also within a process", () => {
  const lock = DirectoryLock.take(folder, silentLog);
  expect(() => DirectoryLock.take(folder, silentLog)).toThrow(`${folder}: process ${process.pid} has it; stop that`);
  lock.release();
  DirectoryLock.take(folder, silentLog).release();
  expect(statSync(join(folder, "lock")).mode & 0o777).toBe(0o600);
});

test("a process that is killed leaves no lock behind", async () => {
  const script = `
    import { DirectoryLock } from ${JSON.stringify(join(DIST, "host/directory-lock.js"))};
    DirectoryLock.take(${JSON.stringify(folder)}, { warn: console.error });
    console.log("locked");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  expect(() => DirectoryLock.take(folder, silentLog)).toThrow(`process ${child.pid} has it`);
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
  const lock = DirectoryLock.take(folder, silentLog);
  expect(readFileSync(join(folder, "lock"), "utf8")).toBe(`${process.pid}\n`);
  lock.release();
});

test("what is no folder is told", () => {
  expect(() => DirectoryLock.take(join(folder, "none"), silentLog)).toThrow(/none\/lock: can't be opened/);
});
