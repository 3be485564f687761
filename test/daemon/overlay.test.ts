import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { callDaemon } from "../../src/control/client.ts";
import { DaemonProcess } from "../support/daemon-process.ts";
import { PortalClient } from "../support/portal-client.ts";

const CLI = resolve(import.meta.dirname, "../../dist/cli/main.js");
const TARGET = "iqn.2026-11.net.example:overlay";
const SIZE = 1 << 20;
const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
const KILLS = 5;

let folder = "";
let daemon: DaemonProcess;
const control = () => join(folder, "control.sock");
const base = () => join(folder, "base.img");

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "vscsi-overlay-daemon-"));
  writeFileSync(base(), Buffer.alloc(SIZE, "b"));
  const backend = { type: "file", path: base(), overlay: { path: join(folder, "changes.overlay") } };
  const config = {
    version: 1,
    logicalUnits: [{ name: "disk", backend }],
    iscsi: { portals: [{ port: 0 }], targets: [{ name: TARGET, luns: [{ lun: 0, unit: "disk" }] }] },
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  await start();
});

afterEach(async () => {
  await daemon.end("SIGTERM");
  rmSync(folder, { recursive: true });
});

async function start(): Promise<void> {
  daemon = await DaemonProcess.start(control(), ["--config", join(folder, "config.json")]);
}

async function connect(): Promise<PortalClient> {
  return PortalClient.connect((await daemon.status()).iscsi?.portals[0]?.port ?? 0, TARGET);
}

function write(client: PortalClient, lba: number, fill: string) {
  return client.ask([0x2a, 0, 0, 0, lba >>> 8, lba & 0xff, 0, 0, 1, 0], { write: Buffer.alloc(512, fill) });
}

function cli(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args, "--control", control()]);
  return { status, output: `${stdout}${stderr}` };
}

test("kill -9 among unflushed writes: all that was answered is there; then it is merged", {
  timeout: 90_000,
}, async () => {
  const model = Buffer.alloc(SIZE, "b");
  for (let kill = 0; kill < KILLS; kill++) {
    const client = await connect();
    const writes: Promise<void>[] = [];
    for (let index = 0; index < 40; index++) {
      const lba = (index * 37 + kill * 11) % (SIZE / 512);
      const fill = String.fromCharCode(99 + kill);
      writes.push(
        write(client, lba, fill).then(({ status }) => {
          if (status === 0) model.fill(fill, lba * 512, (lba + 1) * 512);
        }),
      );
    }
    await Promise.all(writes);
    await daemon.end("SIGKILL");
    client.close();
    await start();
    const again = await connect();
    expect((await again.readBlocks(SIZE / 512)).equals(model)).toBe(true);
    again.close();
  }
  expect(readFileSync(base()).equals(Buffer.alloc(SIZE, "b"))).toBe(true);
  const { changedBytes } = await callDaemon(control(), "overlay.status", { place: { unit: "disk" } });
  expect(changedBytes).toBeGreaterThanOrEqual(KILLS * 4096);
  const merged = cli("overlay", "merge", "disk");
  expect(merged).toEqual({ status: 0, output: expect.stringMatching(/: 0 B in the overlay, merged (.*) of \1\n$/) });
  expect(readFileSync(base()).equals(model)).toBe(true);
});

test("discard: not under an initiator, unless forced; it is told, and reads the base", {
  timeout: 60_000,
}, async () => {
  const client = await connect();
  await write(client, 0, "x");
  const refused = cli("overlay", "discard", "disk");
  expect(refused).toEqual({ status: 1, output: expect.stringMatching(/initiators are logged in/) });
  expect((await client.readBlocks(1)).equals(Buffer.alloc(512, "x"))).toBe(true);
  const discarded = cli("overlay", "discard", "disk", "--force", "--json");
  expect([discarded.status, JSON.parse(discarded.output).changedBytes]).toEqual([0, 0]);
  expect((await client.ask(TEST_UNIT_READY)).status).toBe(0);
  expect((await client.readBlocks(1)).equals(Buffer.alloc(512, "b"))).toBe(true);
  client.close();
});

test("a unit without an overlay has none to merge", () => {
  const answer = cli("overlay", "merge", "nowhere");
  expect(answer).toEqual({ status: 1, output: "vscsi: no logical unit is named nowhere\n" });
});
