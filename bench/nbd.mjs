// Our NBD client on a server that has a file, beside our file backend on the same file: microseconds an operation, and
// processor time of it in this process and in the server. The least of several rounds in turns, since others disturb.
//   node bench/nbd.mjs [--server nbdkit|qemu-nbd] [--connections 4] [--rounds 6]
// Needs `npm run build`.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { FileStore } from "../dist/backends/file.js";
import { NbdStore } from "../dist/backends/nbd/nbd-store.js";
import { parseNbdUri } from "../dist/backends/nbd/uri.js";
import { silentLog } from "../dist/core/log.js";
import { SharedMemory } from "../dist/core/shared-memory.js";

const { values } = parseArgs({
  options: {
    server: { type: "string", default: "nbdkit" },
    connections: { type: "string", default: "4" },
    rounds: { type: "string", default: "6" },
  },
});
const LOADS = [
  { name: "read 4K QD1", bytes: 4096, depth: 1, operations: 3000 },
  { name: "write 4K QD1", writes: true, bytes: 4096, depth: 1, operations: 3000 },
  { name: "read 4K QD16", bytes: 4096, depth: 16, operations: 8000 },
  { name: "write 4K QD16", writes: true, bytes: 4096, depth: 16, operations: 8000 },
  { name: "read 64K QD1", bytes: 65536, depth: 1, operations: 1500 },
  { name: "write 64K QD1", writes: true, bytes: 65536, depth: 1, operations: 1500 },
];
const DISK_BYTES = 48 * 2 ** 20;
const TICK_US = 10_000;
const PENDING = 1;

const folder = mkdtempSync(join(tmpdir(), "vscsi-bench-"));
const image = join(folder, "disk.img");
const socket = join(folder, "nbd.sock");
writeFileSync(image, Buffer.alloc(DISK_BYTES, 7));
const unlocked = `json:${JSON.stringify({ driver: "raw", file: { driver: "file", filename: image, locking: "off" } })}`;
const SERVERS = { nbdkit: ["-f", "-U", socket, "file", image], "qemu-nbd": ["-t", "-e", "8", "-k", socket, unlocked] };
const server = spawn(values.server, SERVERS[values.server], { stdio: ["ignore", "inherit", "inherit"] });

const memory = new SharedMemory();
const buffers = memory.allocate(16 * 65536);
try {
  while (!existsSync(socket)) await new Promise((done) => setTimeout(done, 20));
  const nbd = await NbdStore.open(memory, {
    address: parseNbdUri(`nbd+unix:///?socket=${socket}`),
    connections: Number(values.connections),
    timeout: 10_000,
    retryFor: 25_000,
    readOnly: false,
    blockSize: 512,
    log: silentLog,
  });
  const file = new FileStore(memory, image, false, silentLog);
  console.log(
    `${values.server}, ${values.connections} connections; µs: elapsed, processor here, processor of the server`,
  );
  for (const load of LOADS) {
    const [remote, local] = [{}, {}];
    for (let round = 0; round < Number(values.rounds); round++) {
      keepLeast(remote, await run(nbd, load));
      keepLeast(local, await run(file, load));
    }
    const text = (value) => value.toFixed(1).padStart(6);
    const { elapsed, here, there } = remote;
    console.log(
      `${load.name.padEnd(14)} ${text(elapsed)} ${text(here)} ${text(there)}   the file itself ${text(local.elapsed)}`,
    );
  }
  await nbd.close();
  await file.close();
} finally {
  server.kill();
  rmSync(folder, { recursive: true });
}

function keepLeast(least, found) {
  for (const [key, value] of Object.entries(found))
    least[key] = Math.min(least[key] ?? Number.POSITIVE_INFINITY, value);
}

/** Microseconds of processor time that the server has had. */
function serverTime() {
  const fields = readFileSync(`/proc/${server.pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

function run(store, { writes = false, bytes, depth, operations }) {
  return new Promise((done) => {
    let begun = 0;
    let ended = 0;
    const [start, here, there] = [performance.now(), process.cpuUsage(), serverTime()];
    const finish = () => {
      const { user, system } = process.cpuUsage(here);
      const elapsed = (performance.now() - start) * 1000;
      done({
        elapsed: elapsed / operations,
        here: (user + system) / operations,
        there: (serverTime() - there) / operations,
      });
    };
    const next = (slot) => {
      while (begun < operations) {
        begun++;
        const offset = Math.floor(Math.random() * (DISK_BYTES / bytes)) * bytes;
        const result = writes
          ? store.write(offset, slot.address, bytes, false, slot)
          : store.read(offset, slot.address, bytes, slot);
        if (result === PENDING) return;
        ended++;
      }
      if (ended === operations) finish();
    };
    for (let index = 0; index < depth; index++)
      next({
        address: buffers + index * 65536,
        storeDone() {
          ended++;
          next(this);
        },
      });
  });
}
