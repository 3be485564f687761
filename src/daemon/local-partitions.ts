import type { CrqLink } from "../core/crq-link.ts";
import type { CoreExports } from "../core/exports.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import { PartitionLink } from "../papr/crq-link.ts";
import { Hypervisor } from "../papr/hypervisor.ts";
import type { Partition } from "../papr/partition.ts";
import type { VirtualAdapter } from "../papr/virtual-adapter.ts";

/**
 * The server partition holds little more than its rings, of 8 KiB each; a client partition has room for its IUs and data.
 * What nobody touches takes no memory, but all of it is linear memory: 256 clients of 8 MiB are half of that.
 */
const SERVER_MEMORY = 0x40_0000;
const CLIENT_MEMORY = 0x80_0000;
const RING_ENTRIES = 512;

/** The software hypervisor of a daemon: one server partition, and one client partition for each local adapter. */
export class LocalPartitions {
  readonly #memory: SharedMemory;
  readonly #core: CoreExports;
  readonly #name: string;
  readonly #number: number;
  readonly #clients = new Map<number, { partition: Partition; adapter: VirtualAdapter; server: VirtualAdapter }>();
  #hypervisor: Hypervisor | undefined;
  #server: Partition | undefined;

  constructor(memory: SharedMemory, core: CoreExports, name: string, number: number) {
    this.#memory = memory;
    this.#core = core;
    this.#name = name;
    this.#number = number;
  }

  /** The partitions that there are, by number; none before the first local adapter. */
  get partitions(): ReadonlyMap<number, Partition> {
    const partitions = this.#server === undefined ? [] : [this.#server];
    for (const { partition } of this.#clients.values()) partitions.push(partition);
    return new Map(partitions.map((partition) => [partition.number, partition]));
  }

  /** The hypervisor; made when the first local adapter needs it. */
  get hypervisor(): Hypervisor {
    this.#hypervisor ??= new Hypervisor({ memory: this.#memory, core: this.#core });
    return this.#hypervisor;
  }

  /**
   * Adds a client partition with an adapter at `unitAddress`, connected to a server adapter of ours. One that was there
   * before is used again: a partition stays when its server has gone.
   */
  addAdapter(unitAddress: number, slots: number): CrqLink {
    const { hypervisor } = this;
    const server = this.#clients.get(unitAddress)?.server ?? this.#addClient(unitAddress);
    return new PartitionLink({ hypervisor, adapter: server, ringEntries: RING_ENTRIES, slots });
  }

  #addClient(unitAddress: number): VirtualAdapter {
    const { hypervisor } = this;
    this.#server ??= hypervisor.addPartition({ name: this.#name, number: this.#number, memorySize: SERVER_MEMORY });
    const number = this.#number + this.#clients.size + 1;
    const partition = hypervisor.addPartition({ name: `client-${number}`, number, memorySize: CLIENT_MEMORY });
    const client = hypervisor.addAdapter(partition, "client", { unitAddress });
    const server = hypervisor.addAdapter(this.#server, "server", { unitAddress });
    hypervisor.connect(server, client);
    this.#clients.set(unitAddress, { partition, adapter: client, server });
    return server;
  }

  /** The client partition and adapter at a unit address, for an initiator in this process. */
  client(unitAddress: number): { partition: Partition; adapter: VirtualAdapter } | undefined {
    return this.#clients.get(unitAddress);
  }
}
