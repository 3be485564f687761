import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { COMMAND_READ } from "../../src/abi/nbd.ts";
import { READ_10, STATUS_GOOD, STATUS_TASK_SET_FULL, SYNCHRONIZE_CACHE_10, WRITE_10 } from "../../src/abi/scsi.ts";
import { checkConfig } from "../../src/config/load.ts";
import { silentLog } from "../../src/core/log.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { Initiator } from "../../src/initiator/initiator.ts";
import { LINUX } from "../../src/initiator/profiles.ts";
import { reportLuns } from "../../src/initiator/scan.ts";
import { HandNbdServer, type HandRequest, simpleReply } from "../support/hand-nbd-server.ts";
import { requires } from "../support/requires.ts";

const SIZE = 1 << 20;
const UNIT_ADDRESS = 0x30000002;
const QUEUE_DEPTH = 64;
const REQUEST_LIMIT = 112;
const BLOCKS = 8;
const ROUNDS = 15;
/** One that has to wait for the hanging one has no bound at all; this one is for a busy machine. */
const RATIO_MOST = 3;
const READS_A_ROUND = 40;

const folder = mkdtempSync(join(tmpdir(), "vscsi-hung-"));
const socket = join(folder, "nbd.sock");
/** Requests that the server has taken, and does not answer while it hangs. */
const held: (() => void)[] = [];
let hangs = false;
const server = new HandNbdServer(SIZE, false, (request, connection) => {
  const answer = () => answerTo(request, connection);
  if (hangs) held.push(answer);
  else answer();
});
let daemon: Daemon | undefined;
let initiator: Initiator;
let [hung, file, memory, stopped]: bigint[] = [];
/** Serves an image as a file in a file system of its own, until it is stopped. */
let fuse: ChildProcess | undefined;
const fuseFile = join(folder, "fuse.img");
const canFuse = requires("qemu-storage-daemon") && existsSync("/dev/fuse") && process.getuid?.() === 0;

async function startFuse(): Promise<void> {
  const image = join(folder, "below.img");
  writeFileSync(image, Buffer.alloc(SIZE, "f"));
  writeFileSync(fuseFile, "");
  fuse = spawn("qemu-storage-daemon", [
    ...["--blockdev", `driver=file,node-name=below,filename=${image}`],
    ...["--export", `type=fuse,id=file,node-name=below,mountpoint=${fuseFile},writable=on`],
  ]);
  while (statSync(fuseFile).size !== SIZE) await new Promise((resolve) => setTimeout(resolve, 20));
}

function answerTo({ command, cookie, length }: HandRequest, connection: Socket): void {
  connection.write(simpleReply(cookie, 0, command === COMMAND_READ ? Buffer.alloc(length, "n") : undefined));
}

beforeAll(async () => {
  const image = join(folder, "disk.img");
  writeFileSync(image, "");
  truncateSync(image, SIZE);
  await server.listen(socket);
  // Longer than the test: nobody gives the server up.
  const patience = { timeout: 600_000, retryFor: 600_000 };
  const logicalUnits: object[] = [
    { target: 1, backend: { type: "nbd", uri: `nbd+unix:///?socket=${socket}`, ...patience } },
    { target: 2, backend: { type: "file", path: image } },
    { target: 3, backend: { type: "memory", size: SIZE } },
  ];
  if (canFuse) {
    await startFuse();
    logicalUnits.push({ target: 4, backend: { type: "file", path: fuseFile } });
  }
  const adapters = [{ unitAddress: `0x${UNIT_ADDRESS.toString(16)}`, requestLimit: REQUEST_LIMIT, logicalUnits }];
  daemon = await Daemon.start(checkConfig({ version: 1, adapters }, "test"), silentLog);
  const client = daemon.partitions.client(UNIT_ADDRESS);
  if (client === undefined) throw new Error("no client");
  initiator = new Initiator({ hypervisor: daemon.partitions.hypervisor, adapter: client.adapter, profile: LINUX });
  await initiator.connect();
  [hung, file, memory, stopped] = await reportLuns(initiator);
});

afterAll(async () => {
  await initiator?.close();
  await daemon?.stop();
  server.close();
  if (fuse !== undefined) {
    const gone = once(fuse, "exit");
    fuse.kill("SIGTERM");
    await gone;
  }
  rmSync(folder, { recursive: true });
});

