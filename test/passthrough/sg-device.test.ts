import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SgDevice } from "../../src/backends/sg/sg-device.ts";
import { silentLog } from "../../src/core/log.ts";
import { DeviceError } from "../../src/scsi/passthrough/device-error.ts";
import { testMemory } from "../support/scsi-task.ts";

const memory = testMemory();
const folder = mkdtempSync(join(tmpdir(), "vscsi-sg-"));
afterAll(() => rmSync(folder, { recursive: true }));

function open(path: string): Promise<SgDevice> {
  return SgDevice.open({ memory, log: silentLog, path, queueDepth: undefined });
}

test("a path where nothing is gives the errno and tells what to do", async () => {
  const failed = open(join(folder, "sg99"));
  await expect(failed).rejects.toThrow(DeviceError);
  await expect(failed).rejects.toMatchObject({ errno: "ENOENT" });
  await expect(failed).rejects.toThrow(/sg99: can't be opened|sg99.*lsscsi/);
});

test("a file is no device", async () => {
  const path = join(folder, "file");
  writeFileSync(path, "x");
  await expect(open(path)).rejects.toThrow(/file: is no device; name one such as \/dev\/sg0/);
});

test("a device of another kind is told by its kind", async () => {
  await expect(open("/dev/null")).rejects.toThrow(/\/dev\/null: is no SCSI device \(mem\)/);
});
