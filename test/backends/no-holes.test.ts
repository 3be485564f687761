import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { silentLog } from "../../src/core/log.ts";
import { STORE_DONE } from "../../src/scsi/block-store.ts";
import { testMemory } from "../support/scsi-task.ts";

/** Whether this installation has koffi. */
const installation = vi.hoisted(() => ({ complete: true }));

vi.mock(import("node:module"), async (original) => {
  const module = await original();
  const createRequire = (file: string | URL) => {
    if (installation.complete) return module.createRequire(file);
    return () => {
      throw new Error("Cannot find module 'koffi'\nRequire stack: …");
    };
  };
  return { ...module, createRequire: createRequire as typeof module.createRequire };
});

const NEVER = { storeDone: () => expect.unreachable("the operation ended at once") };
const memory = testMemory();
const buffer = memory.allocate(4096);
const folder = mkdtempSync(join(tmpdir(), "vscsi-no-holes-"));
afterAll(() => rmSync(folder, { recursive: true }));

const warnings: object[] = [];
const log = { ...silentLog, warn: (fields: object, message: string) => void warnings.push({ ...fields, message }) };

// What is known of the C library is known for the life of a module.
beforeEach(() => vi.resetModules());
afterEach(() => {
  installation.complete = true;
  warnings.splice(0);
});

async function openIn(place: string, name: string) {
  const { FileStore } = await import("../../src/backends/file.ts");
  const path = join(place, name);
  writeFileSync(path, new Uint8Array(1 << 20));
  return new FileStore(memory, path, false, log);
}

test("without koffi files keep their storage, all else works, and one warning says what to do", async () => {
  installation.complete = false;
  const stores = [await openIn(folder, "first.img"), await openIn(folder, "second.img")];
  expect(warnings).toEqual([
    { reason: "Error: Cannot find module 'koffi'", message: expect.stringMatching(/npm install koffi/) },
  ]);
  for (const store of stores) {
    expect(store.provisioning).toBeUndefined();
    expect(store.write(4096, buffer, 4096, false, NEVER)).toBe(STORE_DONE);
    expect(store.read(4096, buffer, 4096, NEVER)).toBe(STORE_DONE);
    await store.close();
  }
});

test("with koffi nothing is warned of", async () => {
  const store = await openIn(folder, "complete.img");
  expect(store.provisioning).toBeDefined();
  expect(warnings).toEqual([]);
  await store.close();
});

/** A file system that makes no holes, when this user may mount one. */
function wholeFileSystem(): string | undefined {
  const path = mkdtempSync(join(tmpdir(), "vscsi-ramfs-"));
  afterAll(() => rmSync(path, { recursive: true }));
  try {
    execFileSync("mount", ["-t", "ramfs", "ramfs", path], { stdio: "ignore" });
    afterAll(() => void execFileSync("umount", [path]));
    return path;
  } catch (error) {
    if (process.env.VSCSI_REQUIRE_ALL === "1") throw error;
    return undefined;
  }
}

const whole = wholeFileSystem();

test.skipIf(whole === undefined)(
  "a file system without holes keeps its storage (needs the right to mount)",
  async () => {
    const store = await openIn(whole ?? "", "disk.img");
    expect(store.provisioning).toBeUndefined();
    expect(warnings).toEqual([]);
    await store.close();
  },
);
