import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkConfig } from "../../src/config/load.ts";
import { ControlClient } from "../../src/control/client.ts";
import { silentLog } from "../../src/core/log.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { Initiator } from "../../src/initiator/initiator.ts";
import { deviceLun } from "../../src/initiator/lun.ts";
import { LINUX } from "../../src/initiator/profiles.ts";

const UNIT_ADDRESS = 0x30000002;
const TARGET = "bus/vio/drivers/ibmvscsis/30000002/bus0/target0";
const NAME = "iqn.2026-11.net.example:remote";
const SECRET = "a secret of enough letters";
const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
const INQUIRY = [0x12, 0, 0, 0, 96, 0];
const READ = [0x28, 0, 0, 0, 0, 3, 0, 0, 1, 0];
const WRITE = [0x2a, 0, 0, 0, 0, 3, 0, 0, 1, 0];
const folder = mkdtempSync(join(tmpdir(), "vscsi-iscsi-device-"));
const control = join(folder, "control.sock");
let daemon: Daemon;
let client: ControlClient;
let url = "";

/** A daemon that is its own iSCSI target. */
beforeAll(async () => {
  const luns = [{ lun: 1, backend: { type: "memory", size: "1M" }, product: "REMOTE" }];
  const config = {
    version: 1,
    control,
    adapters: [{ unitAddress: "0x30000002", logicalUnits: [] }],
    iscsi: { portals: [{ port: 0 }], targets: [{ name: NAME, luns, chap: { user: "us", secret: SECRET } }] },
  };
  daemon = await Daemon.start(checkConfig(config, "test"), silentLog);
  client = await ControlClient.connect(control);
  const port = (await client.call("status", {})).iscsi?.portals[0]?.port;
  url = `iscsi://us%${SECRET}@127.0.0.1:${port}/${NAME}/1`;
});
afterAll(async () => {
  client.close();
  await daemon.stop();
  rmSync(folder, { recursive: true });
});

async function set(attribute: string, value: string): Promise<void> {
  await client.call("tree.set", { path: `${TARGET}/${attribute}`, value });
}

test("a remote unit is shown by the tree's attributes, used, and put away", { timeout: 30_000 }, async () => {
  await set("type", "S");
  await set("device", url.replace(SECRET, "another secret"));
  await expect(set("active", "1")).rejects.toThrow("the target refuses user and secret");
  await set("device", url);
  expect((await client.call("tree.get", { path: `${TARGET}/device` })).value).toBe(url);
  await set("active", "1");
  const { adapters } = await client.call("status", {});
  expect(JSON.stringify(adapters)).toContain(NAME);
  expect(JSON.stringify(adapters)).not.toContain(SECRET);
  const found = daemon.partitions.client(UNIT_ADDRESS);
  if (found === undefined) throw new Error("no such adapter");
  const { hypervisor } = daemon.partitions;
  const initiator = new Initiator({ hypervisor, adapter: found.adapter, profile: LINUX });
  await initiator.connect();
  const lun = deviceLun(0);
  // Until the unit attention conditions of both ways have been told.
  for (let tries = 0; tries < 4; tries++) await initiator.command({ lun, cdb: TEST_UNIT_READY });
  const inquiry = await initiator.command({ lun, cdb: INQUIRY, dataInLength: 96 });
  expect(Buffer.from(inquiry.data).toString("latin1", 16, 22)).toBe("REMOTE");
  const dataOut = new Uint8Array(512).fill(7);
  expect((await initiator.command({ lun, cdb: WRITE, dataOut })).status).toBe(0);
  const read = await initiator.command({ lun, cdb: READ, dataInLength: 512 });
  expect([read.status, Buffer.from(read.data)]).toEqual([0, Buffer.from(dataOut)]);
  await set("active", "0");
  expect((await client.call("status", {})).iscsi?.sessions).toEqual([]);
});
