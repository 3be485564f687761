import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { IscsiDevice } from "../../../src/backends/iscsi/iscsi-device.ts";
import { type IscsiDeviceBackend, openIscsiDevice } from "../../../src/backends/iscsi/open-iscsi-device.ts";
import { type Log, silentLog } from "../../../src/core/log.ts";
import { SharedMemory } from "../../../src/core/shared-memory.ts";
import { block10, DeviceCalls } from "../../support/device-calls.ts";
import { requires } from "../../support/requires.ts";
import { makeImage, Tgtd, type TgtdTarget } from "../../support/tgtd.ts";
import { verifiedLoad } from "./verified-load.ts";

const memory = new SharedMemory();
const folder = mkdtempSync(join(tmpdir(), "vscsi-tgtd-"));
const SIZE = 16 << 20;
const NAME = "iqn.2026-11.net.example:remote";
const INITIATOR = "iqn.2026-11.net.example:us";
const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
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

async function open(url: string, options: Partial<IscsiDeviceBackend> = {}, log = silentLog): Promise<DeviceCalls> {
  const all = { url, initiatorName: INITIATOR, timeout: 2000, ...options };
  const device = await openIscsiDevice(all, { memory, log, queueDepth: 32 });
  devices.push(device);
  return new DeviceCalls(memory, device);
}

