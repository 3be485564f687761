import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DaemonProcess } from "../support/daemon-process.ts";
import { NbdServer } from "../support/nbd-server.ts";
import { PortalClient } from "../support/portal-client.ts";
import { requires } from "../support/requires.ts";

const TARGET = "iqn.2026-11.net.example:nbd";
const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
const WRITE_FIRST = [0x2a, 0x08, 0, 0, 0, 0, 0, 0, 1, 0];

let folder = "";
let server: NbdServer;
let daemon: DaemonProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vscsi-nbd-"));
  const image = join(folder, "disk.img");
  writeFileSync(image, "");
  truncateSync(image, 1 << 20);
  const socket = join(folder, "nbd.sock");
  server = new NbdServer(socket, ["qemu-nbd", "-f", "raw", "-e", "8", "-t", "-k", socket, image]);
});

afterEach(async () => {
  await daemon?.end("SIGTERM");
  await server.kill();
  rmSync(folder, { recursive: true });
});

function configuration(): string {
  const path = join(folder, "config.json");
  const backend = { type: "nbd", uri: server.uri, timeout: 2000 };
  const config = {
    version: 1,
    logicalUnits: [{ name: "remote", backend }],
    iscsi: { portals: [{ port: 0 }], targets: [{ name: TARGET, luns: [{ lun: 0, unit: "remote" }] }] },
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

async function connect(): Promise<PortalClient> {
  return PortalClient.connect((await daemon?.status())?.iscsi?.portals[0]?.port ?? 0, TARGET);
}

/** The daemon has no unit at LUN 0 until the server comes up, and has it then. */
async function expectUnitOnceServerIsThere(): Promise<void> {
  const client = await connect();
  expect((await client.ask(TEST_UNIT_READY)).sense).toBe("05/25/00");
  await server.start();
  await expect.poll(async () => (await client.ask(TEST_UNIT_READY)).status, { timeout: 30_000, interval: 500 }).toBe(0);
  client.close();
}

test.skipIf(!requires("qemu-nbd"))(
  "a unit on an NBD server, which is killed and started again",
  async () => {
    await server.start();
    daemon = await DaemonProcess.start(join(folder, "control.sock"), ["--config", configuration()]);
    const client = await connect();
    expect((await client.ask(WRITE_FIRST, { write: Buffer.alloc(512, "N") })).status).toBe(0);
    await server.kill();
    const write = client.ask(WRITE_FIRST, { write: Buffer.alloc(512, "O") });
    await server.start();
    expect((await write).status).toBe(0);
    expect((await client.readBlocks(1)).equals(Buffer.alloc(512, "O"))).toBe(true);
    client.close();
  },
  60_000,
);

test.skipIf(!requires("qemu-nbd"))(
  "a saved unit whose server is away is tried again until it is there",
  async () => {
    await server.start();
    const state = ["--state", join(folder, "state")];
    daemon = await DaemonProcess.start(join(folder, "control.sock"), ["--config", configuration(), ...state]);
    await daemon.end("SIGTERM");
    await server.kill();
    daemon = await DaemonProcess.start(join(folder, "control.sock"), state);
    await expectUnitOnceServerIsThere();
  },
  90_000,
);

test.skipIf(!requires("qemu-nbd"))(
  "told to keep going, the daemon comes up without its server, and with it later",
  async () => {
    const args = ["--config", configuration(), "--keep-going"];
    daemon = await DaemonProcess.start(join(folder, "control.sock"), args);
    await expectUnitOnceServerIsThere();
  },
  60_000,
);

test("a server that is not there is named, with what to do", async () => {
  const start = DaemonProcess.start(join(folder, "control.sock"), ["--config", configuration()]);
  await expect(start).rejects.toThrow(
    /exit status 1\).*vscsi: nbd\+unix:.*: can't be opened: .*ENOENT.*: start the server/s,
  );
});
