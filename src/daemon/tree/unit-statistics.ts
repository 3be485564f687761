import { type AttributeRows, rowsDirectory } from "../../config/attribute-rows.ts";
import type { Directory } from "../../config/tree.ts";
import type { LatencyHistogram } from "../../core/latency.ts";
import type { CommandCounters, Statistics } from "../../scsi/statistics.ts";
import type { TargetSubject } from "./context.ts";

const MICROSECONDS_PER_MILLISECOND = 1_000;
const MICROSECONDS_PER_SECOND = 1_000_000;

/** Mean, in whole microseconds. */
export function meanMicroseconds({ mean }: LatencyHistogram): string {
  return String(Math.round(mean * MICROSECONDS_PER_MILLISECOND));
}

/** The 99th percentile: the upper bound of its bucket, in microseconds. */
export function percentile99(latency: LatencyHistogram): string {
  return String(Math.round(latency.quantile(0.99) * MICROSECONDS_PER_SECOND));
}

/** The attributes of one kind of commands. */
function commandRows(
  prefix: string,
  what: string,
  of: (statistics: Statistics) => CommandCounters,
  moves = false,
): AttributeRows<TargetSubject> {
  const row = (name: string, text: string, show: (counters: CommandCounters) => string, unit?: string) => [
    `${prefix}_${name}`,
    {
      doc: { what: `${what} ${text}`, ...(unit !== undefined && { unit }) },
      show: ({ unit }: TargetSubject) => (unit === undefined ? "0" : show(of(unit.statistics))),
    },
  ];
  return Object.fromEntries([
    row("ops", "that were answered", ({ latency }) => String(latency.count)),
    ...(moves ? [row("bytes", "moved so much data", ({ bytes }) => String(bytes), "bytes")] : []),
    row("errors", "answered with another status than GOOD", ({ failed }) => String(failed)),
    row("aborted", "that ended without an answer", ({ aborted }) => String(aborted)),
    row("latency", "from arrival to end: mean", ({ latency }) => meanMicroseconds(latency), "microseconds"),
    row(
      "latency_99",
      "from arrival to end: 99 of 100 took no longer, to the next power of two",
      ({ latency }) => percentile99(latency),
      "microseconds",
    ),
  ]);
}

/** What the unit was used for since it was opened, through every port that shows it. */
const UNIT_STATISTICS: AttributeRows<TargetSubject> = {
  ...commandRows("read", "read commands", ({ reads }) => reads, true),
  ...commandRows("write", "write commands", ({ writes }) => writes, true),
  ...commandRows("other", "other commands", ({ others }) => others),
};

export function unitStatisticsNode(subject: TargetSubject): Directory {
  return rowsDirectory("counters of the unit, whoever uses it", UNIT_STATISTICS, subject);
}
