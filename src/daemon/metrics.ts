import type { IscsiSessionStatus, IscsiStatus } from "../control/results.ts";
import type { Log } from "../core/log.ts";
import type { MetricsPlace, MetricsServer } from "../observe/metrics-server.ts";
import { type Labels, type MetricGroup, OpenMetricsText, type Sample } from "../observe/open-metrics.ts";
import { PROCESS_METRICS } from "../observe/process-metrics.ts";
import type { LogicalUnit } from "../scsi/logical-unit.ts";
import type { CommandCounters } from "../scsi/statistics.ts";
import type { ServerAdapter } from "../target/server-adapter.ts";
import type { Places } from "./places.ts";
import type { SharedUnits } from "./shared-units.ts";

/** An adapter, as metrics name it. */
export interface MeasuredAdapter {
  readonly adapter: ServerAdapter;
  readonly unitAddress: number;
  /** Undefined for a client in the daemon's own process. */
  readonly guest?: string | undefined;
  readonly requestLimit: number;
}

/** A logical unit, as metrics name it. */
export interface MeasuredUnit {
  readonly unit: LogicalUnit;
  /** Its name, or its place: unique in the daemon. */
  readonly name: string;
}

/** What the daemon tells when it is scraped. */
export interface MeasuredDaemon {
  readonly version: string;
  readonly core: string;
  readonly adapters: Iterable<MeasuredAdapter>;
  readonly units: Iterable<MeasuredUnit>;
  readonly iscsi: IscsiStatus | undefined;
}

/** Who is scraped. */
interface Measured {
  measure(): MeasuredDaemon;
  /** What is wrong with it; undefined when it serves. */
  readonly ailment: string | undefined;
}

/** Serves `/metrics` and `/healthz`. @throws SocketError */
export async function serveMetrics(place: MetricsPlace, daemon: Measured, log: Log): Promise<MetricsServer> {
  // Few daemons are scraped: the others start without an HTTP server.
  const { MetricsServer } = await import("../observe/metrics-server.ts");
  const source = { metrics: () => openMetrics(daemon.measure()), ailment: () => daemon.ailment };
  return MetricsServer.listen(place, source, log);
}

/** Every unit of the daemon, under its name or the first place where it is shown. */
export function measuredUnits(units: SharedUnits, places: Places): MeasuredUnit[] {
  const names = units.names();
  const firstPlaces = places.firstPlaces();
  return [...units.all].map((unit) => ({
    unit,
    name: names.get(unit) ?? firstPlaces.get(unit) ?? unit.description,
  }));
}

function openMetrics(daemon: MeasuredDaemon): string {
  const iscsi = daemon.iscsi ?? { targets: [], sessions: [] };
  return new OpenMetricsText()
    .add({ metrics: BUILD_METRICS, subjects: [daemon], labels: () => NO_LABELS })
    .add(PROCESS_METRICS)
    .add({ metrics: ADAPTER_METRICS, subjects: daemon.adapters, labels: adapterLabels })
    .add({ metrics: UNIT_METRICS, subjects: daemon.units, labels: ({ name }) => ({ unit: name }) })
    .add({ metrics: targetMetrics(iscsi.sessions), subjects: iscsi.targets, labels: ({ name }) => ({ target: name }) })
    .add({ metrics: SESSION_METRICS, subjects: iscsi.sessions, labels: sessionLabels })
    .end();
}

const NO_LABELS: Labels = {};

type MetricsOf<Subject> = MetricGroup<Subject>["metrics"];

function one(value: number): Sample[] {
  return [{ value }];
}

const BUILD_METRICS: MetricsOf<MeasuredDaemon> = [
  {
    type: "info",
    name: "vscsi_build",
    help: "Version of vscsi-target, and which implementation of the hot path it runs.",
    read: ({ version, core }) => [{ labels: { version, core }, value: 1 }],
  },
];

function adapterLabels({ guest, unitAddress }: MeasuredAdapter): Labels {
  return { guest, adapter: `0x${unitAddress.toString(16)}` };
}

