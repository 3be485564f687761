import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkConfig } from "../../src/config/load.ts";
import { callDaemon } from "../../src/control/client.ts";
import type { UnitSummary } from "../../src/control/results.ts";
import { silentLog } from "../../src/core/log.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { Initiator } from "../../src/initiator/initiator.ts";
import { deviceLun } from "../../src/initiator/lun.ts";
import { LINUX } from "../../src/initiator/profiles.ts";
import { parseDesignators } from "../../src/scsi/copy/designators.ts";

const folder = mkdtempSync(join(tmpdir(), "vscsi-operations-"));
afterAll(() => rmSync(folder, { recursive: true }));
const control = join(folder, "control.sock");
const image = join(folder, "disk.img");
const [ONE, TWO] = ["0x30000002", "0x30000003"] as const;
const MIB = 1 << 20;
/** Designator type of a name of the network address authority. */
const NAA = 3;
const TEST_UNIT_READY = [0x00, 0, 0, 0, 0, 0];
const READ = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];
const WRITE = [0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0];

let daemon: Daemon;
let one: Initiator;
let two: Initiator;

beforeEach(async () => {
  writeFileSync(image, new Uint8Array(MIB));
  const adapter = (unitAddress: string) => ({ unitAddress, logicalUnits: [{ target: 1, unit: "shared" }] });
  const config = {
    version: 1,
    control,
    stateDirectory: mkdtempSync(join(folder, "state-")),
    logicalUnits: [
      { name: "shared", backend: { type: "memory", size: MIB } },
      { name: "drive", type: "optical" },
    ],
    adapters: [adapter(ONE), adapter(TWO)],
  };
  daemon = await Daemon.start(checkConfig(config, "test"), silentLog);
  [one, two] = await Promise.all([connect(ONE), connect(TWO)]);
});
afterEach(async () => {
  one.close();
  two.close();
  await daemon.stop();
});

async function connect(unitAddress: string): Promise<Initiator> {
  const client = daemon.partitions.client(Number(unitAddress));
  if (client === undefined) throw new Error("no such adapter");
  const initiator = new Initiator({
    hypervisor: daemon.partitions.hypervisor,
    adapter: client.adapter,
    profile: LINUX,
  });
  await initiator.connect();
  return initiator;
}

function ask(method: string, parameters: object): Promise<UnitSummary> {
  return callDaemon(control, method, parameters) as Promise<UnitSummary>;
}

/** "" when the command was GOOD, else its sense: "06/2a/09". */
async function sense(initiator: Initiator, target: number, cdb: readonly number[] = TEST_UNIT_READY): Promise<string> {
  const dataOut = cdb[0] === WRITE[0] ? new Uint8Array(512) : undefined;
  const request = { lun: deviceLun(target), cdb, ...(dataOut ? { dataOut } : { dataInLength: 512 }) };
  const { status, sense: bytes } = await initiator.command(request);
  const hex = (at: number) => (bytes[at] ?? 0).toString(16).padStart(2, "0");
  return status === 0 ? "" : `${hex(2)}/${hex(12)}/${hex(13)}`;
}

const at = (target: number, adapter: string = ONE) => ({ adapter, target });
const FILE = { backend: { type: "file", path: image } };

