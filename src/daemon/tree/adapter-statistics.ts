import { type AttributeRow, type AttributeRows, rowsDirectory } from "../../config/attribute-rows.ts";
import { type Directory, refusal } from "../../config/tree.ts";
import type { LiveAdapter } from "../adapters.ts";
import { osName } from "../os-names.ts";
import type { AdapterSubject } from "./context.ts";
import { meanMicroseconds, percentile99 } from "./unit-statistics.ts";

const GONE = refusal("ENODEV", "the adapter is gone");

/** A number that is counted while the adapter is there. */
function counter(
  what: string,
  value: (live: LiveAdapter) => number | string,
  unit?: string,
): AttributeRow<AdapterSubject> {
  return {
    doc: { what, ...(unit !== undefined && { unit }) },
    show: ({ live }) => (live === undefined ? GONE : String(value(live))),
  };
}

/** The original driver's counters, then ours: since the adapter was made. [protocol] 9.1. */
const ADAPTER_STATISTICS: AttributeRows<AdapterSubject> = {
  interrupts: counter("interrupts taken", ({ adapter }) => adapter.counters.interrupts),
  read_ops: counter("read commands received", ({ adapter }) => adapter.counters.reads),
  write_ops: counter("write commands received", ({ adapter }) => adapter.counters.writes),
  crq_msgs: counter("entries taken from the command/response queue", ({ adapter }) => adapter.counters.messages),
  iu_allocs: counter("information units in use now", ({ adapter }) => adapter.counters.outstanding),
  bio_allocs: counter("commands under way now", ({ adapter }) => adapter.counters.outstanding),
  buf_allocs: counter("data buffers in use now", ({ adapter }) => adapter.counters.buffers),
  bytes_read: counter("data that commands moved to the client", ({ adapter }) => adapter.counters.bytesIn, "bytes"),
  bytes_written: counter(
    "data that commands moved from the client",
    ({ adapter }) => adapter.counters.bytesOut,
    "bytes",
  ),
  errors: counter("responses with a sense key other than NO SENSE", ({ adapter }) => adapter.counters.errors),
  requests: counter("SRP commands received", ({ adapter }) => adapter.counters.requests),
  outstanding: counter("requests not yet answered", ({ adapter }) => adapter.counters.outstanding),
  aborted: counter("commands that ended without a response", ({ adapter }) => adapter.counters.aborted),
  latency: counter(
    "commands, from arrival to answer: mean",
    ({ adapter }) => meanMicroseconds(adapter.latency),
    "microseconds",
  ),
  latency_99: counter(
    "commands, from arrival to answer: 99 of 100 took no longer, to the next power of two",
    ({ adapter }) => percentile99(adapter.latency),
    "microseconds",
  ),
  disconnects: counter("connections that ended", ({ adapter }) => adapter.counters.disconnects),
};

export function statisticsNode(adapter: AdapterSubject): Directory {
  return rowsDirectory("counters of the adapter", ADAPTER_STATISTICS, adapter);
}

/** What a client told in its adapter information; nothing before it did. */
function ofClient(
  what: string,
  value: (client: NonNullable<LiveAdapter["adapter"]["client"]>) => string | number,
): AttributeRow<AdapterSubject> {
  return {
    doc: { what },
    show: ({ live }) => {
      if (live === undefined) return GONE;
      const { client } = live.adapter;
      return client === undefined ? "" : String(value(client));
    },
  };
}

const CLIENT_ATTRIBUTES: AttributeRows<AdapterSubject> = {
  partition_name: ofClient("name of its partition", ({ partitionName }) => partitionName),
  partition_number: ofClient("number of its partition", ({ partitionNumber }) => partitionNumber),
  os_type: ofClient("number of its operating system's type", ({ osType }) => osType),
  os_name: ofClient("name of its operating system's type", ({ osType }) => osName(osType)),
  srp_version: ofClient("version of SRP that it speaks", ({ srpVersion }) => srpVersion),
  credits: {
    doc: { what: "requests that it may still send" },
    show: ({ live }) =>
      live === undefined ? GONE : String(Math.max(0, live.requestLimit - live.adapter.counters.outstanding)),
  },
};

export function clientNode(adapter: AdapterSubject): Directory {
  return rowsDirectory("who is connected, as it told in its adapter information", CLIENT_ATTRIBUTES, adapter);
}
