import { type AttributeRows, rowsDirectory } from "../../config/attribute-rows.ts";
import { busLayout } from "../../config/document.ts";
import type { AdapterConfig } from "../../config/schema.ts";
import type { Directory, Refusal } from "../../config/tree.ts";
import { refusal } from "../../config/tree.ts";
import { outcomeOf, RefusedWrite } from "../errno.ts";
import { clientNode, statisticsNode } from "./adapter-statistics.ts";
import { type AdapterSubject, TargetSubject } from "./context.ts";
import { ORIGINAL_TARGET } from "./original-target.ts";
import { UNIT_ATTRIBUTES } from "./unit-attributes.ts";
import { unitStatisticsNode } from "./unit-statistics.ts";
import { leadingNumber, numberWithin } from "./values.ts";

const BUSES_MAXIMUM = 8;
const TARGETS_MAXIMUM = 64;
const SECTOR = 512;
const SECTORS_MINIMUM = 9;
const SECTORS_MAXIMUM = 1024;
const GONE = refusal("ENODEV", "the adapter is gone");

/** Shows something of an adapter that is still there. */
function shown(show: (config: AdapterConfig) => string | number) {
  return ({ config }: AdapterSubject): string | Refusal => (config === undefined ? GONE : String(show(config)));
}

/** The attributes of an adapter: those of the original driver, then ours. [protocol] 9.1. */
const ADAPTER_ATTRIBUTES: AttributeRows<AdapterSubject> = {
  name: { doc: { what: "what the device tree calls it" }, show: () => "v-scsi-host" },
  debug: {
    doc: { what: "whether everything is logged: one value for all adapters", accepts: "a number; 0 is quiet" },
    show: ({ context }) => String(context.running.config.log.debug),
    store: ({ context }, text) =>
      outcomeOf(() =>
        context.running.change((config) => ({ ...config, log: { ...config.log, debug: leadingNumber(text) } })),
      ),
  },
  num_buses: {
    doc: {
      what: "number of buses",
      accepts: `0 to ${BUSES_MAXIMUM}: new buses have one target; the highest ones are removed, down to one with an active target`,
    },
    show: shown((config) => busLayout(config).length),
    store: (subject, text) => subject.change((adapter) => setBuses(adapter, numberWithin(text, 0, BUSES_MAXIMUM))),
  },
  max_sectors: {
    doc: {
      what: "largest transfer that clients are told, in sectors of 512 bytes",
      unit: "sectors",
      accepts: `${SECTORS_MINIMUM} to ${SECTORS_MAXIMUM}`,
    },
    show: shown(({ maxTransfer }) => Math.floor(maxTransfer / SECTOR)),
    store: (subject, text) =>
      subject.change((adapter) => ({
        ...adapter,
        maxTransfer: numberWithin(text, SECTORS_MINIMUM, SECTORS_MAXIMUM) * SECTOR,
      })),
  },
  guest: { doc: { what: "name of the guest that has the client adapter" }, show: shown(({ guest = "" }) => guest) },
  queue_depth: {
    doc: {
      what: "requests that the client may have outstanding: its request limit",
      unit: "requests",
      accepts: "3 to 1024, while no target is active",
    },
    show: shown(({ requestLimit }) => requestLimit),
    store: (subject, text) =>
      subject.change((adapter) => {
        const requestLimit = numberWithin(text, 3, 1024);
        if (adapter.logicalUnits.some(({ active }) => active))
          throw new RefusedWrite("EPERM", "a target is active, and its client would lose its connection");
        return { ...adapter, requestLimit };
      }),
  },
  relative_target_port: {
    doc: { what: "identifier of its port, as in the device identification page" },
    show: shown(({ relativeTargetPort = 0 }) => relativeTargetPort),
  },
  state: {
    doc: { what: "state of the connection with its client" },
    show: ({ live }) => live?.adapter.state ?? GONE,
  },
};

/** The attributes of a bus. [protocol] 9.1. */
const BUS_ATTRIBUTES: AttributeRows<BusSubject> = {
  num_targets: {
    doc: {
      what: "number of targets",
      accepts: `0 to ${TARGETS_MAXIMUM}: new targets are inactive; the highest ones are removed, down to an active one`,
    },
    show: ({ adapter, bus }) => {
      const { config } = adapter;
      return config === undefined ? GONE : String(busLayout(config)[bus] ?? 0);
    },
    store: ({ adapter, bus }, text) =>
      adapter.change((config) => setTargets(config, bus, numberWithin(text, 0, TARGETS_MAXIMUM))),
  },
};

