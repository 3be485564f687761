import { afterEach, expect, test } from "vitest";
import { checkConfig } from "../../src/config/load.ts";
import { silentLog } from "../../src/core/log.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { Initiator } from "../../src/initiator/initiator.ts";
import { deviceLun } from "../../src/initiator/lun.ts";
import { LINUX } from "../../src/initiator/profiles.ts";

const LUN = deviceLun(1);
const [ONE, TWO] = [0x30000002, 0x30000003];
const READ = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];
const REPORT = [0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0];
const SET_BOTH = Uint8Array.from([0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 2]);
const SET = [0xa4, 0x0a, 0, 0, 0, 0, 0, 0, 0, SET_BOTH.length, 0, 0];

const started: { daemon: Daemon; initiators: Initiator[] }[] = [];
afterEach(async () => {
  for (const { daemon, initiators } of started.splice(0)) {
    for (const initiator of initiators) initiator.close();
    await daemon.stop();
  }
});

test("two adapters in two groups: an initiator moves the work from one to the other", async () => {
  const adapter = (unitAddress: number) => ({
    unitAddress: `0x${unitAddress.toString(16)}`,
    logicalUnits: [{ target: 1, unit: "shared" }],
  });
  const config = checkConfig(
    {
      version: 1,
      logicalUnits: [{ name: "shared", backend: { type: "memory", size: "1M" } }],
      adapters: [adapter(ONE), adapter(TWO)],
      portGroups: [
        { identifier: 1, adapters: [0] },
        { identifier: 2, adapters: [1], state: "standby" },
      ],
    },
    "test",
  );
  const daemon = await Daemon.start(config, silentLog);
  const connect = async (unitAddress: number) => {
    const client = daemon.partitions.client(unitAddress);
    if (client === undefined) throw new Error("no such adapter");
    const initiator = new Initiator({
      hypervisor: daemon.partitions.hypervisor,
      adapter: client.adapter,
      profile: LINUX,
    });
    await initiator.connect();
    return initiator;
  };
  const [one, two] = [await connect(ONE), await connect(TWO)];
  started.push({ daemon, initiators: [one, two] });
  const read = async (initiator: Initiator) => {
    const { status, sense } = await initiator.command({ lun: LUN, cdb: READ, dataInLength: 512 });
    return status === 0 ? "read" : [2, 12, 13].map((at) => sense[at]?.toString(16)).join("/");
  };
  expect([await read(one), await read(two)]).toEqual(["read", "2/4/b"]);
  const groups = await one.command({ lun: LUN, cdb: REPORT, dataInLength: 28 });
  expect(Buffer.from(groups.data).toString("hex")).toBe(
    ["00000018", "000f0001", "00000001", "00000001", "020f0002", "00000001", "00000002"].join(""),
  );
  expect((await one.command({ lun: LUN, cdb: SET, dataOut: SET_BOTH })).status).toBe(0);
  expect([await read(one), await read(two), await read(two)]).toEqual(["2/4/b", "6/2a/6", "read"]);
});
