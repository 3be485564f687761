import { describe, expect, test } from "vitest";
import { SRP_TSK_ABORT_TASK, SRP_TSK_LUN_RESET } from "../../src/abi/srp.ts";
import type { PartitionLink } from "../../src/papr/crq-link.ts";
import { checkCondition, INTERNAL_TARGET_FAILURE } from "../../src/scsi/sense.ts";
import { HandCopies } from "./hand-copies.ts";
import { HandDevice } from "./hand-device.ts";
import {
  type CommandFields,
  command,
  LOGIN_ADDRESS,
  type LoginFields,
  loginRequest,
  madEntry,
  manage,
  RawClient,
  type RawClientOptions,
  srpEntry,
} from "./raw-client.ts";

const IU = 0x10000;
const DATA = 0x40000;
const INIT = "c001".padEnd(32, "0");
const COMPLETE = "c002".padEnd(32, "0");
const PARTNER_DEREGISTERED = "ff02".padEnd(32, "0");
const UNMAPPED = 0x180000;

interface World {
  client: RawClient;
  device: HandDevice;
}

function world(options: Partial<RawClientOptions> = {}): World {
  const device = new HandDevice();
  return { device, client: new RawClient({ makeDevice: () => device, ...options }) };
}

function loggedIn(options: Partial<RawClientOptions> = {}): World {
  const made = world(options);
  made.client.login();
  return made;
}

/** Sends a CMD in a slot of its own. */
function sendCommand(client: RawClient, fields: CommandFields): void {
  const at = IU + fields.tag * 0x100;
  client.write(at, command(fields));
  client.send(srpEntry(at));
}

function sendManagement(client: RawClient, tag: number, task: number, taskTag = 0): void {
  const at = IU + tag * 0x100;
  client.write(at, manage(tag, task, taskTag));
  client.send(srpEntry(at));
}

/** Tags of the entries that the client finds. */
function tags(client: RawClient): number[] {
  return client.receive().map((entry) => Number.parseInt(entry.slice(-4), 16));
}

/** Request limit delta, flags and SCSI status of the response that stands in a tag's IU slot. */
function response(client: RawClient, tag: number): { delta: number; flags: number; status: number } {
  const iu = Buffer.from(client.read(IU + tag * 0x100, 64), "hex");
  return { delta: iu.readInt32BE(4), flags: iu[18] ?? 0, status: iu[19] ?? 0 };
}

describe("handshake", () => {
  test("the client is first: our INIT goes out, its COMPLETE opens the connection", () => {
    const { client } = world();
    client.register();
    client.server.start();
    expect(client.receive()).toEqual([INIT]);
    client.send(COMPLETE);
    expect(client.server.state).toBe("connected");
  });

  test("two INITs that cross open one connection, without a violation", () => {
    const { client } = world();
    client.register();
    client.server.start();
    client.send(INIT, COMPLETE);
    expect(client.receive()).toEqual([INIT, COMPLETE]);
    expect([client.server.state, client.events]).toEqual(["connected", []]);
  });

  test.each([INIT, COMPLETE])("%s on an open connection is a violation", (entry) => {
    const { client } = loggedIn();
    client.send(entry);
    expect(client.events).toEqual(["violation init-while-open"]);
    expect(client.receive()).toEqual([PARTNER_DEREGISTERED, INIT]);
    client.send(COMPLETE);
    expect(client.server.state).toBe("connected");
  });

  test("what follows a violation in the same batch belongs to no connection", () => {
    const { client, device } = loggedIn();
    client.write(IU, command({ tag: 1 }));
    client.send("80010000003c0000", srpEntry(IU), "c2000000");
    expect(client.events).toEqual(["violation iu-length"]);
    expect(device.tasks).toHaveLength(0);
    expect(client.server.state).toBe("waiting");
  });

  test("MADs and commands of an earlier connection are ignored while INIT is awaited", () => {
    const { client, device } = world();
    client.server.start();
    client.register();
    client.write(IU, command({ tag: 1 }));
    client.send(srpEntry(IU), madEntry(IU), INIT);
    expect(client.receive()).toEqual([COMPLETE]);
    expect([device.tasks.length, client.events]).toEqual([0, []]);
  });
});

