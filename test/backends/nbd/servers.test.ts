import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { NbdStore, type NbdStoreOptions } from "../../../src/backends/nbd/nbd-store.ts";
import { parseNbdUri } from "../../../src/backends/nbd/uri.ts";
import { silentLog } from "../../../src/core/log.ts";
import { SharedMemory } from "../../../src/core/shared-memory.ts";
import { NbdServer } from "../../support/nbd-server.ts";
import { requires } from "../../support/requires.ts";
import { StoreCalls } from "../../support/store-calls.ts";

const memory = new SharedMemory();
const SIZE = 16 << 20;
const MOST = 64 << 10;
const folder = mkdtempSync(join(tmpdir(), "vscsi-nbd-"));
const running: NbdServer[] = [];
const stores: NbdStore[] = [];
let count = 0;

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close().catch(() => {});
  for (const server of running.splice(0)) await server.kill();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A server on a fresh image; `command` is told the image and the socket. */
async function serve(command: (image: string, socket: string) => readonly string[]): Promise<NbdServer> {
  count++;
  const image = join(folder, `${count}.img`);
  writeFileSync(image, "");
  truncateSync(image, SIZE);
  const socket = join(folder, `${count}.sock`);
  const server = new NbdServer(socket, command(image, socket));
  running.push(server);
  await server.start();
  return server;
}

async function open(server: NbdServer, options: Partial<NbdStoreOptions> = {}): Promise<StoreCalls> {
  const address = parseNbdUri(server.uri);
  const all = {
    address,
    connections: 2,
    timeout: 5000,
    retryFor: 30000,
    log: silentLog,
    readOnly: false,
    blockSize: 512,
  };
  const store = await NbdStore.open(memory, { ...all, ...options });
  stores.push(store);
  return new StoreCalls(memory, store);
}

const QEMU = (image: string, socket: string) => [
  "qemu-nbd",
  "-f",
  "raw",
  "-e",
  "8",
  "-t",
  "--discard=unmap",
  "-k",
  socket,
  image,
];
const NBDKIT = (image: string, socket: string) => ["nbdkit", "-f", "-U", socket, "file", image];

/** A repeatable source of numbers. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/**
 * So many operations, eight at a time on regions of their own, compared with an array. `between` may do something to
 * the server every now and then.
 */
async function operate(calls: StoreCalls, operations: number, seed: number, between?: (done: number) => Promise<void>) {
  const LANES = 8;
  const region = SIZE / LANES;
  const model = new Uint8Array(SIZE);
  let done = 0;
  const lane = async (index: number) => {
    const next = random(seed + index);
    while (done < operations) {
      if (++done % 250 === 0) await between?.(done);
      const length = 512 * (1 + next(MOST / 512));
      const offset = index * region + 512 * next((region - length) / 512);
      const kind = next(10);
      const place = `seed ${seed}, operation ${done}, ${offset}+${length}`;
      if (kind < 4) {
        const found = await calls.read(offset, length);
        if (typeof found === "number" || Buffer.compare(found, model.subarray(offset, offset + length)) !== 0)
          throw new Error(`${place}: a read is not what was written (${typeof found === "number" ? found : "data"})`);
      } else if (kind < 8) {
        const data = new Uint8Array(length).fill(next(256));
        data[next(length)] = next(256);
        expect([place, await calls.write(offset, data, next(8) === 0)]).toEqual([place, 0]);
        model.set(data, offset);
      } else if (kind < 9) {
        expect([place, await calls.deallocate(offset, length)]).toEqual([place, 0]);
        model.fill(0, offset, offset + length);
      } else {
        expect([place, await calls.flush()]).toEqual([place, 0]);
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, index) => lane(index)));
  const all = await calls.read(0, SIZE);
  expect(typeof all === "number" ? all : Buffer.compare(all, model)).toBe(0);
}

describe.each([
  ["qemu-nbd", QEMU],
  ["nbdkit", NBDKIT],
])("%s", (name, command) => {
  test.skipIf(!requires(name))(
    "10,000 random operations agree with a model",
    async () => {
      await operate(await open(await serve(command)), 10_000, 1);
    },
    120_000,
  );

  test.skipIf(!requires(name))(
    "the same, while the server is killed and started again",
    async () => {
      const server = await serve(command);
      await operate(await open(server), 6000, 2, async () => {
        await server.kill();
        await pause(30);
        await server.start();
      });
    },
    120_000,
  );
});

