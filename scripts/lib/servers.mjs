// @ts-check
// The iSCSI targets that the suite judges, each serving every shape: our daemon, and tgtd for comparison.
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { freePort, run, startServer } from "./processes.mjs";
import { UNIT_SIZE } from "./shapes.mjs";

/**
 * @typedef {import("./shapes.mjs").Shape} Shape
 *
 * @typedef {object} Served
 * @property {(shape: Shape) => string[]} urls one a portal
 * @property {() => Promise<void>} stop
 */

const CLI = resolve(import.meta.dirname, "../../dist/cli/main.js");
const ADDRESS = "127.0.0.1";

/** @param {Shape} shape */
const targetName = ({ name }) => `iqn.2026-11.net.example:${name}`;

/**
 * An image file that is all hole.
 *
 * @param {string} folder
 * @param {Shape} shape
 */
function makeImage(folder, { name }) {
  const path = join(folder, `${name}.img`);
  writeFileSync(path, "");
  truncateSync(path, UNIT_SIZE);
  return path;
}

/**
 * Our daemon, as a user starts it.
 *
 * @param {string} folder for its files
 * @param {readonly Shape[]} shapes
 * @returns {Promise<Served>}
 */
export async function serveWithVscsi(folder, shapes) {
  const control = join(folder, "control.sock");
  const config = {
    version: 1,
    control,
    stateDirectory: join(folder, "state"),
    iscsi: {
      portals: [{ port: 0 }, { port: 0 }],
      targets: shapes.map((shape) => ({
        name: targetName(shape),
        luns: [
          {
            lun: 0,
            ...(shape.medium === false ? {} : { backend: { type: "file", path: makeImage(folder, shape) } }),
            ...shape.unit,
          },
        ],
      })),
    },
  };
  const file = join(folder, "config.json");
  writeFileSync(file, JSON.stringify(config, undefined, 2));
  /** @type {{ iscsi?: { portals: { port: number }[] } } | undefined} */
  let status;
  const answers = () => {
    try {
      status = JSON.parse(run(process.execPath, [CLI, "status", "--json", "--control", control]));
      return true;
    } catch {
      return false;
    }
  };
  const args = [CLI, "serve", "--config", file];
  const stop = await startServer({ command: process.execPath, args, log: join(folder, "vscsi.log"), answers });
  const ports = (status?.iscsi?.portals ?? []).map(({ port }) => port);
  return { urls: (shape) => urlsOf(shape, ports, 0), stop };
}

/** tgtd keeps LUN 0 of each target for itself. */
const TGTD_LUN = 1;
/** Which tgtd of the machine's a tgtadm speaks to; they share no socket, since ours is in our folder. */
const TGTD_CONTROL_PORT = "1";

/**
 * Debian's tgtd. Needs root, as it always does.
 *
 * @param {string} folder for its files
 * @param {readonly Shape[]} shapes
 * @returns {Promise<Served>}
 */
export async function serveWithTgtd(folder, shapes) {
  const ports = [await freePort(), await freePort()];
  const sockets = join(folder, "tgtd");
  mkdirSync(sockets);
  const env = { ...process.env, TGT_IPC_SOCKET: join(sockets, "socket") };
  /** @param {string[]} args */
  const tgtadm = (...args) => run("tgtadm", ["-C", TGTD_CONTROL_PORT, "--lld", "iscsi", ...args], env);
  const stop = await startServer({
    command: "tgtd",
    args: ["-f", "-C", TGTD_CONTROL_PORT, "--iscsi", ports.map((port) => `portal=${ADDRESS}:${port}`).join(",")],
    log: join(folder, "tgtd.log"),
    answers: () => {
      try {
        tgtadm("--op", "show", "--mode", "target");
        return true;
      } catch {
        return false;
      }
    },
    env,
  });
  try {
    for (const [index, shape] of shapes.entries()) {
      const tid = ["--tid", String(index + 1)];
      const unit = ["--mode", "logicalunit", ...tid, "--lun", String(TGTD_LUN)];
      const { params, ...options } = shape.tgtd;
      const flags = Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)]);
      tgtadm("--op", "new", "--mode", "target", ...tid, "--targetname", targetName(shape));
      tgtadm("--op", "new", ...unit, "--backing-store", makeImage(folder, shape), ...flags);
      if (params) tgtadm("--op", "update", ...unit, "--params", String(params));
      tgtadm("--op", "bind", "--mode", "target", ...tid, "--initiator-address", "ALL");
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { urls: (shape) => urlsOf(shape, ports, TGTD_LUN), stop };
}

/**
 * @param {Shape} shape
 * @param {readonly number[]} ports
 * @param {number} lun
 */
function urlsOf(shape, ports, lun) {
  return ports.slice(0, shape.portals ?? 1).map((port) => `iscsi://${ADDRESS}:${port}/${targetName(shape)}/${lun}`);
}