interface BusSubject {
  readonly adapter: AdapterSubject;
  readonly bus: number;
}

/** `<unit address>/`. */
export function adapterNode(adapter: AdapterSubject): Directory {
  const buses = () => (adapter.config === undefined ? [] : busLayout(adapter.config));
  return rowsDirectory("a server adapter, by its unit address", ADAPTER_ATTRIBUTES, adapter, {
    list: () => ["stats", "client", ...buses().map((_, bus) => `bus${bus}`)],
    lookup: (name) => {
      if (name === "stats") return statisticsNode(adapter);
      if (name === "client") return clientNode(adapter);
      const bus = numbered(name, "bus", buses().length);
      return bus === undefined ? undefined : busNode({ adapter, bus });
    },
  });
}

function busNode(subject: BusSubject): Directory {
  const { adapter, bus } = subject;
  const targets = () => (adapter.config === undefined ? 0 : (busLayout(adapter.config)[bus] ?? 0));
  return rowsDirectory("a bus of the adapter", BUS_ATTRIBUTES, subject, {
    list: () => Array.from({ length: targets() }, (_, target) => `target${target}`),
    lookup: (name) => {
      const target = numbered(name, "target", targets());
      return target === undefined ? undefined : targetNode(new TargetSubject(adapter, bus, target));
    },
  });
}

/** A target is its LUN 0; further LUNs, which the original driver had not, are directories in it. */
function targetNode(subject: TargetSubject): Directory {
  const { adapter, bus, target } = subject;
  const luns = () =>
    (adapter.config?.logicalUnits ?? [])
      .filter((unit) => unit.bus === bus && unit.target === target && unit.lun > 0)
      .map(({ lun }) => lun);
  return unitNode("a target of the bus: what clients see at its LUN 0", subject, {
    list: () => luns().map((lun) => `lun${lun}`),
    lookup: (name) => {
      const lun = luns().find((number) => name === `lun${number}`);
      return lun === undefined
        ? undefined
        : unitNode("a further LUN of the target", new TargetSubject(adapter, bus, target, lun));
    },
  });
}

/** What stands at a LUN: `stats/` while there is something to count. */
function unitNode(what: string, subject: TargetSubject, more?: Pick<Directory, "list" | "lookup">): Directory {
  return rowsDirectory(what, TARGET_ATTRIBUTES, subject, {
    list: () => [...(subject.unit === undefined ? [] : ["stats"]), ...(more?.list() ?? [])],
    lookup: (name) =>
      name === "stats" && subject.unit !== undefined ? unitStatisticsNode(subject) : more?.lookup(name),
  });
}

const TARGET_ATTRIBUTES: AttributeRows<TargetSubject> = { ...ORIGINAL_TARGET, ...UNIT_ATTRIBUTES };

/** The number of an entry such as "bus3". */
function numbered(name: string, prefix: string, count: number): number | undefined {
  const digits = new RegExp(`^${prefix}(0|[1-9][0-9]?)$`).exec(name)?.[1];
  return digits !== undefined && Number(digits) < count ? Number(digits) : undefined;
}

/** Up: each new bus has one target. Down: from the highest on, as far as nothing is active there. [protocol] 9.1. */
function setBuses(adapter: AdapterConfig, count: number): AdapterConfig {
  const buses = busLayout(adapter);
  while (buses.length < count) buses.push(1);
  while (buses.length > count && !hasActive(adapter, buses.length - 1, 0)) buses.pop();
  return { ...adapter, buses, logicalUnits: adapter.logicalUnits.filter(({ bus }) => bus < buses.length) };
}

function setTargets(adapter: AdapterConfig, bus: number, count: number): AdapterConfig {
  const buses = busLayout(adapter);
  if (bus >= buses.length) throw new RefusedWrite("ENODEV", "the bus is gone");
  let targets = buses[bus] ?? 0;
  if (targets < count) targets = count;
  while (targets > count && !hasActive(adapter, bus, targets - 1)) targets--;
  const stays = (unit: { bus: number; target: number }) => unit.bus !== bus || unit.target < targets;
  return { ...adapter, buses: buses.with(bus, targets), logicalUnits: adapter.logicalUnits.filter(stays) };
}

/** Whether a unit is active on a bus, at that target or above. */
function hasActive({ logicalUnits }: AdapterConfig, bus: number, from: number): boolean {
  return logicalUnits.some((unit) => unit.active && unit.bus === bus && unit.target >= from);
}
