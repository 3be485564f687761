import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { checkConfig } from "../../src/config/load.ts";
import { silentLog } from "../../src/core/log.ts";
import { openLogicalUnit } from "../../src/daemon/logical-units.ts";
import { Disk } from "../../src/scsi/disk/disk.ts";
import { Drive } from "../../src/scsi/drive.ts";
import { ScsiTargetDevice } from "../../src/scsi/target-device.ts";
import { FIRST_KEY } from "../support/disk.ts";
import { NEXUS, run, testMemory } from "../support/scsi-task.ts";

const memory = testMemory();
const backend = { type: "memory", size: "1M" };

async function openUnit(options: object): Promise<Drive> {
  const unit = { target: 1, backend, ...options };
  const config = checkConfig({ version: 1, adapters: [{ unitAddress: "0x1", logicalUnits: [unit] }] }, "test");
  const [described] = config.adapters[0]?.logicalUnits ?? [];
  if (described === undefined) throw new Error("no unit");
  const opened = await openLogicalUnit(described, "place", { memory, log: silentLog });
  if (!(opened instanceof Drive)) throw new Error("no drive");
  return opened;
}

test.each([
  [{}, true],
  [{ thin: false }, false],
  [{ readOnly: true }, false],
  [{ readOnly: true, thin: true }, true],
  [{ removable: true }, false],
  [{ removable: true, thin: true }, true],
  [{ removable: true, thin: true, backend: undefined }, true],
])("a disk of memory with %j is thin: %s", async (options, thin) => {
  const disk = await openUnit(options);
  expect(disk instanceof Disk && disk.thin).toBe(thin);
  await disk.close();
});

test.each([
  [{}, 512, 512],
  [{ physicalBlockSize: 4096 }, 512, 4096],
  [{ blockSize: 4096 }, 4096, 4096],
])("%j: blocks of %i in blocks of %i", async (options, logical, physical) => {
  const disk = await openUnit(options);
  expect([disk.medium.blockSize, disk.medium.physicalBlockSize]).toEqual([logical, physical]);
  const next = disk.mediumOf(disk.medium.store, true);
  expect([next.blockSize, next.physicalBlockSize]).toEqual([logical, physical]);
  await disk.close();
});

test("what an initiator unmaps goes back to the file system", async () => {
  const folder = mkdtempSync(join(tmpdir(), "vscsi-units-"));
  const path = join(folder, "disk.img");
  writeFileSync(path, new Uint8Array(1 << 20).fill(1));
  const disk = await openUnit({ backend: { type: "file", path } });
  const device = new ScsiTargetDevice(silentLog);
  device.addLogicalUnit(FIRST_KEY, disk);
  device.nexusOpened(NEXUS);
  const before = statSync(path).blocks;
  const list = new Uint8Array(24);
  const view = new DataView(list.buffer);
  view.setUint16(0, 22);
  view.setUint16(2, 16);
  view.setUint32(16, 2048);
  const task = run(device, memory, [0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0], { dataOut: list });
  await vi.waitFor(() => expect(task.ends).toBe(1));
  expect(task.senseText).toBe("");
  expect(statSync(path).blocks).toBeLessThan(before / 2);
  await disk.close();
  expect(readFileSync(path).every((byte) => byte === 0)).toBe(true);
  rmSync(folder, { recursive: true });
});
