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
const TARGET = "bus/vio/drivers/ibmvscsis/30000002/bus0/target1";
const CLIENT = "hypervisor/partitions/1";
const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
const READ_TWO_BLOCKS = [0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0];
const READ_BEYOND = [0x28, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 1, 0];
const folder = mkdtempSync(join(tmpdir(), "vscsi-tree-values-"));
const control = join(folder, "control.sock");
let daemon: Daemon;
let client: ControlClient;

beforeAll(async () => {
  const adapter = { unitAddress: "0x30000002", logicalUnits: [{ target: 1, backend: { type: "memory", size: "1M" } }] };
  daemon = await Daemon.start(checkConfig({ version: 1, control, adapters: [adapter] }, "test"), silentLog);
  client = await ControlClient.connect(control);
});
afterAll(async () => {
  client.close();
  await daemon.stop();
  rmSync(folder, { recursive: true });
});

async function value(path: string): Promise<string | undefined> {
  return (await client.call("tree.get", { path })).value;
}

async function bytes(path: string): Promise<Buffer> {
  return Buffer.from((await client.call("tree.get", { path })).bytes ?? "", "base64");
}

async function loggedIn(): Promise<Initiator> {
  const found = daemon.partitions.client(UNIT_ADDRESS);
  if (found === undefined) throw new Error("no such adapter");
  const initiator = new Initiator({
    hypervisor: daemon.partitions.hypervisor,
    adapter: found.adapter,
    profile: LINUX,
  });
  await initiator.connect();
  return initiator;
}

test("a unit counts what its clients did, and how long it took", async () => {
  const initiator = await loggedIn();
  const lun = deviceLun(1);
  // Until the unit attention conditions of a new nexus have been told.
  for (let tries = 0; tries < 4; tries++) await initiator.command({ lun, cdb: TEST_UNIT_READY });
  const { status } = await initiator.command({ lun, cdb: READ_TWO_BLOCKS, dataInLength: 1024 });
  expect(status).toBe(0);
  await initiator.command({ lun, cdb: READ_BEYOND, dataInLength: 512 });
  expect(await value(`${TARGET}/stats/read_ops`)).toBe("1");
  expect(await value(`${TARGET}/stats/read_bytes`)).toBe("1024");
  expect(Number(await value(`${TARGET}/stats/other_ops`))).toBeGreaterThan(0);
  expect(Number(await value(`${TARGET}/stats/other_errors`))).toBeGreaterThan(0);
  expect(await value(`${TARGET}/stats/write_ops`)).toBe("0");
  expect(await value(`${TARGET}/stats/write_latency`)).toBe("0");
  const mean = Number(await value(`${TARGET}/stats/read_latency`));
  expect(Number(await value(`${TARGET}/stats/read_latency_99`))).toBeGreaterThanOrEqual(mean);
  initiator.close();
});

test("a unit that is not there counts nothing", async () => {
  await expect(value("bus/vio/drivers/ibmvscsis/30000002/bus0/target0/stats/read_ops")).rejects.toMatchObject({
    reason: "ENOENT",
  });
});

test("the hypervisor's partitions, adapters and windows", async () => {
  expect(await client.call("tree.list", { path: "hypervisor/partitions" })).toEqual([
    { name: "0", kind: "directory", writable: false },
    { name: "1", kind: "directory", writable: false },
  ]);
  expect(await value(`${CLIENT}/name`)).toBe("client-1");
  expect(await value(`${CLIENT}/adapters/30000002/kind`)).toBe("client");
  expect(await value(`${CLIENT}/adapters/30000002/partner`)).toBe("30000002@0");
  expect(await value("hypervisor/partitions/0/adapters/30000002/partner")).toBe("30000002@1");
  expect(await value("hypervisor/partitions/0/adapters/30000002/queue_state")).toBe("open");
  expect(await value("hypervisor/partitions/0/adapters/30000002/queue_size")).toBe("512");
  const window = await value(`${CLIENT}/adapters/30000002/window_size`);
  expect(window).toBe(String(0x1000_0000));
  expect(await value("hypervisor/partitions/0/adapters/30000002/remote_liobn")).toMatch(/^[0-9a-f]{8}$/);
});

test("the device tree, in the bytes of a client's /proc/device-tree", async () => {
  const node = `${CLIENT}/devicetree/vdevice/v-scsi@30000002`;
  expect(await bytes(`${node}/compatible`)).toEqual(Buffer.from("IBM,v-scsi\0"));
  expect(await bytes(`${node}/reg`)).toEqual(Buffer.from([0x30, 0, 0, 2]));
  expect(await bytes(`${CLIENT}/devicetree/ibm,partition-no`)).toEqual(Buffer.from([0, 0, 0, 1]));
  const liobn = await value(`${CLIENT}/adapters/30000002/liobn`);
  expect((await bytes(`${node}/ibm,my-dma-window`)).subarray(0, 4).toString("hex")).toBe(liobn);
});
