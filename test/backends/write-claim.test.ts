import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { FileStore } from "../../src/backends/file.ts";
import { StoreOpenError } from "../../src/backends/open-file.ts";
import { silentLog } from "../../src/core/log.ts";
import { requires } from "../support/requires.ts";
import { testMemory } from "../support/scsi-task.ts";

const memory = testMemory();
const folder = mkdtempSync(join(tmpdir(), "vscsi-claim-"));
afterAll(() => rmSync(folder, { recursive: true }));
const image = join(folder, "disk.img");
writeFileSync(image, "");
truncateSync(image, 1 << 20);

const open = (readOnly = false) => new FileStore(memory, image, readOnly, silentLog);

const qemuIo = requires("qemu-io");

/** QEMU's own tool on the image, until its input ends. */
async function qemu(): Promise<ChildProcess> {
  const child = spawn("qemu-io", ["-f", "raw", image], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.stdin?.end();
  await exited;
}

test.skipIf(!qemuIo)("an image that QEMU writes to is refused with its name, and may be read", async () => {
  const child = await qemu();
  try {
    expect(() => open()).toThrow(StoreOpenError);
    expect(() => open()).toThrow(`${image}: qemu-io (process ${child.pid}) has locked it; stop that one`);
    await open(true).close();
  } finally {
    await end(child);
  }
  await open().close();
});

test.skipIf(!qemuIo)(
  "QEMU refuses an image that is served for writing, not one that is served for reading",
  async () => {
    const write = () => spawnSync("qemu-io", ["-f", "raw", "-c", "write 0 512", image], { encoding: "utf8" });
    const writer = open();
    expect(write().stderr).toMatch(/Failed to get "write" lock/);
    await writer.close();
    const reader = open(true);
    expect(write().stderr).toBe("");
    await reader.close();
  },
);

test("another daemon is refused", async () => {
  const writer = open();
  const script = `
    import { FileStore } from ${JSON.stringify(new URL("../../dist/backends/file.js", import.meta.url).href)};
    import { SharedMemory } from ${JSON.stringify(new URL("../../dist/core/shared-memory.js", import.meta.url).href)};
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    try { new FileStore(new SharedMemory(), process.argv[1], false, log); } catch (error) { console.log(error.message); }`;
  const run = () => execFileSync(process.execPath, ["--input-type=module", "-e", script, image], { encoding: "utf8" });
  expect(run()).toContain(`(process ${process.pid}) has locked it`);
  await writer.close();
  expect(run()).toBe("");
});
