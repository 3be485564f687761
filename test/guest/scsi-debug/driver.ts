import { execFileSync, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { checkConfig } from "../../../src/config/load.ts";
import { Daemon } from "../../../src/daemon/daemon.ts";
import type { CommandRequest, CommandResult } from "../../../src/initiator/command-queue.ts";
import type { RequestFailed } from "../../../src/initiator/errors.ts";
import { Initiator } from "../../../src/initiator/initiator.ts";
import { deviceLun } from "../../../src/initiator/lun.ts";
import { LINUX } from "../../../src/initiator/profiles.ts";
import { createLogger } from "../../../src/observe/logger.ts";
import { sgRaw } from "./direct.ts";
import { behave, loadDevice, unloadDevice } from "./kernel.ts";

// Runs in the guest: a daemon on the kernel's own SCSI devices, and a client of it. Prints what it saw, a JSON object a line;
// the test outside judges it.

const UNIT_ADDRESS = 0x30000002;
const MEMORY_TARGET = 60;
const TIMEOUT = 2_000;
const CHUNK = 0x10000;
const BLOCK = 512;
const CHUNKS = 16;
/** Jiffies of two seconds, at 250 a second. */
const SLOW = 500;
const LUN_RESET = 8;

// Of scsi_debug's `opts`.
const MEDIUM_ERROR = 2;
const IGNORED = 4;
const RECOVERED_ERROR = 8;
const TRANSPORT_ERROR = 16;
const MEDIUM_ERROR_AT = 0x1234;

function say(what: string, seen: object): void {
  const at = Math.round(performance.now());
  process.stdout.write(`SEEN ${JSON.stringify({ what, at, ...seen })}\n`);
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

const word = (value: number) => [value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff];
const read10 = (lba: number, blocks: number) => [0x28, 0, ...word(lba), 0, blocks >> 8, blocks & 0xff, 0];
const write10 = (lba: number, blocks: number) => [0x2a, 0, ...word(lba), 0, blocks >> 8, blocks & 0xff, 0];
const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];

/** Commands that every personality fails, each in its own way. */
const FAILING: readonly [name: string, cdb: number[], dataIn: number][] = [
  ["an operation code that nobody has", [0xc1, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0],
  ["a VPD page that is not there", [0x12, 1, 0xee, 0, 96, 0], 96],
  ["a mode page that is not there", [0x1a, 0, 0x3b, 0, 96, 0], 96],
  ["a log page that is not there", [0x4d, 0, 0x7e, 0, 0, 0, 0, 0, 96, 0], 96],
  ["a read beyond the end", read10(0x7fffffff, 1), BLOCK],
  ["a long read beyond the end", [0x88, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0], BLOCK],
  ["a service action that is not there", [0x9e, 0x1d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0], 32],
];
/** Commands whose answer is the device's, byte for byte. */
const ANSWERED: readonly [name: string, cdb: number[], dataIn: number][] = [
  ["INQUIRY", [0x12, 0, 0, 0, 96, 0], 96],
  ["supported VPD pages", [0x12, 1, 0, 0, 252, 0], 252],
  ["device identification", [0x12, 1, 0x83, 0, 252, 0], 252],
  ["mode pages", [0x1a, 0, 0x3f, 0, 252, 0], 252],
  ["log pages", [0x4d, 0, 0x40, 0, 0, 0, 0, 0, 252, 0], 252],
  ["capacity", [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], 8],
  ["long capacity", [0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0], 32],
];

interface Served {
  readonly daemon: Daemon;
  readonly client: Initiator;
  readonly nodes: Readonly<Record<string, string>>;
}

/** A unit for each node of the device, at targets 1, 2, 3, and a memory disk beside them. */
async function serve(nodes: Record<string, string>): Promise<Served> {
  const passThrough = { timeout: TIMEOUT, filter: { allow: ["vendor"] } };
  const units = Object.values(nodes).map((path, index) => ({
    target: index + 1,
    type: "passthrough",
    backend: { type: "sg", path },
    passThrough,
  }));
  const memory = { target: MEMORY_TARGET, backend: { type: "memory", size: "1M" } };
  const adapters = [{ unitAddress: `0x${UNIT_ADDRESS.toString(16)}`, logicalUnits: [...units, memory] }];
  const daemon = await Daemon.start(checkConfig({ version: 1, adapters }, "driver"), createLogger("warn"));
  const found = daemon.partitions.client(UNIT_ADDRESS);
  if (found === undefined) throw new Error("no client");
  const client = new Initiator({ hypervisor: daemon.partitions.hypervisor, adapter: found.adapter, profile: LINUX });
  await client.connect();
  return { daemon, client, nodes };
}

/** Targets by how commands go to the device. */
function* ways({ nodes }: Served): Generator<[way: string, lun: bigint]> {
  for (const [index, way] of Object.keys(nodes).entries()) yield [way, deviceLun(index + 1)];
}

async function settle({ client }: Served, lun: bigint): Promise<void> {
  for (let tries = 0; tries < 8; tries++)
    if ((await client.command({ lun, cdb: TEST_UNIT_READY })).status === 0) return;
}

async function data(served: Served): Promise<void> {
  const { client, nodes } = served;
  const blocks = CHUNK / BLOCK;
  for (const [way, lun] of ways(served)) {
    const written = Array.from({ length: CHUNKS }, () => randomBytes(CHUNK));
    const lba = (index: number) => index * blocks;
    const writes = await Promise.all(
      written.map((dataOut, index) => client.command({ lun, cdb: write10(lba(index), blocks), dataOut })),
    );
    const reads = await Promise.all(
      written.map((_, index) => client.command({ lun, cdb: read10(lba(index), blocks), dataInLength: CHUNK })),
    );
    const direct = [sgRaw(nodes.sg ?? "", read10(0, blocks * CHUNKS), CHUNK * CHUNKS).data];
    const sum = (parts: readonly Uint8Array[]) =>
      createHash("sha256")
        .update(Buffer.concat([...parts]))
        .digest("hex");
    say("data", {
      way,
      statuses: [...new Set([...writes, ...reads].map(({ status }) => status))],
      written: sum(written),
      read: sum(reads.map(({ data }) => data)),
      direct: sum(direct),
    });
  }
}

async function answers(served: Served): Promise<void> {
  for (const [name, cdb, dataInLength] of ANSWERED) {
    const direct = sgRaw(served.nodes.sg ?? "", cdb, dataInLength);
    for (const [way, lun] of ways(served)) {
      const { data, dataInResidual, status } = await served.client.command({ lun, cdb, dataInLength });
      const through = data.subarray(0, dataInLength - dataInResidual);
      say("answer", { way, name, status, direct: hex(direct.data), through: hex(through) });
    }
  }
  for (const [name, cdb, dataInLength] of FAILING) await compareSense(served, name, cdb, dataInLength);
}

/** The sense data of one command: the device's, and what comes through each way to it. */
async function compareSense(served: Served, name: string, cdb: number[], dataInLength: number): Promise<void> {
  const direct = sgRaw(served.nodes.sg ?? "", cdb, dataInLength);
  for (const [way, lun] of ways(served)) {
    const { status, sense } = await served.client.command({ lun, cdb, ...(dataInLength > 0 && { dataInLength }) });
    say("sense", { way, name, status, direct: direct.sense, through: hex(sense) });
  }
}

/** Errors that scsi_debug makes. */
async function injected(served: Served): Promise<void> {
  await behave("opts", MEDIUM_ERROR);
  await compareSense(served, "medium error", read10(MEDIUM_ERROR_AT - 2, 8), 8 * BLOCK);
  await behave("every_nth", 1);
  for (const [name, opts] of [
    ["recovered error", RECOVERED_ERROR],
    ["transport error", TRANSPORT_ERROR],
  ] as const) {
    await behave("opts", opts);
    await compareSense(served, name, read10(0, 8), 8 * BLOCK);
  }
  await behave("every_nth", 0);
  await behave("opts", 0);
  for (const [way, lun] of ways(served)) {
    await settle(served, lun);
    const { status } = await served.client.command({ lun, cdb: read10(0, 8), dataInLength: 8 * BLOCK });
    say("after errors", { way, status });
  }
}

/** A command that the device never answers; beside it a disk that has nothing to do with it. */
async function timeouts(served: Served): Promise<void> {
  const { client } = served;
  for (const [way, lun] of ways(served)) {
    await behave("opts", IGNORED);
    await behave("every_nth", 1);
    const began = performance.now();
    let done = false;
    const hung = client.command({ lun, cdb: read10(0, 1), dataInLength: BLOCK }).then((result) => {
      done = true;
      return result;
    });
    let beside = 0;
    for (; beside < 100 && !done; beside++)
      await client.command({ lun: deviceLun(MEMORY_TARGET), cdb: read10(beside, 1), dataInLength: BLOCK });
    const stillHung = !done;
    const { status, sense } = await hung;
    const milliseconds = Math.round(performance.now() - began);
    await behave("every_nth", 0);
    await behave("opts", 0);
    await settle(served, lun);
    const after = await client.command({ lun, cdb: read10(0, 1), dataInLength: BLOCK });
    say("timeout", { way, status, sense: hex(sense), milliseconds, beside, stillHung, after: after.status });
  }
}

async function aborts(served: Served): Promise<void> {
  const { client } = served;
  for (const [way, lun] of ways(served)) {
    await behave("delay", SLOW);
    const slow = client.submit({ lun, cdb: read10(0, 1), dataInLength: BLOCK });
    const ended = slow.result.then(
      (result: CommandResult) => `status ${result.status}`,
      (error: RequestFailed) => error.reason,
    );
    await sleep(300);
    const began = performance.now();
    const code = await client.abort(slow);
    const milliseconds = Math.round(performance.now() - began);
    await behave("delay", 1);
    await settle(served, lun);
    const after = await client.command({ lun, cdb: read10(0, 1), dataInLength: BLOCK });
    say("abort", { way, code, ended: await ended, milliseconds, after: after.status });
  }
}

async function resets(served: Served): Promise<void> {
  const { client } = served;
  for (const [way, lun] of ways(served)) {
    await behave("delay", SLOW);
    const slow = client.submit({ lun, cdb: read10(0, 1), dataInLength: BLOCK });
    slow.result.catch(() => {});
    await sleep(300);
    const code = await client.taskManagement({ function: LUN_RESET, lun });
    await behave("delay", 1);
    const senses: string[] = [];
    for (let tries = 0; tries < 4; tries++)
      senses.push(hex((await client.command({ lun, cdb: TEST_UNIT_READY })).sense));
    say("reset", { way, code, senses });
  }
}

/** The daemon as it is installed: its command finds core, worker and library where the package has them. */
async function installed(nodes: Readonly<Record<string, string>>): Promise<void> {
  const units = [{ target: 1, type: "passthrough", backend: { type: "sg", path: nodes.sg } }];
  writeFileSync("/tmp/c.json", JSON.stringify({ version: 1, adapters: [{ unitAddress: "0x1", logicalUnits: units }] }));
  const command = ["dist/cli/main.js", "serve", "--config", "/tmp/c.json", "--control", "/tmp/c.sock"];
  const daemon = spawn("node", command, { stdio: ["ignore", "inherit", "inherit"] });
  const exit = once(daemon, "exit");
  while (!existsSync("/tmp/c.sock") && daemon.exitCode === null) await sleep(100);
  const status = execFileSync("node", ["dist/cli/main.js", "status", "--json", "--control", "/tmp/c.sock"], {
    encoding: "utf8",
  });
  daemon.kill("SIGTERM");
  say("installed", { status: JSON.parse(status), exit: (await exit)[0] });
}

/** Reads of one block and of 64 KiB, as many at a time as the way takes. */
async function speed(served: Served): Promise<void> {
  const { client } = served;
  await behave("delay", 0);
  for (const [way, lun] of ways(served))
    for (const blocks of [1, 128])
      for (const depth of [1, 16]) {
        const count = 400;
        const began = performance.now();
        let next = 0;
        const one = async () => {
          while (next++ < count)
            await client.command({
              lun,
              cdb: read10(0, blocks),
              dataInLength: blocks * BLOCK,
            } satisfies CommandRequest);
        };
        await Promise.all(Array.from({ length: depth }, one));
        say("speed", { way, blocks, depth, perSecond: Math.round(count / ((performance.now() - began) / 1000)) });
      }
  await behave("delay", 1);
}

async function personality(ptype: number, dsense: number, steps: readonly ((served: Served) => Promise<void>)[]) {
  const nodes = await loadDevice({ ptype, dsense, dev_size_mb: 16 });
  const served = await serve(nodes);
  say("personality", { ptype, dsense, nodes });
  for (const [, lun] of ways(served)) await settle(served, lun);
  for (const step of steps) await step(served);
  served.client.close();
  await served.daemon.stop();
  if (steps.includes(resets)) await installed(nodes);
  unloadDevice();
}

if (process.argv.includes("--speed")) await personality(0, 0, [speed]);
else {
  await personality(0, 0, [data, answers, injected, timeouts, aborts, resets]);
  await personality(0, 1, [answers, injected]);
  for (const ptype of [1, 5]) await personality(ptype, 0, [data, answers, injected, timeouts, aborts]);
}
say("end", {});
process.exit(0);