describe.skipIf(!requires("tgtd"))("tgtd", { timeout: 60_000 }, () => {
  test("says who it is, and the session's unit attention is the client's", async () => {
    const { url } = await serve();
    const calls = await open(url);
    const inquiry = await calls.ask([0x12, 0, 0, 0, 96, 0], { read: 96 });
    expect(inquiry.data.toString("latin1", 8, 32)).toBe("IET     VIRTUAL-DISK    ");
    expect(await calls.ask(TEST_UNIT_READY)).toMatchObject({ outcome: "answered", status: 2, sense: "06/29/00" });
    expect(await calls.ask(TEST_UNIT_READY)).toMatchObject({ outcome: "answered", status: 0, sense: "" });
  });

  test("tells residuals and sense data", async () => {
    const { url } = await serve();
    const calls = await open(url);
    await calls.settle();
    const inquiry = await calls.ask([0x12, 0, 0, 0, 255, 0], { read: 255 });
    expect([inquiry.status, inquiry.residual + inquiry.data.length]).toEqual([0, 255]);
    expect(inquiry.residual).toBeGreaterThan(100);
    expect(await calls.readBlocks(SIZE / 512, 1)).toMatchObject({ status: 2, sense: "05/21/00", residual: 512 });
    expect(await calls.ask([0xc7, 0, 0, 0, 0, 0])).toMatchObject({ outcome: "answered", sense: "05/20/00" });
    // More is written than the CDB asks for.
    const two = Buffer.alloc(1024, 1);
    expect(await calls.ask(block10(0x2a, 0, 1), { write: two })).toMatchObject({ status: 0, residual: 512 });
  });

  test.each<[string, Partial<IscsiDeviceBackend>, Record<string, string>]>([
    ["everything unsolicited", {}, { InitialR2T: "No", ImmediateData: "Yes", FirstBurstLength: "262144" }],
    ["nothing unsolicited", {}, { InitialR2T: "Yes", ImmediateData: "No" }],
    ["no immediate data", {}, { InitialR2T: "No", ImmediateData: "No", FirstBurstLength: "65536" }],
    [
      "small PDUs and bursts",
      {},
      { MaxRecvDataSegmentLength: "512", MaxBurstLength: "2048", FirstBurstLength: "1024" },
    ],
    ["several R2Ts at a time", {}, { MaxOutstandingR2T: "8", MaxBurstLength: "4096" }],
    ["a header digest", { headerDigest: true }, { HeaderDigest: "CRC32C,None" }],
    ["both digests", { headerDigest: true, dataDigest: true }, { HeaderDigest: "CRC32C", DataDigest: "CRC32C" }],
    ["digests that the target wants", {}, { HeaderDigest: "CRC32C", DataDigest: "CRC32C" }],
  ])("takes and gives back data of every length: %s", async (_name, options, parameters) => {
    const { url } = await serve({ parameters });
    const calls = await open(url, options);
    await calls.settle();
    for (const blocks of [1, 15, 16, 17, 128, 513, 2048]) {
      const data = Buffer.alloc(blocks * 512);
      for (let at = 0; at < data.length; at++) data[at] = (at * 31 + blocks) & 0xff;
      expect(await calls.writeBlocks(7, data)).toMatchObject({ outcome: "answered", status: 0, residual: 0 });
      const back = await calls.readBlocks(7, blocks);
      expect([back.status, back.residual, back.data.equals(data)]).toEqual([0, 0, true]);
    }
  });

  test("lets in who knows the secrets, and shows that it knows its own", async () => {
    const chap = { user: "us", secret: "secret of ours is long", mutualUser: "it", mutualSecret: "its secret is too" };
    const { url } = await serve({ chap });
    const secretFile = join(folder, "secret");
    writeFileSync(secretFile, `${chap.mutualSecret}\n`);
    await open(url, { chap: { user: chap.user, secret: chap.secret } });
    await open(url, { chap: { user: chap.user, secret: chap.secret, mutualUser: "it", mutualSecretFile: secretFile } });
    await open(url.replace("//", `//${chap.user}%${chap.secret}@`));
    const refused = (wrong: object) => expect(open(url, { chap: { ...chap, ...wrong } })).rejects;
    await refused({ secret: "another secret" }).toThrow("refuses user and secret");
    await refused({ mutualSecret: "another secret" }).toThrow("does not know its mutual CHAP secret");
    await refused({ mutualUser: "someone" }).toThrow('the target calls itself "it", not someone');
    await refused({ mutualSecret: chap.secret }).toThrow("two different secrets");
    await expect(open(url.replace("//", "//us@"))).rejects.toThrow("wants a secret");
    await expect(open(url)).rejects.toThrow("the target wants CHAP: give a user and a secret");
  });

  test("that has no CHAP is believed without a proof, unless one is demanded", async () => {
    const { url } = await serve();
    await open(url, { chap: { user: "us", secret: "secret of ours is long" } });
    const mutual = { user: "us", secret: "secret of ours is long", mutualSecret: "its secret is too" };
    await expect(open(url, { chap: mutual })).rejects.toThrow(url);
  });

  test("is not found: what is missing is told", async () => {
    const { url, server } = await serve();
    await expect(open(url.replace("remote", "other"))).rejects.toThrow(/\/1: the portal has no target of that name/);
    await expect(open(url.replace(/1$/, "7"))).rejects.toThrow("the target has no logical unit at this LUN");
    await server.kill();
    await expect(open(url)).rejects.toThrow("ECONNREFUSED");
  });

  test("keeps two sessions of ours on one unit apart", async () => {
    const { url } = await serve();
    const [one, other] = [await open(url), await open(url)];
    await one.settle();
    await other.settle();
    expect((await one.writeBlocks(0, Buffer.alloc(512, 5))).status).toBe(0);
    expect((await other.readBlocks(0, 1)).data).toEqual(Buffer.alloc(512, 5));
    // RESERVE(6): the other is another nexus.
    expect((await one.ask([0x16, 0, 0, 0, 0, 0])).status).toBe(0);
    expect((await other.readBlocks(0, 1)).status).toBe(0x18);
  });

  test("resets the unit: what is under way ends, and the unit tells so", async () => {
    const { url } = await serve();
    const calls = await open(url);
    await calls.settle();
    const device = devices.at(-1);
    const writes = Array.from({ length: 8 }, (_, lba) => calls.writeBlocks(lba, Buffer.alloc(512)));
    await new Promise<void>((resolve) => device?.reset(resolve));
    for (const { outcome } of await Promise.all(writes)) expect(["answered", "aborted"]).toContain(outcome);
    expect((await calls.ask(TEST_UNIT_READY)).sense).toBe("06/29/00");
  });
});

