import { execFile, execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, expect, test } from "vitest";
import { NbdStore } from "../../../src/backends/nbd/nbd-store.ts";
import { parseNbdUri } from "../../../src/backends/nbd/uri.ts";
import { silentLog } from "../../../src/core/log.ts";
import { SharedMemory } from "../../../src/core/shared-memory.ts";
import { extents } from "../../support/modelled-store.ts";
import { NbdServer } from "../../support/nbd-server.ts";
import { requires } from "../../support/requires.ts";
import { StoreCalls } from "../../support/store-calls.ts";

const memory = new SharedMemory();
const SIZE = 16 << 20;
const folder = mkdtempSync(join(tmpdir(), "vscsi-nbd-"));
const running: NbdServer[] = [];
const stores: NbdStore[] = [];
let count = 0;

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const server of running.splice(0)) await server.kill();
});
afterAll(() => rmSync(folder, { recursive: true }));

async function serve(command: (socket: string) => readonly string[]): Promise<NbdServer> {
  const socket = join(folder, `${++count}.sock`);
  const server = new NbdServer(socket, command(socket));
  running.push(server);
  await server.start();
  return server;
}

async function open(server: NbdServer, readOnly = false): Promise<NbdStore> {
  const address = parseNbdUri(server.uri);
  const limits = { connections: 2, timeout: 5000, retryFor: 30000 };
  const store = await NbdStore.open(memory, { address, ...limits, log: silentLog, readOnly, blockSize: 512 });
  stores.push(store);
  return store;
}

/** What QEMU's own client is told by the same server, in the form of ours. */
async function judged(server: NbdServer) {
  const map = await promisify(execFile)("qemu-img", ["map", "--output=json", "-f", "raw", server.uri]);
  const found: { offset: number; length: number; allocated: boolean }[] = [];
  for (const { start, length, zero, data } of JSON.parse(map.stdout) as Record<string, number | boolean>[]) {
    const allocated = !(zero && !data);
    const last = found.at(-1);
    if (last?.allocated === allocated) last.length += Number(length);
    else found.push({ offset: Number(start), length: Number(length), allocated });
  }
  return found;
}

/** A file of `pieces` of data in a hole. */
function sparse(pieces: readonly number[]): string {
  const path = join(folder, `${++count}.img`);
  const fd = openSync(path, "w");
  ftruncateSync(fd, SIZE);
  for (const offset of pieces) writeSync(fd, Buffer.alloc(65536, 1), 0, 65536, offset);
  closeSync(fd);
  return path;
}

const QEMU = ["qemu-nbd", "-t", "-e", "8", "--discard=unmap"];
const PIECES = [0, 1 << 20, 5 << 20, SIZE - 65536];

test.skipIf(!requires("qemu-nbd"))("a sparse file behind qemu-nbd", async () => {
  const server = await serve((socket) => [...QEMU, "-f", "raw", "-k", socket, sparse(PIECES)]);
  const found = await extents(await open(server));
  expect(found.filter(({ allocated }) => allocated)).toEqual(
    PIECES.map((offset) => ({ offset, length: 65536, allocated: true })),
  );
  expect(found).toEqual(await judged(server));
});

test.skipIf(!requires("qemu-nbd"))("a qcow2 image, before and after blocks are given back", async () => {
  const image = join(folder, `${++count}.qcow2`);
  execFileSync("qemu-img", ["convert", "-O", "qcow2", sparse(PIECES), image]);
  const server = await serve((socket) => [...QEMU, "-f", "qcow2", "-k", socket, image]);
  const store = await open(server);
  expect(await extents(store)).toEqual(await judged(server));
  const calls = new StoreCalls(memory, store);
  expect(await calls.write(8 << 20, new Uint8Array(131072).fill(7))).toBe(0);
  expect(await calls.deallocate(1 << 20, 65536)).toBe(0);
  const found = await extents(store);
  expect(found.filter(({ allocated }) => allocated)).toEqual([
    { offset: 0, length: 65536, allocated: true },
    { offset: 5 << 20, length: 65536, allocated: true },
    { offset: 8 << 20, length: 131072, allocated: true },
    { offset: SIZE - 65536, length: 65536, allocated: true },
  ]);
  expect(found).toEqual(await judged(server));
});

test.skipIf(!requires("nbdkit"))("nbdkit's data plugin", async () => {
  const server = await serve((socket) => [
    "nbdkit",
    "-f",
    "-U",
    socket,
    "data",
    "size=16M",
    "data=1 @0x100000 2 @0x500000 3",
  ]);
  const found = await extents(await open(server));
  expect(found.filter(({ allocated }) => allocated).map(({ offset }) => offset)).toEqual([0, 0x10_0000, 0x50_0000]);
  expect(found).toEqual(await judged(server));
});

test.skipIf(!requires("nbdkit"))("nbdkit's sparse random disk: what is free reads as zeros", async () => {
  const random = ["sparse-random", "size=64M", "seed=1", "percent=5", "runlength=262144", "random-content=true"];
  const server = await serve((socket) => ["nbdkit", "-f", "-U", socket, ...random]);
  const store = await open(server);
  const found = await extents(store);
  expect(found.length).toBeGreaterThan(5);
  expect(found).toEqual(await judged(server));
  const calls = new StoreCalls(memory, store);
  for (const { offset, length, allocated } of found) {
    const read = await calls.read(offset, Math.min(length, 1 << 20));
    expect(typeof read !== "number" && read.some((byte) => byte !== 0)).toBe(allocated);
  }
});
