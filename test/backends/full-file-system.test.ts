import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { FileStore } from "../../src/backends/file.ts";
import { silentLog } from "../../src/core/log.ts";
import { STORE_DONE } from "../../src/scsi/block-store.ts";
import { ended } from "../support/block-store.ts";
import { deviceWithDisk } from "../support/disk.ts";
import { provisioningOf } from "../support/modelled-store.ts";
import { run, testMemory } from "../support/scsi-task.ts";

const CAPACITY = 1 << 20;
const SPACE = 64 << 10;
const ENOSPC = -28;
const NEVER = { storeDone: () => expect.unreachable("the operation ended at once") };

const memory = testMemory();
const buffer = memory.allocate(CAPACITY);

/** A file system with room for SPACE bytes, when this user may mount one. */
function tinyFileSystem(): string | undefined {
  const path = mkdtempSync(join(tmpdir(), "vscsi-full-"));
  afterAll(() => rmSync(path, { recursive: true }));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${SPACE}`, "tmpfs", path], { stdio: "ignore" });
    afterAll(() => void execFileSync("umount", [path]));
    return path;
  } catch (error) {
    if (process.env.VSCSI_REQUIRE_ALL === "1") throw error;
    return undefined;
  }
}

const folder = tinyFileSystem();

describe.skipIf(folder === undefined)("on a full file system (needs the right to mount)", () => {
  function open(): FileStore {
    const path = join(folder ?? "", "disk.img");
    writeFileSync(path, "");
    truncateSync(path, CAPACITY);
    return new FileStore(memory, path, false, silentLog);
  }

  test("a write gives -ENOSPC, plain or durable", async () => {
    const store = open();
    expect(store.write(0, buffer, CAPACITY, false, NEVER)).toBe(ENOSPC);
    expect(store.write(CAPACITY / 2, buffer, 4096, true, NEVER)).toBe(ENOSPC);
    expect(statSync(store.description).size).toBe(CAPACITY);
    await store.close();
  });

  test("an initiator is told that there is no space, and goes on when some was given back", async () => {
    const store = open();
    const device = deviceWithDisk(memory, { thin: true }, store);
    const write = (block: number) =>
      run(device, memory, [0x2a, 0, 0, 0, 0, block, 0, 0, 8, 0], { dataOut: new Uint8Array(4096).fill(block) });
    const senses = Array.from({ length: SPACE / 4096 + 1 }, (_, index) => write(index * 8).senseText);
    expect(senses).toEqual([...Array(SPACE / 4096).fill(""), "07/27/07"]);
    // Not whole blocks of the file system: zeroing their parts must need no space.
    const given = ended((then) => provisioningOf(store).deallocate(512, 3 * 4096, true, then));
    expect(await given).toBe(STORE_DONE);
    expect(write(SPACE / 512).senseText).toBe("");
    expect([...run(device, memory, [0x28, 0, 0, 0, 0, 25, 0, 0, 1, 0]).dataIn.subarray(0, 2)]).toEqual([24, 24]);
    await store.close();
  });
});