afterEach(() => {
  // One that failed in the middle may have left it.
  fuse?.kill("SIGCONT");
});

function read(lun = 0n, block = 0) {
  const cdb = [READ_10, 0, 0, 0, block >>> 8, block & 0xff, 0, 0, BLOCKS, 0];
  return initiator.command({ lun, cdb, dataInLength: BLOCKS * 512 });
}

function write(lun = 0n, block = 0) {
  const cdb = [WRITE_10, 0, 0, 0, block >>> 8, block & 0xff, 0, 0, 1, 0];
  return initiator.command({ lun, cdb, dataOut: Buffer.alloc(512, "w") });
}

/** Median milliseconds of a read, with nothing else of ours under way. */
async function latency(lun: bigint | undefined): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < READS_A_ROUND; index++) {
    const start = performance.now();
    expect((await read(lun, index * BLOCKS)).status).toBe(STATUS_GOOD);
    times.push(performance.now() - start);
  }
  return median(times);
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
}

// Measuring: ratios of latencies within a round, and the median of the rounds.
test("a unit whose server hangs takes no more than its share, and the others are as fast as before", async () => {
  const ratios: { file: number[]; memory: number[] } = { file: [], memory: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const before = { file: await latency(file), memory: await latency(memory) };
    hangs = true;
    const asked = Array.from({ length: QUEUE_DEPTH + 20 }, (_, index) => read(hung, index));
    // Those for which there is no room are told at once, and the server has all the others.
    const refused = await Promise.all(asked.slice(QUEUE_DEPTH));
    expect(refused.map(({ status }) => status)).toEqual(Array(20).fill(STATUS_TASK_SET_FULL));
    await expect.poll(() => held.length).toBe(QUEUE_DEPTH);
    expect(initiator.credit).toBeGreaterThanOrEqual(REQUEST_LIMIT - QUEUE_DEPTH - 2);
    ratios.file.push((await latency(file)) / before.file);
    ratios.memory.push((await latency(memory)) / before.memory);
    expect(held.length).toBe(QUEUE_DEPTH);
    hangs = false;
    for (const answer of held.splice(0)) answer();
    // No command is lost: each has the data of its own.
    for (const { status, data } of await Promise.all(asked.slice(0, QUEUE_DEPTH)))
      expect([status, data[0]]).toEqual([STATUS_GOOD, "n".charCodeAt(0)]);
  }
  expect(median(ratios.file)).toBeLessThan(RATIO_MOST);
  expect(median(ratios.memory)).toBeLessThan(RATIO_MOST);
}, 60_000);

test.skipIf(!canFuse)(
  "a unit whose file system hangs leaves the others as fast as before, too",
  async () => {
    const ratios: { file: number[]; memory: number[] } = { file: [], memory: [] };
    for (let round = 0; round < ROUNDS; round++) {
      const before = { file: await latency(file), memory: await latency(memory) };
      fuse?.kill("SIGSTOP");
      // Writes: what was read before is in the page cache, whatever becomes of the file system.
      const asked = Array.from({ length: QUEUE_DEPTH }, (_, index) => write(stopped, index));
      let ended = 0;
      for (const each of asked) void each.then(() => ended++);
      ratios.file.push((await latency(file)) / before.file);
      ratios.memory.push((await latency(memory)) / before.memory);
      // Flushes of the others are not in its way either.
      expect(
        (await initiator.command({ lun: file ?? 0n, cdb: [SYNCHRONIZE_CACHE_10, ...Array(9).fill(0)] })).status,
      ).toBe(0);
      expect(ended).toBe(0);
      fuse?.kill("SIGCONT");
      for (const { status } of await Promise.all(asked)) expect(status).toBe(STATUS_GOOD);
      const { data } = await read(stopped, QUEUE_DEPTH - BLOCKS);
      expect([data[0], data[BLOCKS * 512 - 1]]).toEqual(["w".charCodeAt(0), "w".charCodeAt(0)]);
    }
    expect(median(ratios.file)).toBeLessThan(RATIO_MOST);
    expect(median(ratios.memory)).toBeLessThan(RATIO_MOST);
  },
  60_000,
);
