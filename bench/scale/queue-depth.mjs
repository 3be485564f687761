// The cost of a command by how many of them are under way.
import { READ_10 } from "../../dist/abi/scsi.js";
import { MemoryStore } from "../../dist/backends/memory.js";
import { BLOCK, LoadClient, serveDisk } from "../lib/served-client.mjs";

const TRANSFER = 4096;
const DISK_BYTES = 1 << 24;

/**
 * One client and one memory disk for each depth, in one run, in turns.
 * @param {{ depths: readonly number[], rounds: number, commands: number }} options commands of a round
 * @returns {Promise<Map<number, number[]>>} processor's microseconds a command, by depth, of each round
 */
export async function queueDepthCost({ depths, rounds, commands }) {
  const lbas = Array.from(
    { length: commands },
    () => Math.floor(Math.random() * (DISK_BYTES / TRANSFER)) * (TRANSFER / BLOCK),
  );
  const clients = [];
  for (const depth of depths) {
    const served = serveDisk("wasm", (memory) => new MemoryStore(memory, DISK_BYTES), Math.max(...depths));
    const client = new LoadClient(served, { depth, bytes: TRANSFER });
    await client.connect();
    clients.push({ depth, client });
  }
  const times = new Map(depths.map((depth) => [depth, []]));
  for (let round = -1; round < rounds; round++) {
    for (let turn = 0; turn < clients.length; turn++) {
      const { depth, client } = clients[(turn + round + 1) % clients.length];
      const begun = process.cpuUsage();
      await client.run(READ_10, lbas, commands);
      const { user, system } = process.cpuUsage(begun);
      // The first one warms up.
      if (round >= 0) times.get(depth).push((user + system) / commands);
    }
  }
  return times;
}
