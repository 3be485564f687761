import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { checkConfig } from "../../src/config/load.ts";
import { silentLog } from "../../src/core/log.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { Initiator } from "../../src/initiator/initiator.ts";
import { deviceLun } from "../../src/initiator/lun.ts";
import { LINUX } from "../../src/initiator/profiles.ts";
import { basicList, OUT, reserveOutCdb } from "../support/reserve-commands.ts";

const folder = mkdtempSync(join(tmpdir(), "vscsi-reservations-"));
afterAll(() => rmSync(folder, { recursive: true }));
const RESERVATION_CONFLICT = 0x18;
const LUN = deviceLun(1);
const [ONE, TWO] = [0x30000002, 0x30000003];
const WRITE = [0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0];
const EXCLUSIVE_ACCESS = 3;

const started: { daemon: Daemon; initiators: Initiator[] }[] = [];
afterEach(async () => {
  for (const { daemon, initiators } of started.splice(0)) {
    for (const initiator of initiators) initiator.close();
    await daemon.stop();
  }
});

/** A daemon whose disk two partitions share, and their initiators. */
async function start(stateDirectory?: string): Promise<{ initiators: [Initiator, Initiator]; stop(): Promise<void> }> {
  const adapter = (unitAddress: number) => ({
    unitAddress: `0x${unitAddress.toString(16)}`,
    logicalUnits: [{ target: 1, unit: "shared" }],
  });
  const config = checkConfig(
    {
      version: 1,
      logicalUnits: [{ name: "shared", backend: { type: "memory", size: "1M" } }],
      adapters: [adapter(ONE), adapter(TWO)],
      ...(stateDirectory !== undefined && { stateDirectory }),
    },
    "test",
  );
  const daemon = await Daemon.start(config, silentLog);
  const initiators = [await connect(daemon, ONE), await connect(daemon, TWO)] as [Initiator, Initiator];
  started.push({ daemon, initiators });
  return {
    initiators,
    async stop() {
      started.splice(0);
      for (const initiator of initiators) initiator.close();
      await daemon.stop();
    },
  };
}

async function connect(daemon: Daemon, unitAddress: number): Promise<Initiator> {
  const client = daemon.partitions.client(unitAddress);
  if (client === undefined) throw new Error("no such adapter");
  const { hypervisor } = daemon.partitions;
  const initiator = new Initiator({ hypervisor, adapter: client.adapter, profile: LINUX });
  await initiator.connect();
  return initiator;
}

async function reserveOut(
  initiator: Initiator,
  action: keyof typeof OUT,
  fields: Parameters<typeof basicList>[0],
): Promise<number> {
  const dataOut = basicList(fields);
  const cdb = reserveOutCdb(OUT[action], fields, dataOut.length);
  return (await initiator.command({ lun: LUN, cdb, dataOut })).status;
}

async function write(initiator: Initiator): Promise<number> {
  return (await initiator.command({ lun: LUN, cdb: WRITE, dataOut: new Uint8Array(512) })).status;
}

test("a reservation with APTPL outlives the daemon: the holder writes on, the other may not", async () => {
  const state = join(folder, "kept");
  const before = await start(state);
  const [one, two] = before.initiators;
  expect(await reserveOut(one, "register", { newKey: 1n, flags: 1 })).toBe(0);
  expect(await reserveOut(one, "reserve", { key: 1n, type: EXCLUSIVE_ACCESS })).toBe(0);
  expect([await write(one), await write(two)]).toEqual([0, RESERVATION_CONFLICT]);
  await before.stop();
  expect(readdirSync(state)).toEqual(["lock", "shared.json"]);
  const [again, other] = (await start(state)).initiators;
  expect([await write(again), await write(other)]).toEqual([0, RESERVATION_CONFLICT]);
  expect(await reserveOut(again, "clear", { key: 1n })).toBe(0);
  expect(await write(other)).toBe(0);
});

test("without a state directory APTPL is refused, and nothing outlives the daemon", async () => {
  const before = await start();
  const [one, two] = before.initiators;
  expect(await reserveOut(one, "register", { newKey: 1n, flags: 1 })).toBe(2);
  expect(await reserveOut(one, "register", { newKey: 1n })).toBe(0);
  expect(await reserveOut(one, "reserve", { key: 1n, type: EXCLUSIVE_ACCESS })).toBe(0);
  expect(await write(two)).toBe(RESERVATION_CONFLICT);
  await before.stop();
  const [, other] = (await start()).initiators;
  expect(await write(other)).toBe(0);
});

test("a damaged file keeps the daemon from serving the unit to everybody, and is left as it is", async () => {
  const state = join(folder, "damaged");
  const before = await start(state);
  await before.stop();
  const path = join(state, "shared.json");
  writeFileSync(path, "{");
  await expect(start(state)).rejects.toThrow(/shared\.json: .*mend it, or remove it/);
  expect(readFileSync(path, "utf8")).toBe("{");
});