describe.skipIf(!requires("tgtd"))("tgtd that dies", { timeout: 120_000 }, () => {
  test("and comes back, again and again: no operation is lost, and the data are a model's", async () => {
    const { url, server } = await serve({ parameters: { DefaultTime2Wait: "0" } });
    let again = 0;
    const log: Log = {
      ...silentLog,
      warn(fields: object) {
        if ("again" in fields) again += Number(fields.again);
      },
    };
    const calls = await open(url, {}, log);
    await calls.settle();
    let deaths = 0;
    const load = verifiedLoad({ calls, blocks: SIZE / 512, operations: 4000, most: 128, seed: 41 });
    let working = true;
    void load.finally(() => {
      working = false;
    });
    while (working && deaths < 8) {
      await pause(60);
      await server.kill();
      deaths++;
      await pause(30);
      await server.start();
    }
    const ends = await load;
    expect(deaths).toBeGreaterThan(2);
    expect(again).toBeGreaterThan(0);
    expect([...ends.keys()].sort()).toEqual(["answered 0 ", "answered 2 06/29/00"]);
  });

  test("and does not come back: what waits ends as what it is", async () => {
    const { url, server } = await serve();
    const calls = await open(url, { retryFor: 3000 });
    await calls.settle();
    server.freeze();
    const [read, other] = [calls.readBlocks(0, 1), calls.ask([0xc7, 0, 0, 0, 0, 0])];
    await pause(50);
    await server.kill();
    const begin = performance.now();
    expect(await other).toMatchObject({ outcome: "lost" });
    expect(performance.now() - begin).toBeLessThan(2500);
    const late = calls.writeBlocks(0, Buffer.alloc(512));
    expect((await read).outcome).toBe("lost");
    expect((await late).outcome).toBe("busy");
    expect(performance.now() - begin).toBeGreaterThan(2900);
  });

  test("and comes back with another unit in its place: nothing is written to that", async () => {
    const images = [1, 2].map((image) => makeImage(join(folder, `place-${image}.img`), SIZE));
    const first = { name: NAME, images: images.slice(0, 1), unitFlags: ["--device-type", "disk"] };
    const server = await Tgtd.start(folder, [first]);
    servers.push(server);
    const calls = await open(server.url(first), { retryFor: 1000 });
    await calls.settle();
    await server.kill();
    const write = calls.writeBlocks(0, Buffer.alloc(512, 9));
    await server.start([{ ...first, images: images.slice(1), parameters: {}, serial: "OTHER" }]);
    expect((await write).outcome).toBe("busy");
    expect(readFileSync(images[1] ?? "").subarray(0, 512)).toEqual(Buffer.alloc(512));
  });
});

describe.skipIf(!requires("tgtd"))("tgtd that hangs", { timeout: 60_000 }, () => {
  test("is given up, and its commands are done when it goes on; other units do not notice", async () => {
    const [hung, other] = [await serve(), await serve()];
    const calls = await open(hung.url, { timeout: 1500 });
    const others = await open(other.url);
    await calls.settle();
    await others.settle();
    hung.server.freeze();
    const write = calls.writeBlocks(3, Buffer.alloc(512, 3));
    const late = await calls.readBlocks(0, 1, { timeout: 300 });
    expect(late).toMatchObject({ outcome: "timed out" });
    for (let operation = 0; operation < 200; operation++) expect((await others.readBlocks(0, 8)).status).toBe(0);
    hung.server.thaw();
    const answer = await write;
    expect(answer.outcome).toBe("answered");
  });

  test("aborts a command on demand", async () => {
    const { url, server } = await serve();
    const calls = await open(url);
    await calls.settle();
    server.freeze();
    const write = calls.writeBlocks(3, Buffer.alloc(512, 3));
    await pause(50);
    devices.at(-1)?.abort(write.request);
    server.thaw();
    expect(["aborted", "answered"]).toContain((await write).outcome);
    expect((await calls.readBlocks(0, 1)).status).toBe(0);
  });
});