describe("unit.add, unit.remove", () => {
  test("a unit comes, does its work, goes, and may come again", async () => {
    const added = await ask("unit.add", { ...at(2), ...FILE });
    expect(added).toEqual({ places: [`${ONE}/2.0`], size: MIB, readOnly: false, description: image });
    expect(await sense(one, 1)).toBe("06/3f/0e");
    expect([await sense(one, 2, WRITE), await sense(one, 2, READ)]).toEqual(["", ""]);
    expect(await ask("unit.remove", { place: at(2) })).toMatchObject({ places: [] });
    expect([await sense(one, 1), await sense(one, 2)]).toEqual(["06/3f/0e", "05/25/00"]);
    // Its image and its state are free.
    await ask("unit.add", { ...at(3), ...FILE });
    await ask("unit.remove", { place: at(3) });
    await ask("unit.add", { ...at(2), ...FILE });
    expect(await sense(one, 2, READ)).toBe("");
  });

  test("a named unit is shown by several, and is closed when it is removed by its name", async () => {
    await ask("unit.add", { name: "late", ...FILE });
    await ask("unit.add", { ...at(4), unit: "late" });
    const both = await ask("unit.add", { ...at(4, TWO), unit: "late" });
    expect(both.places).toEqual([`${ONE}/4.0`, `${TWO}/4.0`]);
    expect((await ask("unit.remove", { place: at(4) })).places).toEqual([`${TWO}/4.0`]);
    expect([await sense(one, 4), await sense(two, 4)]).toEqual(["05/25/00", ""]);
    expect((await ask("unit.remove", { place: { unit: "late" } })).places).toEqual([]);
    await expect(ask("unit.resize", { place: { unit: "late" } })).rejects.toThrow("no logical unit is named late");
  });

  test.each<[string, string, object, RegExp]>([
    ["a place that is taken", "unit.add", { ...at(1), ...FILE }, /there is a logical unit at 0x30000002\/1\.0 already/],
    ["a name that is taken", "unit.add", { name: "shared", ...FILE }, /named shared already/],
    ["an unknown unit", "unit.add", { ...at(2), unit: "none" }, /no logical unit is named none/],
    ["an unknown adapter", "unit.add", { ...at(2, "0x1"), ...FILE }, /no adapter 0x1/],
    ["an unknown iSCSI target", "unit.add", { iscsiTarget: "iqn.x", lun: 0, ...FILE }, /no iSCSI target iqn\.x/],
    ["no unit there", "unit.remove", { place: at(9) }, /no logical unit at 0x30000002\/9\.0/],
    ["no image", "unit.add", { ...at(2), backend: { type: "file", path: "/nowhere.img" } }, /nowhere\.img/],
    ["nonsense", "unit.add", { target: "x" }, /is not allowed/],
    ["no parameters", "unit.resize", {}, /place/],
  ])("%s is refused, and told", async (_name, method, parameters, message) => {
    await expect(ask(method, parameters)).rejects.toThrow(message);
    expect(await sense(one, 1)).toBe("");
  });
});

describe("unit.resize", () => {
  test("every nexus is told that the capacity has changed", async () => {
    expect((await ask("unit.resize", { place: { unit: "shared" }, size: "2M" })).size).toBe(2 * MIB);
    for (const initiator of [one, two]) {
      expect(await sense(initiator, 1)).toBe("06/2a/09");
      expect(await sense(initiator, 1, READ.with(4, 0x0f).with(5, 0xff))).toBe("");
    }
  });

  test("an image that the operator made longer, or shorter", async () => {
    await ask("unit.add", { ...at(2), ...FILE });
    truncateSync(image, 4 * MIB);
    expect((await ask("unit.resize", { place: at(2) })).size).toBe(4 * MIB);
    expect(await sense(one, 2)).toBe("06/2a/09");
    truncateSync(image, MIB);
    expect((await ask("unit.resize", { place: at(2) })).size).toBe(MIB);
    expect(await sense(one, 2)).toBe("06/2a/09");
    expect(await sense(one, 2, READ.with(4, 0x08))).toBe("05/21/00");
    expect((await ask("unit.resize", { place: at(2) })).size).toBe(MIB);
    expect(await sense(one, 2)).toBe("");
  });

  test("an image that the daemon makes longer; what is cut off memory is gone", async () => {
    await ask("unit.add", { ...at(2), ...FILE });
    expect((await ask("unit.resize", { place: at(2), size: 3 * MIB })).size).toBe(3 * MIB);
    const place = { unit: "shared" };
    const last = { cdb: WRITE.with(4, 0x07).with(5, 0xff), lun: deviceLun(1) };
    await one.command({ ...last, dataOut: new Uint8Array(512).fill(7) });
    await ask("unit.resize", { place, size: MIB - 512 });
    await ask("unit.resize", { place, size: MIB });
    await sense(one, 1);
    const read = await one.command({ lun: deviceLun(1), cdb: READ.with(4, 0x07).with(5, 0xff), dataInLength: 512 });
    expect(read.data.every((byte) => byte === 0)).toBe(true);
  });

  test("an empty drive has no size", async () => {
    await expect(ask("unit.resize", { place: { unit: "drive" } })).rejects.toThrow("there is no medium in it");
  });
});

