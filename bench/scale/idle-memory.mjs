// What a daemon holds when nothing happens: run with --expose-gc, as a process of its own, it prints one JSON object.
// Usage: node --expose-gc bench/scale/idle-memory.mjs ADAPTERS UNITS BACKEND FOLDER
import { setTimeout as delay } from "node:timers/promises";
import { configuration } from "./configuration.mjs";
import { connect, startDaemon } from "./in-process.mjs";

const [adapters, units] = process.argv.slice(2, 4).map(Number);
const [backend, folder] = process.argv.slice(4);

async function held() {
  // A second collection frees what finalisers of the first let go.
  for (let round = 0; round < 2; round++) {
    globalThis.gc();
    await delay(20);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss };
}

const daemon = await startDaemon(configuration({ folder, adapters, units, backend }));
const idle = await held();
const clients = await connect(daemon);
for (const { initiator, luns } of clients)
  for (const lun of luns) await initiator.command({ lun, cdb: [0x12, 0, 0, 0, 36, 0], dataInLength: 36 });
const scanned = await held();
console.log(JSON.stringify({ idle, scanned }));
process.exit(0);