const ADAPTER_METRICS: MetricsOf<MeasuredAdapter> = [
  {
    type: "gauge",
    name: "vscsi_adapter_logged_in",
    help: "1 while a client is logged in.",
    read: ({ adapter }) => one(adapter.state === "logged-in" ? 1 : 0),
  },
  {
    type: "gauge",
    name: "vscsi_adapter_request_limit",
    help: "Requests that the client may have outstanding.",
    read: ({ requestLimit }) => one(requestLimit),
  },
  {
    type: "gauge",
    name: "vscsi_adapter_outstanding_requests",
    help: "Requests without an answer.",
    read: ({ adapter }) => one(adapter.counters.outstanding),
  },
  {
    type: "counter",
    name: "vscsi_adapter_requests",
    help: "SRP commands received.",
    read: ({ adapter }) => one(adapter.counters.requests),
  },
  {
    type: "counter",
    name: "vscsi_adapter_failed_commands",
    help: "Commands answered with another status than GOOD.",
    read: ({ adapter }) => one(adapter.counters.failed),
  },
  {
    type: "counter",
    name: "vscsi_adapter_aborted_commands",
    help: "Commands that ended without an answer: aborted, or their connection gone.",
    read: ({ adapter }) => one(adapter.counters.aborted),
  },
  {
    type: "counter",
    name: "vscsi_adapter_disconnects",
    help: "Connections that ended: by the client, or by us for a violation.",
    read: ({ adapter }) => one(adapter.counters.disconnects),
  },
  {
    type: "counter",
    name: "vscsi_adapter_sent_bytes",
    unit: "bytes",
    help: "Data that commands moved to the client.",
    read: ({ adapter }) => one(adapter.counters.bytesIn),
  },
  {
    type: "counter",
    name: "vscsi_adapter_received_bytes",
    unit: "bytes",
    help: "Data that commands moved from the client.",
    read: ({ adapter }) => one(adapter.counters.bytesOut),
  },
  {
    type: "histogram",
    name: "vscsi_adapter_command_duration_seconds",
    unit: "seconds",
    help: "From the arrival of a command to its answer.",
    read: ({ adapter }) => [{ value: adapter.latency }],
  },
];

/** The three kinds of commands of a unit. One that none came of yet is left out: most units of a large daemon idle. */
function byOperation({ unit }: MeasuredUnit, value: (counters: CommandCounters) => Sample["value"]): Sample[] {
  const { reads, writes, others } = unit.statistics;
  return Object.entries({ read: reads, write: writes, other: others })
    .filter(([, { latency, aborted }]) => latency.count + aborted > 0)
    .map(([operation, counters]) => ({ labels: { operation }, value: value(counters) }));
}

const UNIT_METRICS: MetricsOf<MeasuredUnit> = [
  {
    type: "info",
    name: "vscsi_unit",
    help: "What is in a logical unit.",
    read: ({ unit }) => [{ labels: { medium: unit.description, serial: unit.identity.serial }, value: 1 }],
  },
  {
    type: "gauge",
    name: "vscsi_unit_size_bytes",
    unit: "bytes",
    help: "Capacity of the medium; 0 when there is none, or it is not known.",
    read: ({ unit }) => one(unit.size),
  },
  {
    type: "gauge",
    name: "vscsi_unit_read_only",
    help: "1 when the medium can't be written.",
    read: ({ unit }) => one(unit.readOnly ? 1 : 0),
  },
  {
    type: "counter",
    name: "vscsi_unit_read_bytes",
    unit: "bytes",
    help: "Data read, also for copies.",
    read: ({ unit }) => one(unit.statistics.reads.bytes),
  },
  {
    type: "counter",
    name: "vscsi_unit_written_bytes",
    unit: "bytes",
    help: "Data written, also by copies.",
    read: ({ unit }) => one(unit.statistics.writes.bytes),
  },
  {
    type: "counter",
    name: "vscsi_unit_failed_commands",
    help: "Commands answered with another status than GOOD.",
    read: (measured) => byOperation(measured, ({ failed }) => failed),
  },
  {
    type: "counter",
    name: "vscsi_unit_aborted_commands",
    help: "Commands that ended without an answer.",
    read: (measured) => byOperation(measured, ({ aborted }) => aborted),
  },
  {
    type: "histogram",
    name: "vscsi_unit_command_duration_seconds",
    unit: "seconds",
    help: "From the arrival of a command at its port to its end, by every port that shows the unit.",
    read: (measured) => byOperation(measured, ({ latency }) => latency),
  },
];

function targetMetrics(sessions: readonly IscsiSessionStatus[]): MetricsOf<{ name: string }> {
  const of = (name: string) => sessions.filter(({ target }) => target === name);
  return [
    {
      type: "gauge",
      name: "vscsi_iscsi_sessions",
      help: "iSCSI sessions that are logged in.",
      read: ({ name }) => one(of(name).length),
    },
    {
      type: "gauge",
      name: "vscsi_iscsi_connections",
      help: "TCP connections of those sessions.",
      read: ({ name }) => one(of(name).reduce((sum, { connections }) => sum + connections.length, 0)),
    },
  ];
}

function sessionLabels({ target, initiator, isid, portalGroupTag }: IscsiSessionStatus): Labels {
  return { target, initiator, isid, portal_group: portalGroupTag };
}

const SESSION_METRICS: MetricsOf<IscsiSessionStatus> = [
  {
    type: "counter",
    name: "vscsi_iscsi_session_commands",
    help: "SCSI commands received in a session.",
    read: ({ commands }) => one(commands),
  },
  {
    type: "gauge",
    name: "vscsi_iscsi_session_outstanding_commands",
    help: "Commands of a session without an answer.",
    read: ({ outstanding }) => one(outstanding),
  },
];
