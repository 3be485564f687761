// A daemon in this process, with a client for each of its adapters.
import { join, resolve } from "node:path";

const dist = resolve(import.meta.dirname, "../../dist");
const load = (path) => import(join(dist, path));
const { Daemon } = await load("daemon/daemon.js");
const { checkConfig } = await load("config/load.js");
const { Initiator } = await load("initiator/initiator.js");
const { LINUX } = await load("initiator/profiles.js");
const { deviceLun } = await load("initiator/lun.js");
const { silentLog } = await load("core/log.js");

export async function startDaemon(configuration) {
  return Daemon.start(checkConfig(configuration, "bench"), silentLog);
}

/** Connects a client to each adapter. @returns each with the LUNs that it sees */
export async function connect(daemon) {
  const { hypervisor } = daemon.partitions;
  const clients = [];
  for (const { unitAddress, logicalUnits } of daemon.status().adapters) {
    const { adapter } = daemon.partitions.client(unitAddress);
    const initiator = new Initiator({ hypervisor, adapter, profile: LINUX });
    await initiator.connect();
    clients.push({ initiator, luns: logicalUnits.map(({ bus, target, lun }) => deviceLun(target, bus, lun)) });
  }
  return clients;
}