describe("login", () => {
  const rejects: [string, LoginFields, number][] = [
    ["IU length below 64", { iuLength: 63 }, 0x10000],
    ["IU length above 256", { iuLength: 257 }, 0x10002],
    ["initiator port extension", { initiator: "01" }, 0x10003],
    ["target port extension", { target: "01" }, 0x10003],
    ["neither descriptor format", { formats: 0 }, 0x10004],
    ["an unknown descriptor format", { formats: 0x0e }, 0x10004],
    ["multi-channel", { flags: 1 }, 0x10005],
  ];
  test.each(rejects)("is rejected for %s, and another may follow", (_name, fields, reason) => {
    const { client } = world();
    client.connect();
    client.write(LOGIN_ADDRESS, loginRequest(fields));
    client.send(srpEntry(LOGIN_ADDRESS));
    expect(client.read(LOGIN_ADDRESS, 8)).toBe(`c2000000${reason.toString(16).padStart(8, "0")}`);
    client.write(LOGIN_ADDRESS, loginRequest());
    client.send(srpEntry(LOGIN_ADDRESS));
    expect(client.server.state).toBe("logged-in");
  });

  test("a second one is rejected with channel limit reached, the first session goes on", () => {
    const { client } = loggedIn();
    client.write(LOGIN_ADDRESS, loginRequest());
    client.send(srpEntry(LOGIN_ADDRESS));
    expect(client.read(LOGIN_ADDRESS, 8)).toBe("c200000000010006");
    expect(client.server.state).toBe("logged-in");
  });

  test("commands without any negotiation are served, as SLOF needs it; after a MAD or a logout they are not", () => {
    const { client, device } = world();
    client.connect();
    sendCommand(client, { tag: 1 });
    expect(device.nexuses).toEqual(["+crq:30000003"]);
    device.end();
    expect(tags(client)).toEqual([1]);
    client.write(IU, "00000008000000100000000000000009");
    client.send(madEntry(IU, 16));
    sendCommand(client, { tag: 2 });
    expect(client.events).toEqual(["violation srp-before-login"]);
  });

  test("commands without login are a violation when the adapter is told so", () => {
    const { client } = world({ acceptWithoutLogin: false });
    client.connect();
    sendCommand(client, { tag: 1 });
    expect(client.events).toEqual(["violation srp-before-login"]);
  });

  test("logout is answered; with work outstanding it is a violation", () => {
    const { client, device } = loggedIn();
    client.write(IU, "03000000000000000000000000000021");
    client.send(srpEntry(IU, 16));
    expect([tags(client), client.server.state]).toEqual([[0x21], "connected"]);
    client.write(LOGIN_ADDRESS, loginRequest());
    client.send(srpEntry(LOGIN_ADDRESS));
    sendCommand(client, { tag: 1 });
    client.write(IU, "03000000000000000000000000000022");
    client.send(srpEntry(IU, 16));
    expect(client.events).toEqual(["violation logout-outstanding"]);
    expect(client.server.state).toBe("draining");
    device.end();
    expect(client.server.state).toBe("waiting");
  });
});

describe("credit", () => {
  test("an aborted command gets no response, its credit comes with the answer to the abort", () => {
    const { client, device } = loggedIn();
    sendCommand(client, { tag: 1 });
    sendManagement(client, 2, SRP_TSK_ABORT_TASK, 1);
    expect(tags(client)).toEqual([]);
    device.end();
    expect(tags(client)).toEqual([2]);
    expect(response(client, 2).delta).toBe(2);
  });

  test("a LUN reset waits for a command that an abort waits for already", () => {
    const { client, device } = loggedIn();
    sendCommand(client, { tag: 1 });
    sendManagement(client, 2, SRP_TSK_ABORT_TASK, 1);
    sendManagement(client, 3, SRP_TSK_LUN_RESET);
    expect(tags(client)).toEqual([]);
    device.end();
    expect(tags(client)).toEqual([2, 3]);
    expect([response(client, 2).delta, response(client, 3).delta]).toEqual([2, 1]);
    expect(client.server.counters).toMatchObject({ outstanding: 0, aborted: 1 });
  });

  test("an over-run beyond the slack ends the connection, each request accounted for", () => {
    const { client, device } = loggedIn({ requestLimit: 4 });
    for (let tag = 1; tag <= 12; tag++) sendCommand(client, { tag });
    expect(client.events).toEqual([]);
    sendCommand(client, { tag: 13 });
    expect(client.events).toEqual(["violation credit-overrun"]);
    while (device.tasks.length > 0) device.end();
    expect([client.server.state, client.server.counters.outstanding]).toEqual(["waiting", 0]);
  });

  test("what a lost connection owed is not paid to the next", () => {
    const { client, device } = loggedIn();
    sendCommand(client, { tag: 1 });
    client.free();
    client.run();
    device.end();
    client.register();
    client.clock.advance(0);
    client.send(INIT);
    client.receive();
    client.write(LOGIN_ADDRESS, loginRequest());
    client.send(srpEntry(LOGIN_ADDRESS));
    sendCommand(client, { tag: 2 });
    device.end();
    expect(response(client, 2).delta).toBe(1);
  });

  test("a request limit that does not fit the link is refused", () => {
    expect(() => world({ requestLimit: 2 })).toThrow(RangeError);
    expect(() => world({ requestLimit: 128 })).toThrow(RangeError);
  });
});

