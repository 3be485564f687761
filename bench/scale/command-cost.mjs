// The cost of one 4 KiB command, from the client's initiator to the unit and back, in this process.
import { configuration } from "./configuration.mjs";
import { connect, startDaemon } from "./in-process.mjs";

const BLOCK = 512;
const TRANSFER = 4096;
/** Transfers that a unit among many has room for. */
const PLACES = 4;
const READ_10 = 0x28;
const WRITE_10 = 0x2a;

/**
 * Compares a daemon of one adapter and one unit with a large one, in one run, in turns. Of the large one, one unit is
 * used ("amid"), or all of them in no order ("spread"). What is compared touches the same number of bytes.
 * Times are the processor's: others' work on the machine takes the clock's, not ours.
 * @returns microseconds a command, and ratios
 */
export async function commandCost({ adapters, units, depth, rounds, commands, backend = "memory", folder }) {
  const size = String(PLACES * TRANSFER);
  const small = await startDaemon(
    configuration({ folder: `${folder}/one`, adapters: 1, units: 1, size: String(units * PLACES * TRANSFER), backend }),
  );
  const large = await startDaemon(configuration({ folder: `${folder}/many`, adapters, units, size, backend }));
  const [one, many] = [await connect(small), await connect(large)];
  const middle = many[adapters >> 1];
  const inMiddle = { initiator: middle.initiator, luns: [middle.luns[middle.luns.length >> 1]] };
  const cases = {
    one: { clients: one, places: PLACES },
    amid: { clients: [inMiddle], places: PLACES },
    "one, as many bytes": { clients: one, places: units * PLACES },
    spread: { clients: many, places: PLACES },
  };
  await fill(one, units * PLACES);
  await fill(many, PLACES);
  // A slot, a buffer or a page of a client that is used first costs more than what is measured here.
  for (const client of [...one, ...many])
    for (const operation of ["read", "write", "read", "write"])
      await run(picks({ clients: [client], places: PLACES }, operation, depth, depth));
  const results = {};
  for (const operation of ["read", "write"]) {
    const times = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
    const names = Object.keys(cases);
    for (let round = -1; round < rounds; round++) {
      // Who comes first is another one each round: what the machine does besides hits all of them.
      for (let turn = 0; turn < names.length; turn++) {
        const name = names[(turn + round + 1) % names.length];
        const groups = picks(cases[name], operation, depth, commands);
        const begun = process.cpuUsage();
        await run(groups);
        const { user, system } = process.cpuUsage(begun);
        if (round >= 0) times[name].push((user + system) / commands);
      }
    }
    results[operation] = {
      microseconds: Object.fromEntries(names.map((name) => [name, median(times[name])])),
      // The fastest round of each: what disturbs a round only makes it slower.
      best: Math.min(...times.amid) / Math.min(...times.one),
      amid: spreadOf(times.amid.map((time, round) => time / times.one[round])),
      spread: spreadOf(times.spread.map((time, round) => time / times["one, as many bytes"][round])),
    };
  }
  await small.stop();
  await large.stop();
  return results;
}

/** Groups of `depth` commands for the same adapter, each group in no order. */
function picks({ clients, places }, operation, depth, commands) {
  const any = (list) => list[Math.floor(Math.random() * list.length)];
  return Array.from({ length: Math.ceil(commands / depth) }, () => {
    const { initiator, luns } = any(clients);
    return Array.from({ length: depth }, () => [
      initiator,
      request(operation, any(luns), Math.floor(Math.random() * places)),
    ]);
  });
}

const data = new Uint8Array(TRANSFER).fill(0x5a);

function request(operation, lun, place) {
  const blocks = TRANSFER / BLOCK;
  const lba = place * blocks;
  const opcode = operation === "read" ? READ_10 : WRITE_10;
  const cdb = [opcode, 0, lba >>> 24, (lba >> 16) & 0xff, (lba >> 8) & 0xff, lba & 0xff, 0, 0, blocks, 0];
  return operation === "read" ? { lun, cdb, dataInLength: TRANSFER } : { lun, cdb, dataOut: data };
}

async function run(groups) {
  for (const group of groups) {
    if (group.length === 1) good(await group[0][0].command(group[0][1]));
    else for (const result of await Promise.all(group.map(([initiator, one]) => initiator.command(one)))) good(result);
  }
}

function good({ status }) {
  if (status !== 0) throw new Error(`SCSI status ${status}`);
}

async function fill(clients, places) {
  for (const { initiator, luns } of clients)
    for (const lun of luns)
      for (let place = 0; place < places; place++) good(await initiator.command(request("write", lun, place)));
}

export function median(list) {
  return list.toSorted((a, b) => a - b)[list.length >> 1] ?? Number.NaN;
}

/** Median, and what a quarter of the rounds is below and above. */
function spreadOf(list) {
  const sorted = list.toSorted((a, b) => a - b);
  return { median: median(list), low: sorted[list.length >> 2], high: sorted[list.length - 1 - (list.length >> 2)] };
}
