import { expect, test } from "vitest";
import { checkConfig } from "../../src/config/load.ts";
import { silentLog } from "../../src/core/log.ts";
import { openLogicalUnit } from "../../src/daemon/logical-units.ts";
import { Disk } from "../../src/scsi/disk/disk.ts";
import type { Drive } from "../../src/scsi/drive.ts";
import { Medium } from "../../src/scsi/medium.ts";
import { HandStore } from "../support/hand-store.ts";
import { testMemory } from "../support/scsi-task.ts";

const memory = testMemory();
const backend = { type: "memory", size: "1M" };

function openUnit(options: object): Drive {
  const unit = { target: 1, backend, ...options };
  const config = checkConfig({ version: 1, adapters: [{ unitAddress: "0x1", logicalUnits: [unit] }] }, "test");
  const [described] = config.adapters[0]?.logicalUnits ?? [];
  if (described === undefined) throw new Error("no unit");
  return openLogicalUnit(described, "place", { memory, log: silentLog });
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
  const disk = openUnit(options);
  expect(disk instanceof Disk && disk.thin).toBe(thin);
  await disk.close();
});

test.each([
  [{}, 512, 512],
  [{ physicalBlockSize: 4096 }, 512, 4096],
  [{ blockSize: 4096 }, 4096, 4096],
])("%j: blocks of %i in blocks of %i", async (options, logical, physical) => {
  const disk = openUnit(options);
  expect([disk.medium.blockSize, disk.medium.physicalBlockSize]).toEqual([logical, physical]);
  const next = disk.mediumOf(disk.medium.store, true);
  expect([next.blockSize, next.physicalBlockSize]).toEqual([logical, physical]);
  await disk.close();
});

test("a thin removable disk takes no medium that keeps its storage, unless nobody writes to it", async () => {
  const disk = openUnit({ removable: true, thin: true });
  const fat = new HandStore();
  expect(() => disk.mediumOf(fat, false)).toThrow("by hand: gives no storage back, as a thin disk does");
  expect(disk.mediumOf(fat, true)).toBeInstanceOf(Medium);
  await disk.close();
});
