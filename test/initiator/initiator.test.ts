import { expect, test } from "vitest";
import { KIND_MAD, KIND_SRP } from "../../src/abi/records.ts";
import { SRP_CMD, SRP_LOGIN_REJ, SRP_LOGIN_REQ, SRP_TSK_LUN_RESET } from "../../src/abi/srp.ts";
import type { Clock } from "../../src/core/clock.ts";
import { Initiator } from "../../src/initiator/initiator.ts";
import { deviceLun } from "../../src/initiator/lun.ts";
import { AIX, type ClientProfile, IBM_I, LINUX, LINUX_64K, SLOF } from "../../src/initiator/profiles.ts";
import { CLIENT, createPair, type Pair } from "../papr/pair.ts";
import { FakeServer } from "./fake-server.ts";

const LUN = deviceLun(1);
const READ = [0x28, 0, 0, 0, 8, 0, 0, 0, 8, 0];
const WRITE = [0x2a, 0, 0, 0, 16, 0, 0, 0, 24, 0];

/** A clock that tests turn. */
class HandClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; callback: () => void }>();
  now(): number {
    return this.#now;
  }
  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.#now + milliseconds, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }
  turn(milliseconds: number): void {
    this.#now += milliseconds;
    for (const timer of this.#timers) if (timer.at <= this.#now && this.#timers.delete(timer)) timer.callback();
  }
}

interface Bench {
  readonly pair: Pair;
  readonly server: FakeServer;
  readonly initiator: Initiator;
  readonly clock: HandClock;
}

function bench(profile: ClientProfile): Bench {
  const pair = createPair();
  const clock = new HandClock();
  const { hypervisor, clientAdapter: adapter } = pair;
  return {
    pair,
    clock,
    server: new FakeServer(pair),
    initiator: new Initiator({ hypervisor, adapter, profile, clock }),
  };
}

async function connected(profile: ClientProfile = LINUX): Promise<Bench> {
  const all = bench(profile);
  all.server.start();
  await all.initiator.connect();
  return all;
}

