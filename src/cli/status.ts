import { Command } from "commander";
import { formatSize } from "../config/size.ts";
import { callDaemon } from "../control/client.ts";
import type { DaemonStatus, IscsiStatus } from "../control/results.ts";
import { controlOption } from "./options.ts";

/** `vscsi status`: what the running daemon serves, and to whom. */
export function statusCommand(): Command {
  return new Command("status")
    .description("Show what the running daemon serves, and to whom.")
    .addOption(controlOption())
    .option("--json", "print the whole answer as JSON")
    .action(async (flags: { control: string; json?: boolean }) => {
      const status = await callDaemon(flags.control, "status");
      process.stdout.write(flags.json ? `${JSON.stringify(status, null, 2)}\n` : formatStatus(status));
    });
}

/** The status for people: one line an adapter, one a logical unit below it. */
export function formatStatus(status: DaemonStatus): string {
  const lines = [
    `vscsi-target ${status.version}, core ${status.core}, up ${Math.round(status.uptimeSeconds)} s, pid ${status.pid}`,
  ];
  for (const adapter of status.adapters) {
    const client = adapter.client
      ? `client "${adapter.client.partitionName}" (partition ${adapter.client.partitionNumber}, ${adapter.client.osName})`
      : "no client identified";
    const place = adapter.guest ? `guest ${adapter.guest}` : "this process";
    lines.push(`adapter 0x${adapter.unitAddress.toString(16)} (${place}): ${adapter.state}, ${client}`);
    lines.push(`  requests ${adapter.requests}, outstanding ${adapter.outstanding} of ${adapter.requestLimit}`);
    for (const unit of adapter.logicalUnits)
      lines.push(
        `  bus ${unit.bus} target ${unit.target} lun ${unit.lun}: ${formatSize(unit.size)}${unit.readOnly ? ", read-only" : ""}, ${unit.description}`,
      );
  }
  if (status.metrics) lines.push(`metrics ${metricsAddress(status.metrics)}`);
  if (status.iscsi) lines.push(...iscsiLines(status.iscsi));
  return `${lines.join("\n")}\n`;
}

function metricsAddress(place: NonNullable<DaemonStatus["metrics"]>): string {
  if ("socket" in place) return place.socket;
  const host = place.address.includes(":") ? `[${place.address}]` : place.address;
  return `http://${host}:${place.port}/metrics`;
}

/** One line a portal, a target, and a session. */
function iscsiLines({ portals, targets, sessions }: IscsiStatus): string[] {
  return [
    ...portals.map(({ address, port, tag }) => `iSCSI portal ${address}:${port} (portal group ${tag})`),
    ...targets.flatMap((target) => [
      `iSCSI target ${target.name}: portal groups ${target.portalGroupTags.join(", ")}, authentication ${target.authentication}`,
      ...target.logicalUnits.map(
        ({ lun, size, readOnly, description }) =>
          `  lun ${lun}: ${formatSize(size)}${readOnly ? ", read-only" : ""}, ${description}`,
      ),
      ...sessions
        .filter((session) => session.target === target.name)
        .map(
          (session) =>
            `  session ${session.initiator} (ISID ${session.isid}) from ${session.connections.join(", ")}: commands ${session.commands}, outstanding ${session.outstanding}`,
        ),
    ]),
  ];
}
