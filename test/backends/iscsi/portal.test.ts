import { afterEach, describe, expect, test } from "vitest";
import type { IscsiDevice } from "../../../src/backends/iscsi/iscsi-device.ts";
import { type IscsiDeviceBackend, openIscsiDevice } from "../../../src/backends/iscsi/open-iscsi-device.ts";
import { silentLog } from "../../../src/core/log.ts";
import { Served, type ServedOptions, TARGET } from "../../iscsi/served.ts";
import { CuttingProxy } from "../../support/cutting-proxy.ts";
import { DeviceCalls } from "../../support/device-calls.ts";
import { random, verifiedLoad } from "./verified-load.ts";

/** LUN 0 of the portal is memory of 1 MiB. */
const BLOCKS = 2048;
const devices: IscsiDevice[] = [];
const portals: Served[] = [];

afterEach(async () => {
  for (const device of devices.splice(0)) await device.close();
  for (const portal of portals.splice(0)) await portal.service.close();
});

async function open(served: ServedOptions = {}, options: Partial<IscsiDeviceBackend> = {}) {
  const portal = await Served.start(served);
  portals.push(portal);
  const url = `iscsi://127.0.0.1:${portal.port}/${TARGET}/0`;
  const { memory } = portal;
  const device = await openIscsiDevice({ url, timeout: 2000, ...options }, { memory, log: silentLog, queueDepth: 32 });
  devices.push(device);
  const calls = new DeviceCalls(memory, device);
  await calls.settle();
  return { portal, device, calls };
}

describe("a portal of ours", { timeout: 60_000 }, () => {
  test.each<[string, ServedOptions, Partial<IscsiDeviceBackend>]>([
    ["as it is", {}, {}],
    ["with digests", {}, { headerDigest: true, dataDigest: true }],
    [
      "that takes little at a time",
      { limits: { maxRecvDataSegmentLength: 512, maxBurstLength: 1024, firstBurstLength: 512 } },
      {},
    ],
    ["that takes one command at a time", { limits: { queueDepth: 1 } }, {}],
    [
      "that wants both sides proven",
      { chap: { user: "us", secret: "secret of ours", mutualUser: "it", mutualSecret: "secret of its" } },
      { chap: { user: "us", secret: "secret of ours", mutualUser: "it", mutualSecret: "secret of its" } },
    ],
  ])("%s: 1000 random operations agree with a model", async (_name, served, options) => {
    const { calls } = await open(served, options);
    const ends = await verifiedLoad({ calls, blocks: BLOCKS, operations: 1000, most: 64, seed: 11 });
    expect([...ends.keys()]).toEqual(["answered 0 "]);
  });

  test.each([[false], [true]])(
    "10,000 do, while the connection is cut wherever it may be; digests %s",
    async (digests) => {
      const next = random(5);
      const portal = await Served.start();
      portals.push(portal);
      // Some cuts come in the login, most in the middle of data.
      const proxy = await CuttingProxy.start(portal.port, () =>
        proxy.connections === 1 ? 1_000_000 : next(4) === 0 ? next(3000) : next(8_000_000),
      );
      const url = `iscsi://127.0.0.1:${proxy.port}/${TARGET}/0`;
      let again = 0;
      const log = {
        ...silentLog,
        warn(fields: object) {
          if ("again" in fields) again += Number(fields.again);
        },
      };
      const backend = { url, timeout: 2000, headerDigest: digests, dataDigest: digests };
      const device = await openIscsiDevice(backend, { memory: portal.memory, log, queueDepth: 32 });
      devices.push(device);
      const calls = new DeviceCalls(portal.memory, device);
      const ends = await verifiedLoad({ calls, blocks: BLOCKS, operations: 10_000, most: 64, seed: 12 });
      proxy.close();
      expect([...ends.keys()].filter((end) => !/^answered (0 |2 06\/29\/..)$/.test(end))).toEqual([]);
      expect(proxy.connections).toBeGreaterThan(30);
      expect(again).toBeGreaterThan(5);
    },
  );

  test("that stops tells so, and what was under way is done by the one that takes its place", async () => {
    const { portal, calls } = await open({}, { retryFor: 500 });
    expect((await calls.writeBlocks(0, Buffer.alloc(512))).status).toBe(0);
    await portal.service.close();
    expect((await calls.readBlocks(0, 1)).outcome).toBe("busy");
  });
});