describe.skipIf(!requires("nbdkit"))("nbdkit that", () => {
  const filtered = (filters: readonly string[]) => (image: string, socket: string) => [
    "nbdkit",
    "-f",
    "-U",
    socket,
    ...filters.map((filter) => `--filter=${filter.split(" ")[0]}`),
    "file",
    image,
    ...filters.flatMap((filter) => filter.split(" ").slice(1)),
  ];

  test("answers late: slower, and right", async () => {
    const calls = await open(await serve(filtered(["delay rdelay=20ms wdelay=30ms"])));
    await operate(calls, 300, 3);
  }, 60_000);

  test("fails every now and then: the errno arrives, and other operations are not disturbed", async () => {
    const calls = await open(await serve(filtered(["error error-pread=ENOSPC error-pread-rate=100%"])));
    expect(await calls.write(0, new Uint8Array(512).fill(1))).toBe(0);
    expect(await calls.read(0, 512)).toBe(-28);
    expect(await calls.flush()).toBe(0);
  });

  test("answers too late: connected to again, and failed in the end", async () => {
    const server = await serve(filtered(["delay rdelay=60"]));
    const calls = await open(server, { timeout: 200, retryFor: 900 });
    const begin = performance.now();
    expect(await calls.read(0, 512)).toBe(-5);
    expect(performance.now() - begin).toBeGreaterThan(850);
    expect(await calls.write(0, new Uint8Array(512))).toBe(0);
  });

  test("is read-only: is told at the start", async () => {
    const server = await serve((image, socket) => ["nbdkit", "-f", "-r", "-U", socket, "file", image]);
    await expect(open(server)).rejects.toThrow("the server serves it read-only: so must the unit");
    const calls = await open(server, { readOnly: true });
    expect(await calls.read(0, 512)).toEqual(new Uint8Array(512));
  });

  test("has no such export", async () => {
    const server = await serve((image, socket) => [
      "nbdkit",
      "-f",
      "-U",
      socket,
      "--filter=exportname",
      "file",
      image,
      "exportname-list=explicit",
      "exportname-strict=true",
      "exportname=there",
    ]);
    await expect(open(server)).rejects.toThrow(/the server refuses export "".*/);
  });
});

/** An authority of the test's own, and a certificate for localhost by it, as nbdkit wants them named. */
function makeCertificates(): string {
  const certificates = mkdtempSync(join(folder, "tls-"));
  const at = (name: string) => join(certificates, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "ignore" });
  const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...KEY,
    "-subj",
    "/CN=test",
    "-days",
    "2",
    "-keyout",
    at("ca-key.pem"),
    "-out",
    at("ca-cert.pem"),
  );
  openssl("req", ...KEY, "-subj", "/CN=localhost", "-keyout", at("server-key.pem"), "-out", at("server.csr"));
  writeFileSync(at("names"), "subjectAltName=DNS:localhost");
  const sign = ["-CA", at("ca-cert.pem"), "-CAkey", at("ca-key.pem"), "-CAcreateserial", "-extfile", at("names")];
  openssl("x509", "-req", "-in", at("server.csr"), ...sign, "-days", "2", "-out", at("server-cert.pem"));
  return certificates;
}

describe.skipIf(!requires("nbdkit") || !requires("openssl"))("TLS", () => {
  const secure = (uri: string) => parseNbdUri(uri.replace("nbd+unix", "nbds+unix"));

  test("to a server whose certificate is by an authority that is trusted, and to no other", async () => {
    const certificates = makeCertificates();
    const tls = ["--tls=require", `--tls-certificates=${certificates}`];
    const server = await serve((image, socket) => ["nbdkit", "-f", "-U", socket, ...tls, "file", image]);
    const ca = readFileSync(join(certificates, "ca-cert.pem"), "utf8");
    await operate(await open(server, { address: secure(server.uri), tls: { ca } }), 300, 4);
    await expect(open(server, { address: secure(server.uri) })).rejects.toThrow(/certificate/);
    await expect(open(server)).rejects.toThrow("wants TLS: use an nbds:// or nbds+unix:// URI");
  }, 60_000);

  test("from a server that has none", async () => {
    const server = await serve(NBDKIT);
    await expect(open(server, { address: secure(server.uri) })).rejects.toThrow(
      "the server has no TLS: use an nbd:// URI",
    );
  });
});
