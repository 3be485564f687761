import { randomBytes } from "node:crypto";
import { READ_10, READ_CAPACITY_10, SYNCHRONIZE_CACHE_10, WRITE_10 } from "../abi/scsi.ts";
import { checkConfig } from "../config/load.ts";
import { formatSize } from "../config/size.ts";
import { Daemon } from "../daemon/daemon.ts";
import { Initiator } from "../initiator/initiator.ts";
import { LINUX } from "../initiator/profiles.ts";
import { inquiry, reportLuns } from "../initiator/scan.ts";
import { createLogger } from "../observe/logger.ts";
import type { DemoFlags } from "./demo.ts";
import { DEFAULT_UNIT_ADDRESS } from "./options.ts";
import { stopSignal } from "./stop-signal.ts";

const LOCAL_UNIT_ADDRESS = 0x30000002;
const BLOCK_SIZE = 512;
const CHUNK_BLOCKS = 128;
const CHUNKS = 256;
const VERIFIED_BYTES = CHUNKS * CHUNK_BLOCKS * BLOCK_SIZE;

type Say = (text: string) => void;

/** What was seen, as `--json` prints it. */
interface Shown {
  core: string;
  /** SRP requests that the client may have outstanding. */
  requestLimit: number;
  disks: ShownDisk[];
}

interface ShownDisk {
  /** In hexadecimal. */
  lun: string;
  name: string;
  /** Bytes. */
  size: number;
  verifiedBytes: number;
  seconds: number;
}

/** Shows a daemon and a client of its own working, then serves on unless told otherwise. */
export async function runDemo(flags: DemoFlags): Promise<void> {
  const memoryDisk = { target: 1, backend: { type: "memory", size: "64M" } };
  const config = checkConfig(
    {
      version: 1,
      core: flags.core,
      control: flags.control,
      guests: [{ name: "guest", socket: flags.socket }],
      adapters: [
        { unitAddress: `0x${LOCAL_UNIT_ADDRESS.toString(16)}`, logicalUnits: [memoryDisk] },
        { unitAddress: DEFAULT_UNIT_ADDRESS, guest: "guest", logicalUnits: [memoryDisk] },
      ],
    },
    "demo",
  );
  const daemon = await Daemon.start(config, createLogger("warn"));
  try {
    const say = flags.json ? () => {} : print;
    const shown = await show(daemon, flags.core, say);
    if (flags.json) print(JSON.stringify(shown, null, 2));
    if (flags.once) return;
    say(`
Serving on; Ctrl-C stops. In another terminal, from this folder:
  npx vscsi status                      what is served, and to whom
  scripts/system-packages               (once, as root) QEMU and a C compiler
  npm run build:bridge                  (once) the bridge that QEMU loads
  npx vscsi guest                       boot a Debian guest whose /dev/sda is the second memory disk
  npx vscsi serve --help                serve images and block devices of your own`);
    await stopSignal();
  } finally {
    await daemon.stop();
  }
}

/** Logs in, finds the disk, writes random data over a part of it, reads it back and compares. @throws on a difference */
async function show(daemon: Daemon, core: string, say: Say): Promise<Shown> {
  const client = daemon.partitions.client(LOCAL_UNIT_ADDRESS);
  if (!client) throw new Error("the demo's own client partition is missing");
  const initiator = new Initiator({
    hypervisor: daemon.partitions.hypervisor,
    adapter: client.adapter,
    profile: LINUX,
  });
  await initiator.connect();
  say(
    `A daemon (core: ${core}) and, in another partition of its software hypervisor, a client with the habits of Linux.`,
  );
  say(`  login      ${initiator.credit} requests may be outstanding`);
  const disks: ShownDisk[] = [];
  for (const lun of await reportLuns(initiator)) {
    const { data } = await inquiry(initiator, lun);
    const name = Buffer.from(data).toString("latin1", 8, 36);
    const capacity = new DataView(
      Uint8Array.from(
        (await initiator.command({ lun, cdb: [READ_CAPACITY_10, 0, 0, 0, 0, 0, 0, 0, 0, 0], dataInLength: 8 })).data,
      ).buffer,
    );
    const size = (capacity.getUint32(0) + 1) * capacity.getUint32(4);
    say(`  found      LUN ${lun.toString(16)}: "${name}", ${formatSize(size)}`);
    const seconds = await writeAndVerify(initiator, lun);
    say(
      `  verified   ${formatSize(VERIFIED_BYTES)} of random data written, synchronised and read back in ${seconds.toFixed(2)} s`,
    );
    disks.push({ lun: lun.toString(16), name, size, verifiedBytes: VERIFIED_BYTES, seconds });
  }
  await initiator.close();
  return { core, requestLimit: initiator.credit, disks };
}

/** @returns seconds that it took */
async function writeAndVerify(initiator: Initiator, lun: bigint): Promise<number> {
  const written: Buffer[] = [];
  const length = CHUNK_BLOCKS * BLOCK_SIZE;
  const started = performance.now();
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const data = randomBytes(length);
    written.push(data);
    await expectGood(initiator.command({ lun, cdb: transferCdb(WRITE_10, chunk), dataOut: data }));
  }
  await expectGood(initiator.command({ lun, cdb: [SYNCHRONIZE_CACHE_10, 0, 0, 0, 0, 0, 0, 0, 0, 0] }));
  for (const [chunk, data] of written.entries()) {
    const result = await expectGood(initiator.command({ lun, cdb: transferCdb(READ_10, chunk), dataInLength: length }));
    if (!data.equals(result.data)) throw new Error(`chunk ${chunk} reads back differently from what was written`);
  }
  return (performance.now() - started) / 1000;
}

function transferCdb(opcode: number, chunk: number): number[] {
  const lba = chunk * CHUNK_BLOCKS;
  return [opcode, 0, lba >>> 24, (lba >> 16) & 0xff, (lba >> 8) & 0xff, lba & 0xff, 0, 0, CHUNK_BLOCKS, 0];
}

async function expectGood<Result extends { status: number }>(command: Promise<Result>): Promise<Result> {
  const result = await command;
  if (result.status !== 0) throw new Error(`the disk answered with SCSI status ${result.status}`);
  return result;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