/** Lets interrupts and promises run. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function commands(server: FakeServer): Uint8Array[] {
  return server.seen.filter(({ kind, iu }) => kind === KIND_SRP && iu[0] === SRP_CMD).map(({ iu }) => iu);
}

test.each([LINUX, LINUX_64K, AIX, IBM_I, SLOF])("$name connects to a server that is up, and reads", async (profile) => {
  const { initiator, server } = await connected(profile);
  const result = await initiator.command({ lun: LUN, cdb: READ, dataInLength: 0x3000 });
  expect([result.status, result.crqStatus, result.flags]).toEqual([0, 0, 0]);
  expect(result.data).toEqual(new Uint8Array(0x3000).fill(0x5a));
  const mads = server.seen.filter(({ kind }) => kind === KIND_MAD).map(({ iu }) => iu[3]);
  expect(mads).toEqual(profile.mads);
  expect(server.seen.at(-1)?.length).toBe(profile.iuLength === "slot" ? 256 : 64);
});

test.each([LINUX, SLOF])("$name connects when the server comes later", async (profile) => {
  const { initiator, server } = bench(profile);
  const ready = initiator.connect();
  await settle();
  server.start();
  await ready;
  expect(initiator.credit).toBe(profile.logsIn ? server.limit : 1);
});

test("Linux asks only an AIX server for capabilities and fast fail", async () => {
  const { initiator, server } = bench(LINUX);
  server.osType = 2;
  server.start();
  await initiator.connect();
  expect(server.seen.filter(({ kind }) => kind === KIND_MAD)).toHaveLength(1);
  expect(initiator.serverInfo?.osType).toBe(2);
});

test("a login reject refuses commands until the next handshake", async () => {
  const { initiator, server } = bench(LINUX);
  server.loginType = SRP_LOGIN_REJ;
  server.limit = 0x00010001;
  server.start();
  await expect(initiator.connect()).rejects.toMatchObject({ reason: "rejected", result: 0x00010001 });
  await expect(initiator.command({ lun: LUN, cdb: READ })).rejects.toMatchObject({ reason: "rejected" });
});

test("a direct descriptor, a table inside the IU, and a table beside it", async () => {
  const { initiator, server } = await connected();
  const data = Uint8Array.from({ length: 0xc000 }, (_, index) => index % 253);
  const written: Uint8Array[] = [];
  server.answers = ({ slot, iu }) => {
    if (iu[0] === SRP_CMD) written.push(server.dataOut(slot));
    return true;
  };
  for (const length of [0x1000, 0x3000, 0xc000]) {
    await initiator.command({ lun: LUN, cdb: WRITE, dataOut: data.subarray(0, length) });
  }
  expect(written.map(({ length }) => length)).toEqual([0x1000, 0x3000, 0xc000]);
  expect(written[2]).toEqual(data);
  const [direct, inside, beside] = commands(server).map((iu) => new DataView(iu.buffer));
  expect([direct?.getUint8(5), direct?.getUint8(6), direct?.getUint32(60)]).toEqual([0x10, 0, 0x1000]);
  expect([inside?.getUint8(5), inside?.getUint8(6), inside?.getUint32(60), inside?.getUint32(64)]).toEqual([
    0x20, 3, 48, 0x3000,
  ]);
  expect(inside?.getUint32(52) ?? 0).toBe(((inside?.getUint32(52) ?? 0) & ~0xff) | 0x44);
  expect([beside?.getUint8(6), beside?.getUint32(60), beside?.getUint32(64)]).toEqual([10, 192, 0xc000]);
  expect((beside?.getUint32(52) ?? 1) % 0x1000).toBe(0);
});

test("Linux maps data-out read-only, SLOF does not", async () => {
  for (const profile of [LINUX, SLOF]) {
    const { initiator, server } = await connected(profile);
    let code: number | undefined;
    server.answers = ({ slot, iu }) => {
      const view = new DataView(iu.buffer);
      if (iu[0] === SRP_CMD) code = server.link.writeClient(slot, 0, view.getUint32(52), slot, 16);
      return true;
    };
    await initiator.command({ lun: LUN, cdb: WRITE, dataOut: new Uint8Array(512) });
    expect(code === 0).toBe(profile === SLOF);
  }
});

test("commands wait for credit, two of which stay back for task management", async () => {
  const { initiator, server } = await connected();
  server.answers = ({ iu }) => iu[0] !== SRP_CMD;
  const submitted = Array.from({ length: 12 }, () => initiator.submit({ lun: LUN, cdb: READ, dataInLength: 512 }));
  await settle();
  expect(commands(server)).toHaveLength(8);
  expect(await initiator.taskManagement({ function: SRP_TSK_LUN_RESET, lun: LUN })).toBe(0);
  server.answers = () => true;
  for (const { slot, iu } of server.seen) if (iu[0] === SRP_CMD) server.respond(slot);
  const results = await Promise.all(submitted.map(({ result }) => result));
  expect(results.every(({ status }) => status === 0)).toBe(true);
  expect(initiator.credit).toBe(10);
});

test("an aborted command ends, and Linux counts its credit twice", async () => {
  const { initiator, server } = await connected();
  server.answers = ({ iu }) => iu[0] !== SRP_CMD;
  const command = initiator.submit({ lun: LUN, cdb: READ, dataInLength: 512 });
  await settle();
  expect(await initiator.abort(command)).toBe(0);
  await expect(command.result).rejects.toMatchObject({ reason: "aborted" });
  expect(initiator.credit).toBe(10);
});

test("a command that times out is aborted", async () => {
  const { initiator, server, clock } = await connected();
  server.answers = ({ iu }) => iu[0] !== SRP_CMD;
  const result = initiator.command({ lun: LUN, cdb: READ, timeout: 1000 });
  await settle();
  clock.turn(1000);
  await expect(result).rejects.toMatchObject({ reason: "timed-out" });
});

test("a MAD that is not answered resets the connection", async () => {
  const { initiator, server, clock, pair } = bench(LINUX);
  server.answers = ({ kind }) => kind !== KIND_MAD;
  server.start();
  const ready = initiator.connect();
  await settle();
  server.answers = () => true;
  clock.turn(60_000);
  await ready;
  expect(pair.clientAdapter.queueState).toBe(1);
});

test("FF 02: what was under way fails, and the client waits for the server's INIT", async () => {
  const { initiator, server } = await connected();
  server.answers = ({ iu }) => iu[0] !== SRP_CMD;
  const result = initiator.command({ lun: LUN, cdb: READ, dataInLength: 512 });
  result.catch(() => {});
  await settle();
  server.link.free();
  await expect(result).rejects.toMatchObject({ reason: "reset" });
  await expect(initiator.command({ lun: LUN, cdb: READ })).rejects.toMatchObject({ reason: "reset" });
  server.answers = () => true;
  server.start();
  await initiator.connect();
  expect((await initiator.command({ lun: LUN, cdb: READ })).status).toBe(0);
});

test("FF 06: commands go out again after H_ENABLE_CRQ and a new login", async () => {
  const { initiator, server, pair } = await connected();
  server.answers = ({ iu }) => iu[0] !== SRP_CMD;
  const result = initiator.command({ lun: LUN, cdb: READ, dataInLength: 512 });
  await settle();
  server.answers = () => true;
  pair.hypervisor.suspend(pair.clientAdapter);
  expect((await result).status).toBe(0);
  expect(commands(server)).toHaveLength(2);
  expect(server.seen.filter(({ kind, iu }) => kind === KIND_SRP && iu[0] === SRP_LOGIN_REQ)).toHaveLength(2);
});

test("host reset, logout and login, ping, and arbitrary MADs", async () => {
  const { initiator, server } = await connected();
  await initiator.reset();
  await initiator.logout();
  await initiator.login();
  expect((await initiator.mad({ type: 0x77, body: new Uint8Array(16) })).status).toBe(0);
  const ping = initiator.ping();
  await settle();
  server.sendBytes("800600f6");
  await ping;
});

test("the raw layer sends what no client would, and sees every entry", async () => {
  const { initiator, server, pair } = await connected();
  const entries: string[] = [];
  const stop = initiator.onEntry(({ bytes }) => entries.push(Buffer.from(bytes).toString("hex")));
  expect(initiator.sendRaw(Buffer.from("ff02".padEnd(32, "0"), "hex"))).toBe(-4);
  server.sendBytes("800600f5");
  await settle();
  expect(entries).toEqual(["800600f5".padEnd(32, "0")]);
  stop();
  initiator.close();
  expect(pair.hypervisor.crq.send(pair.client, CLIENT, 0xc0010000, 0, 0, 0)).toBe(0);
});