describe("transport events", () => {
  test.each(["free", "crash"] as const)(
    "%s in the middle of I/O: nothing reaches the client, the queue is kept",
    (how) => {
      const { client, device } = loggedIn();
      sendCommand(client, { tag: 1, dataIn: [DATA, 512] });
      if (how === "free") client.free();
      else client.pair.hypervisor.crash(client.pair.client);
      client.run();
      expect(client.events).toEqual(["loss transport-event"]);
      expect(client.server.state).toBe("draining");
      expect(device.nexuses.at(-1)).toBe("-crq:30000003");
      device.end(512);
      expect([client.server.state, client.server.counters.outstanding]).toEqual(["waiting", 0]);
      expect(client.read(DATA, 4)).toBe("00000000");
    },
  );

  test("entries of the next connection wait on the ring until the last task has ended", () => {
    const { client, device } = loggedIn();
    sendCommand(client, { tag: 1 });
    client.free();
    client.register();
    client.send(INIT);
    expect([client.server.state, client.receive()]).toEqual(["draining", []]);
    device.end();
    client.clock.advance(0);
    client.run();
    expect([client.server.state, client.receive()]).toEqual(["connected", [COMPLETE]]);
  });

  test("the client's identity is forgotten when it went, kept when we closed", () => {
    const { client } = world();
    client.connect();
    client.write(IU, `00000003000000940000000000000001${"0000000000040000"}`);
    client.write(DATA, Buffer.from("16.a\0\0\0\0client-lpar"));
    client.send(madEntry(IU));
    expect(client.server.client?.partitionName).toBe("client-lpar");
    client.send(INIT);
    expect(client.server.client?.partitionName).toBe("client-lpar");
    client.free();
    client.run();
    expect(client.server.client).toBeUndefined();
  });
});

describe("faults in an entry or an IU", () => {
  const violations: [string, string, string][] = [
    ["iu-length", "80010000003c0101", ""],
    ["iu-fetch", srpEntry(UNMAPPED), ""],
    ["iu-type", srpEntry(IU), "07"],
    ["iu-short", srpEntry(IU, 47), command({ tag: 1 })],
    ["additional-cdb", srpEntry(IU), command({ tag: 1, additional: 1 })],
    ["task-attribute", srpEntry(IU), command({ tag: 1, attribute: 3 })],
    ["unexpected-response-iu", srpEntry(IU), "41"],
    ["entry-unknown", "8007", ""],
    ["entry-unknown", "81", ""],
    ["iu-fetch", madEntry(UNMAPPED), ""],
    ["mad-copy", madEntry(IU), `0000000300000094000000000000000${"1"}0000000000180000`],
  ];
  test.each(violations)("%s: %s", (violation, entry, iu) => {
    const { client } = loggedIn();
    client.write(IU, iu);
    client.send(entry);
    expect(client.events).toEqual([`violation ${violation}`]);
    expect(client.server.state).toBe("waiting");
  });

  const refusals: [string, string, CommandFields][] = [
    ["both directions", "052400", { tag: 1, dataIn: [DATA, 512], dataOut: [DATA, 512] }],
    ["data-in without permission", "0b4b00", { tag: 1, dataIn: [UNMAPPED, 512] }],
    ["data-out without permission", "0b4b00", { tag: 1, dataOut: [UNMAPPED, 512] }],
  ];
  test.each(refusals)("%s is answered with sense data, the connection stays", (_name, sense, fields) => {
    const { client, device } = loggedIn();
    sendCommand(client, fields);
    expect(tags(client)).toEqual([1]);
    const text = client.read(IU + 0x100 + 36, 18);
    expect(text.slice(4, 6) + text.slice(24, 28)).toBe(sense);
    expect([response(client, 1).status, device.tasks.length, client.events]).toEqual([2, 0, []]);
  });

  test("private formats are ignored", () => {
    const { client } = loggedIn();
    client.send("8003", "8004", "8005");
    expect([client.events, client.server.state]).toEqual([[], "logged-in"]);
  });
});

