import { OS_TYPE_AIX } from "../abi/mad.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { type Log, silentLog } from "../core/log.ts";
import { PartitionLink } from "../papr/crq-link.ts";
import type { Hypervisor } from "../papr/hypervisor.ts";
import type { Partition } from "../papr/partition.ts";
import type { VirtualAdapter } from "../papr/virtual-adapter.ts";
import type { LogicalUnit } from "../scsi/logical-unit.ts";
import { type LunAddress, lunKey } from "../scsi/lun.ts";
import { ScsiTargetDevice } from "../scsi/target-device.ts";
import { ServerAdapter } from "../target/server-adapter.ts";

/** Little more than its rings. */
const PARTITION_MEMORY = 0x10_0000;
const RING_ENTRIES = 512;
/** Slots above the request limit: for MADs, pings, and a client that overruns its credit and is to be told so. */
const SPARE_SLOTS = 16;
const REQUEST_LIMIT = 100;
const MAX_TRANSFER = 0x10_0000;

export interface TargetOptions {
  readonly hypervisor: Hypervisor;
  /** Name of its partition, which clients are told: "vscsi-target" unless told otherwise. */
  readonly name?: string;
  /** Number of its partition: 1 unless told otherwise. */
  readonly number?: number;
  /** SRP requests that a client may have outstanding, 3 at least: 100 unless told otherwise. */
  readonly requestLimit?: number;
  /** Bytes that one command of a client may move, as it is told: 1 MiB unless told otherwise. */
  readonly maxTransfer?: number;
  readonly log?: Log;
  readonly clock?: Clock;
}

/** A VSCSI server: a partition of a software hypervisor with an adapter for each client, and logical units behind it. */
export class Target {
  readonly hypervisor: Hypervisor;
  readonly partition: Partition;
  readonly #options: Required<Omit<TargetOptions, "hypervisor" | "number">>;
  readonly #clients: ServedClient[] = [];

  /** @throws OutOfLinearMemory */
  constructor({ hypervisor, number = 1, ...options }: TargetOptions) {
    const given = { name: "vscsi-target", requestLimit: REQUEST_LIMIT, maxTransfer: MAX_TRANSFER };
    this.#options = { ...given, log: silentLog, clock: systemClock, ...options };
    this.hypervisor = hypervisor;
    this.partition = hypervisor.addPartition({ name: this.#options.name, number, memorySize: PARTITION_MEMORY });
  }

  /**
   * Serves a client adapter that has no partner yet: makes a server adapter at the same unit address, connects the two, and waits
   * for the client.
   * @throws Error when an adapter at that unit address is served already; RangeError for a request limit below 3;
   * OutOfLinearMemory
   */
  serve(client: VirtualAdapter): ServedClient {
    const { hypervisor, partition } = this;
    const { requestLimit, maxTransfer, log, clock, name } = this.#options;
    const { unitAddress } = client;
    const server = hypervisor.addAdapter(partition, "server", { unitAddress });
    hypervisor.connect(server, client);
    const slots = requestLimit + SPARE_SLOTS;
    const link = new PartitionLink({ hypervisor, adapter: server, ringEntries: RING_ENTRIES, slots });
    const device = new ScsiTargetDevice(log);
    const adapter = new ServerAdapter({
      ...{ link, device, clock, log, requestLimit },
      adapterName: unitAddress.toString(16),
      relativeTargetPort: this.#clients.length + 1,
      // Linux asks for capabilities and fast fail only of a server that says AIX, as VIOS does.
      identity: { partitionName: name, partitionNumber: partition.number, osType: OS_TYPE_AIX, maxTransfer },
    });
    const served = new ServedClient(adapter, device, link);
    this.#clients.push(served);
    adapter.start();
    return served;
  }

  /** Finishes what is in flight, then closes every logical unit. Rejects when a unit's store may have lost writes. */
  async close(): Promise<void> {
    const clients = this.#clients.splice(0);
    await Promise.all(clients.map((client) => client.stop()));
    // One unit may be shown to several clients.
    const units = new Set(clients.flatMap(({ logicalUnits }) => [...logicalUnits]));
    await Promise.all([...units].map((unit) => unit.close()));
  }
}

/** A client that a target serves, and the logical units that it sees. */
export class ServedClient {
  /** Its connection: state, counters, latency. */
  readonly adapter: ServerAdapter;
  readonly #device: ScsiTargetDevice;
  readonly #link: PartitionLink;

  constructor(adapter: ServerAdapter, device: ScsiTargetDevice, link: PartitionLink) {
    this.adapter = adapter;
    this.#device = device;
    this.#link = link;
  }

  get logicalUnits(): Iterable<LogicalUnit> {
    return this.#device.logicalUnits.values();
  }

  /**
   * Shows the client a logical unit, which is told of it by a unit attention. The same unit may be shown to others.
   * @param at target 0 to 63, bus 0 to 7 (0), LUN 0 to 31 (0)
   * @throws Error when one is there
   */
  addLogicalUnit(at: UnitPlace, unit: LogicalUnit): void {
    this.#device.addLogicalUnit(lunKey({ bus: 0, lun: 0, ...at }), unit);
  }

  /** Takes a logical unit away from the client; resolves when its commands have ended. The unit stays open. */
  removeLogicalUnit(at: UnitPlace): Promise<void> {
    return new Promise((resolve) => {
      if (this.#device.removeLogicalUnit(lunKey({ bus: 0, lun: 0, ...at }), resolve) === undefined) resolve();
    });
  }

  /** Finishes what is in flight and leaves the hypervisor. */
  async stop(): Promise<void> {
    await this.adapter.stop();
    this.#link.close();
  }
}

/** Where a logical unit stands: bus and LUN are 0 unless told. */
export type UnitPlace = Pick<LunAddress, "target"> & Partial<LunAddress>;