describe("unit.writeProtect", () => {
  test("is told, holds, and can be taken back", async () => {
    const place = { unit: "shared" };
    expect((await ask("unit.writeProtect", { place, readOnly: true })).readOnly).toBe(true);
    expect([await sense(two, 1), await sense(two, 1, WRITE)]).toEqual(["06/2a/01", "07/27/00"]);
    await ask("unit.writeProtect", { place, readOnly: false });
    expect([await sense(two, 1), await sense(two, 1, WRITE)]).toEqual(["06/2a/01", ""]);
  });

  test("what was opened for reading only stays so", async () => {
    await ask("unit.add", { ...at(2), ...FILE, readOnly: true });
    await expect(ask("unit.writeProtect", { place: at(2), readOnly: false })).rejects.toThrow(/for reading only/);
  });
});

test("a medium comes into a drive, and is taken out", async () => {
  const place = { unit: "drive" };
  await ask("unit.add", { ...at(2), ...place });
  expect(await sense(one, 2)).toBe("02/3a/01");
  expect(await ask("medium.load", { place, ...FILE })).toMatchObject({ size: MIB, readOnly: true });
  expect([await sense(one, 2), await sense(one, 2)]).toEqual(["06/28/00", ""]);
  expect(await ask("medium.eject", { place })).toMatchObject({ size: 0 });
  expect(await sense(one, 2)).toBe("02/3a/02");
  await expect(ask("medium.eject", { place: { unit: "shared" } })).rejects.toThrow("its medium is fixed");
});

test("what is being sanitized stays as it is", async () => {
  const overwrite = [0x48, 0x81, 0, 0, 0, 0, 0, 0, 5, 0];
  const dataOut = Uint8Array.of(1, 0, 0, 1, 0);
  expect((await one.command({ lun: deviceLun(1), cdb: overwrite, dataOut })).status).toBe(0);
  await expect(ask("unit.resize", { place: { unit: "shared" }, size: "2M" })).rejects.toThrow(/sanitize in progress/);
});

test("units of one daemon are copied between", async () => {
  await ask("unit.add", { ...at(2), ...FILE });
  await sense(one, 1);
  const identify = async (target: number) => {
    const cdb = [0x12, 1, 0x83, 0, 255, 0];
    const { data } = await one.command({ lun: deviceLun(target), cdb, dataInLength: 255 });
    const [name] = parseDesignators(data).filter(({ association, type }) => association === 0 && type === NAA);
    return [...(name?.bytes ?? [])];
  };
  const target = async (number: number) => {
    const name = await identify(number);
    const head = [0xe4, 0, 0, 0, 1, NAA, 0, name.length, ...name];
    return [...head, ...Array<number>(28 - head.length).fill(0), 0, 0, 2, 0];
  };
  const segment = [2, 0, 0, 24, 0, 0, 0, 1, 0, 0, 0, 8, ...Array<number>(16).fill(0)];
  const header = [1, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 0];
  await one.command({ lun: deviceLun(1), cdb: WRITE, dataOut: new Uint8Array(512).fill(5) });
  const dataOut = Uint8Array.from([...header, ...(await target(1)), ...(await target(2)), ...segment]);
  const cdb = [0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, dataOut.length, 0, 0];
  expect((await one.command({ lun: deviceLun(1), cdb, dataOut })).status).toBe(0);
  const { data } = await one.command({ lun: deviceLun(2), cdb: READ, dataInLength: 512 });
  expect(data.every((byte) => byte === 5)).toBe(true);
});
