import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { FileStore } from "../../src/backends/file.ts";
import { silentLog } from "../../src/core/log.ts";
import { loopDevice, NEEDS_LOOP_DEVICES } from "../support/loop-device.ts";
import { extents, MODEL_SIZE, ModelledStore, type Operation, operations, SECTOR } from "../support/modelled-store.ts";
import { requires } from "../support/requires.ts";
import { testMemory } from "../support/scsi-task.ts";

const SECTORS = MODEL_SIZE / SECTOR;
const memory = testMemory();
const folder = mkdtempSync(join(tmpdir(), "vscsi-device-"));

function newImage(name: string, size = MODEL_SIZE): string {
  const path = join(folder, name);
  writeFileSync(path, "");
  truncateSync(path, size);
  return path;
}

const image = newImage("disk.img");
const device = loopDevice(image) ?? "";
const bigSectors = loopDevice(newImage("sectors.img"), "--sector-size", "4096") ?? "";
const readOnly = loopDevice(newImage("read-only.img"), "--read-only") ?? "";
const fileSystem = loopDevice(newImage("file-system.img", 8 * MODEL_SIZE)) ?? "";
afterAll(() => rmSync(folder, { recursive: true }));

const available = [device, bigSectors, readOnly, fileSystem].every((path) => path !== "");
const deviceTest = (name: string, run: () => Promise<void>) =>
  test.skipIf(!available)(`${name} ${NEEDS_LOOP_DEVICES}`, run);

const open = (path: string, forReading = false) => new FileStore(memory, path, forReading, silentLog);

deviceTest("a device tells its size and what it gives back; all of it has storage", async () => {
  const store = open(device);
  expect([store.size, store.physicalBlockSize, store.provisioning?.granularity]).toEqual([MODEL_SIZE, 4096, 4096]);
  expect(await extents(store)).toEqual([{ offset: 0, length: MODEL_SIZE, allocated: true }]);
  await store.close();
});

deviceTest("what a device discards goes back to the file behind it", async () => {
  const modelled = new ModelledStore(memory, open(device));
  const bytes = () => statSync(image).blocks * 512;
  await modelled.write(0, SECTORS, 9, true);
  expect(bytes()).toBeGreaterThanOrEqual(MODEL_SIZE);
  await modelled.deallocate(0, SECTORS / 2, true);
  expect(bytes()).toBeLessThan(MODEL_SIZE * 0.6);
  await modelled.check();
  await modelled.deallocate(0, SECTORS, true);
  expect(readFileSync(image).every((byte) => byte === 0)).toBe(true);
  await modelled.close();
});

deviceTest("random operations on devices with sectors of 512 and of 4096 bytes agree with an array", async () => {
  for (const path of [device, bigSectors]) {
    const run = async (list: Operation[]) => {
      const modelled = new ModelledStore(memory, open(path));
      await modelled.deallocate(0, SECTORS);
      for (const operation of list) await modelled.run(operation);
      await modelled.check();
      await modelled.close();
    };
    await fc.assert(fc.asyncProperty(operations(false), run), { numRuns: 15 });
  }
});

deviceTest("blocks smaller than the sectors of a device are written, and zeroed, one by one", async () => {
  const modelled = new ModelledStore(memory, open(bigSectors));
  await modelled.deallocate(0, SECTORS);
  await modelled.write(0, 32, 7, true);
  await modelled.write(9, 1, 8, true);
  await modelled.deallocate(11, 1, true);
  await modelled.deallocate(15, 10, true);
  await modelled.check();
  await modelled.close();
});

deviceTest("a device that can't be written is served read-only", async () => {
  expect(() => open(readOnly)).toThrow(`${readOnly}: can't be written: serve it read-only`);
  const store = open(readOnly, true);
  expect([store.readOnly, store.size]).toEqual([true, MODEL_SIZE]);
  await store.close();
});

test.skipIf(!available || !requires("mkfs.ext4"))(
  `a mounted device is busy, but may be read ${NEEDS_LOOP_DEVICES}`,
  async () => {
    const mountPoint = join(folder, "mounted");
    mkdirSync(mountPoint);
    execFileSync("mkfs.ext4", ["-q", fileSystem]);
    execFileSync("mount", [fileSystem, mountPoint]);
    try {
      expect(() => open(fileSystem)).toThrow(/EBUSY.*is mounted or in other use/);
      await open(fileSystem, true).close();
    } finally {
      execFileSync("umount", [mountPoint]);
    }
    await open(fileSystem).close();
  },
);
