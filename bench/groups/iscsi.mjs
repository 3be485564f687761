// Our iSCSI portal and Debian's tgtd, on one file, with an initiator that is nobody's of the two.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort, run, startServer } from "../../scripts/lib/processes.mjs";

const CLI = resolve(import.meta.dirname, "../../dist/cli/main.js");
const ADDRESS = "127.0.0.1";
const TARGET = "iqn.2026-11.net.example:bench";
const IMAGE_BYTES = 256 << 20;
/** Seconds of a round: iscsi-perf counts whole ones. */
const SECONDS = "1";
const ROUNDS_MOST = 9;
/** Which tgtd of the machine's a tgtadm speaks to. */
const TGTD_CONTROL_PORT = "2";

const LOADS = [
  { name: "random 4 KiB reads, QD 32, iscsi-perf", args: ["-r", "-m", "32", "-b", "8"] },
  { name: "sequential 256 KiB reads, QD 8, iscsi-perf", args: ["-m", "8", "-b", "512"] },
];

const has = (command, ...args) => spawnSync(command, args, { stdio: "ignore" }).error === undefined;

/** I/O per second that iscsi-perf tells at its end. */
function iscsiPerf(args, url) {
  const output = run("iscsi-perf", [...args, "-t", SECONDS, url]);
  const rates = [...output.matchAll(/iops average (\d+)/g)];
  const rate = Number(rates.at(-1)?.[1]);
  if (!(rate > 0)) throw new Error(`iscsi-perf told no rate:\n${output}`);
  return rate;
}

async function servePortal(folder, image) {
  const control = join(folder, "control.sock");
  const lun = { lun: 0, backend: { type: "file", path: image } };
  const iscsi = { portals: [{ port: 0 }], targets: [{ name: TARGET, luns: [lun] }] };
  const file = join(folder, "config.json");
  writeFileSync(file, JSON.stringify({ version: 1, control, stateDirectory: join(folder, "state"), iscsi }));
  let port;
  const stop = await startServer({
    command: process.execPath,
    args: [CLI, "serve", "--config", file],
    log: join(folder, "portal.log"),
    answers() {
      try {
        const status = JSON.parse(run(process.execPath, [CLI, "status", "--json", "--control", control]));
        port = status.iscsi.portals[0].port;
        return true;
      } catch {
        return false;
      }
    },
  });
  return { url: `iscsi://${ADDRESS}:${port}/${TARGET}/0`, stop };
}

async function serveTgtd(folder, image) {
  const port = await freePort();
  const sockets = join(folder, "tgtd");
  mkdirSync(sockets);
  const env = { ...process.env, TGT_IPC_SOCKET: join(sockets, "socket") };
  const tgtadm = (...args) => run("tgtadm", ["-C", TGTD_CONTROL_PORT, "--lld", "iscsi", ...args], env);
  const stop = await startServer({
    command: "tgtd",
    args: ["-f", "-C", TGTD_CONTROL_PORT, "--iscsi", `portal=${ADDRESS}:${port}`],
    log: join(folder, "tgtd.log"),
    env,
    answers() {
      try {
        tgtadm("--op", "show", "--mode", "target");
        return true;
      } catch {
        return false;
      }
    },
  });
  try {
    tgtadm("--op", "new", "--mode", "target", "--tid", "1", "--targetname", TARGET);
    // LUN 0 is tgtd's own.
    tgtadm("--op", "new", "--mode", "logicalunit", "--tid", "1", "--lun", "1", "--backing-store", image);
    tgtadm("--op", "bind", "--mode", "target", "--tid", "1", "--initiator-address", "ALL");
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `iscsi://${ADDRESS}:${port}/${TARGET}/1`, stop };
}

/** @type {import("../main.mjs").Group} */
export const iscsi = {
  name: "iscsi",
  title: "iSCSI: our portal and tgtd on one file; a command's time",
  async *cases({ wanted, skip }) {
    const loads = LOADS.filter(({ name }) => wanted(name));
    if (loads.length === 0) return;
    if (!has("iscsi-perf")) return skip("all of it", "there is no iscsi-perf (libiscsi-bin)");
    const folder = mkdtempSync(join(tmpdir(), "vscsi-bench-"));
    const image = join(folder, "disk.img");
    writeFileSync(image, Buffer.alloc(IMAGE_BYTES, 0x5a));
    const servers = {};
    try {
      servers.portal = await servePortal(folder, image);
      if (!has("tgtd", "-V")) skip("tgtd", "it is not installed (tgt)");
      else if (process.getuid?.() !== 0) skip("tgtd", "it runs as root only");
      else servers.tgtd = await serveTgtd(folder, image);
      for (const { name, args } of loads)
        yield {
          name,
          sides: Object.fromEntries(
            Object.entries(servers).map(([side, { url }]) => [side, () => 1e9 / iscsiPerf(args, url)]),
          ),
          ratios: [["tgtd", "portal"]],
          roundsMost: ROUNDS_MOST,
          perSecond: true,
        };
    } finally {
      for (const { stop } of Object.values(servers)) await stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
