import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { IscsiDevice } from "../../../src/backends/iscsi/iscsi-device.ts";
import { type IscsiDeviceBackend, openIscsiDevice } from "../../../src/backends/iscsi/open-iscsi-device.ts";
import { silentLog } from "../../../src/core/log.ts";
import { SharedMemory } from "../../../src/core/shared-memory.ts";
import { DeviceCalls } from "../../support/device-calls.ts";
import { requires } from "../../support/requires.ts";
import { makeImage, Tgtd, type TgtdTarget } from "../../support/tgtd.ts";

const memory = new SharedMemory();
const folder = mkdtempSync(join(tmpdir(), "vscsi-tgtd-"));
const SIZE = 16 << 20;
const NAME = "iqn.2026-11.net.example:remote";
const INITIATOR = "iqn.2026-11.net.example:us";
const servers: Tgtd[] = [];
const devices: IscsiDevice[] = [];
let count = 0;

afterEach(async () => {
  for (const device of devices.splice(0)) await device.close();
  for (const server of servers.splice(0)) await server.kill();
});
afterAll(() => rmSync(folder, { recursive: true }));

async function serve(options: Partial<TgtdTarget> = {}): Promise<{ server: Tgtd; url: string }> {
  const image = makeImage(join(folder, `${++count}.img`), SIZE);
  const target = { name: NAME, images: [image], ...options };
  const server = await Tgtd.start(folder, [target]);
  servers.push(server);
  return { server, url: server.url(target) };
}

async function open(url: string, options: Partial<IscsiDeviceBackend> = {}): Promise<DeviceCalls> {
  const all = { url, initiatorName: INITIATOR, timeout: 2000, ...options };
  const device = await openIscsiDevice(all, { memory, log: silentLog, queueDepth: 32 });
  devices.push(device);
  return new DeviceCalls(memory, device);
}

describe.skipIf(!requires("tgtd"))("tgtd", { timeout: 60_000 }, () => {
  test("says who it is, and takes and gives back data of every length", async () => {
    const { url } = await serve();
    const calls = await open(url);
    const inquiry = await calls.ask([0x12, 0, 0, 0, 96, 0], { read: 96 });
    expect(inquiry.data.toString("latin1", 8, 32)).toBe("IET     VIRTUAL-DISK    ");
    await calls.settle();
    for (const blocks of [1, 15, 16, 17, 128, 513, 2048, 4096]) {
      const data = Buffer.alloc(blocks * 512);
      for (let at = 0; at < data.length; at++) data[at] = (at * 31 + blocks) & 0xff;
      expect(await calls.writeBlocks(7, data)).toMatchObject({ outcome: "answered", status: 0, residual: 0 });
      const back = await calls.readBlocks(7, blocks);
      expect([back.status, back.residual, back.data.equals(data)]).toEqual([0, 0, true]);
    }
  });
});