describe("management datagrams", () => {
  function mad(client: RawClient, type: number, length: number, ioba = 0): number {
    const head = Buffer.alloc(24);
    head.writeUInt32BE(type, 0);
    head.writeUInt16BE(length, 6);
    head.writeUInt32BE(ioba, 20);
    client.write(IU, head);
    client.send(madEntry(IU, 24));
    return Buffer.from(client.read(IU + 4, 2), "hex").readUInt16BE();
  }

  test.each([
    [3, 119, 0xf7],
    [3, 120, 0],
    [3, 4000, 0],
    [5, 67, 0xf7],
    [5, 68, 0],
    [5, 4097, 0xf7],
    [1, 28, 0],
    [2, 24, 0xf1],
    [8, 16, 0],
    [99, 16, 0xf1],
  ])("type %i with length %i: status %i", (type, length, status) => {
    const { client } = world();
    client.connect();
    expect(mad(client, type, length, DATA)).toBe(status);
    expect(client.events).toEqual([]);
  });

  test("fast fail after login is refused", () => {
    expect(mad(loggedIn().client, 8, 16)).toBe(0xf7);
  });

  test("a second one while one is being answered is a violation, EMPTY_IU is not", () => {
    let copies: HandCopies | undefined;
    const wrap = (link: PartitionLink) => {
      copies = new HandCopies(link);
      return copies;
    };
    const { client } = world({ wrap });
    client.connect();
    client.write(IU, `00000003000000940000000000000001${"0000000000040000"}`);
    client.write(IU + 0x100, "0000000100000010000000000000000200000000000000000000000000000000");
    client.send(madEntry(IU));
    client.send(madEntry(IU + 0x100));
    expect([tags(client), client.events]).toEqual([[2], []]);
    client.send(madEntry(IU));
    expect(client.events).toEqual(["violation mad-while-mad"]);
    expect(copies?.waiting).toBe(0);
  });
});

describe("copies that take their time", () => {
  function withCopies(): World & { copies: HandCopies } {
    let copies: HandCopies | undefined;
    const made = loggedIn({
      wrap: (link) => {
        copies = new HandCopies(link);
        return copies;
      },
    });
    if (!copies) throw new Error("the link was not wrapped");
    return { ...made, copies };
  }

  test("a command waits for its data-out", () => {
    const { client, device, copies } = withCopies();
    client.write(DATA, "a5".repeat(512));
    sendCommand(client, { tag: 1, dataOut: [DATA, 512] });
    expect(device.tasks).toHaveLength(0);
    copies.end();
    const [task] = device.tasks;
    expect(task?.memory.u8[task.buffer + 511]).toBe(0xa5);
    device.end();
    expect([tags(client), response(client, 1)]).toEqual([[1], { delta: 1, flags: 0, status: 0 }]);
  });

  test("an abort waits for the copy, and the command never reaches the device", () => {
    const { client, device, copies } = withCopies();
    sendCommand(client, { tag: 1, dataOut: [DATA, 512] });
    sendManagement(client, 2, SRP_TSK_ABORT_TASK, 1);
    expect(tags(client)).toEqual([]);
    copies.end();
    expect([tags(client), device.tasks.length]).toEqual([[2], 0]);
  });
});

describe("a client that takes no answers", () => {
  /** Fills the client's queue with answered pings until one more entry would be dropped. */
  function fill(client: RawClient): void {
    for (let index = 0; index < 256 - 5; index++) client.send("800600f5");
  }

  test("answers keep their order and go out when there is room", () => {
    const { client, device } = loggedIn();
    fill(client);
    for (let tag = 1; tag <= 8; tag++) sendCommand(client, { tag });
    while (device.tasks.length > 0) device.end();
    const before = client.receive().filter((entry) => !entry.startsWith("8006"));
    client.clock.advance(1);
    const after = client.receive();
    const all = [...before, ...after].map((entry) => Number.parseInt(entry.slice(-4), 16));
    expect(all).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(after.length).toBeGreaterThan(0);
    expect([client.events, client.server.counters.outstanding]).toEqual([[], 0]);
  });

  test("what waited on the ring for a slot is taken when there is room again", () => {
    const { client, device } = loggedIn({ requestLimit: 120 });
    fill(client);
    for (let round = 0; round < 3; round++) {
      for (let tag = 1; tag <= 60; tag++) sendCommand(client, { tag: round * 60 + tag });
      while (device.tasks.length > 0) device.end();
    }
    expect(client.events).toEqual([]);
    for (let turn = 0; turn < 20; turn++) {
      client.receive();
      client.clock.advance(1000);
      client.run();
      while (device.tasks.length > 0) device.end();
    }
    expect(client.server.counters).toMatchObject({ requests: 180, outstanding: 0, disconnects: 0 });
  });

  test("a ping that cannot be answered ends the connection", () => {
    const { client } = loggedIn();
    fill(client);
    for (let index = 0; index < 8; index++) client.send("800600f5");
    expect(client.events).toEqual(["violation ping-unanswered"]);
  });

  test("does not keep a stopping adapter for ever", async () => {
    const { client, device } = loggedIn();
    fill(client);
    for (let tag = 1; tag <= 8; tag++) sendCommand(client, { tag });
    const stopped = client.server.stop();
    while (device.tasks.length > 0) device.end();
    expect(client.server.state).not.toBe("closed");
    client.clock.advance(1000);
    await stopped;
    expect(client.server.state).toBe("closed");
  });
});

describe("residuals", () => {
  const UNDER = 0x20;
  const OVER = 0x10;

  function residual(client: RawClient, device: HandDevice, dataIn: number): [number, number] {
    sendCommand(client, { tag: 1, dataIn: [DATA, 512] });
    device.end(dataIn);
    const iu = Buffer.from(client.read(IU + 0x100, 36), "hex");
    return [iu[18] ?? 0, iu.readUInt32BE(24)];
  }

  test.each([
    [512, 0, 0],
    [100, UNDER, 412],
    [600, OVER, 88],
  ])("of %i bytes for a buffer of 512", (dataIn, flags, count) => {
    const { client, device } = loggedIn();
    expect(residual(client, device, dataIn)).toEqual([flags, count]);
  });

  test.each([
    [2, 100, OVER, 412],
    [2, 600, 0, 0],
    [3, 100, UNDER, 412],
  ])("as Linux takes them: OS type %i, %i bytes", (osType, dataIn, flags, count) => {
    const { client, device } = world({ residuals: "linux" });
    client.connect();
    client.write(IU, `00000003000000940000000000000001${"0000000000040000"}`);
    client.write(DATA + 112, `0000000${osType}`);
    client.send(madEntry(IU));
    client.write(LOGIN_ADDRESS, loginRequest());
    client.send(srpEntry(LOGIN_ADDRESS));
    expect(residual(client, device, dataIn)).toEqual([flags, count]);
  });
});

test.each([
  [true, "2800", "10"],
  [true, "0000", "00"],
  [false, "2800", "00"],
])("fast fail %s, CDB %s: a HARDWARE ERROR has CRQ status %s", (fastFail, cdb, status) => {
  const { client, device } = world();
  client.connect();
  client.write(IU, "00000008000000100000000000000009");
  if (fastFail) client.send(madEntry(IU, 16));
  client.write(LOGIN_ADDRESS, loginRequest());
  client.send(srpEntry(LOGIN_ADDRESS));
  client.receive();
  sendCommand(client, { tag: 1, cdb, dataIn: [DATA, 512] });
  const [task] = device.tasks;
  if (task) checkCondition(task, INTERNAL_TARGET_FAILURE);
  expect(client.receive().map((entry) => entry.slice(6, 8))).toEqual([status]);
});

test("the last disconnect is told with its reason", () => {
  const { client } = loggedIn();
  client.send("8001");
  expect([client.server.lastDisconnect, client.server.counters.disconnects]).toEqual(["iu-length", 1]);
});

test("stop finishes what is in flight, frees the queue and tells the device", async () => {
  const { client, device } = loggedIn();
  sendCommand(client, { tag: 1 });
  const stopped = client.server.stop();
  sendCommand(client, { tag: 2 });
  expect(device.tasks).toHaveLength(1);
  device.end();
  await stopped;
  expect(client.receive()).toEqual([`8001000000000024${"1".padStart(16, "0")}`, PARTNER_DEREGISTERED]);
  expect([client.server.state, device.nexuses.at(-1)]).toEqual(["closed", "-crq:30000003"]);
});
