import { OS_TYPE_AIX } from "../abi/mad.ts";
import type { AdapterConfig, Config } from "../config/schema.ts";
import { systemClock } from "../core/clock.ts";
import type { CrqLink } from "../core/crq-link.ts";
import type { CoreExports } from "../core/exports.ts";
import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import { QemuLink } from "../ports/qemu/qemu-link.ts";
import { ScsiTargetDevice } from "../scsi/target-device.ts";
import type { ServerIdentity } from "../target/mad.ts";
import { ServerAdapter } from "../target/server-adapter.ts";
import type { Guests } from "./guests.ts";
import type { LocalPartitions } from "./local-partitions.ts";

/** Slots above the request limit: for MADs, pings, and a client that overruns its credit and is to be told so. */
const SPARE_SLOTS = 16;

/** What names an adapter: several guests may have one at the same unit address. */
export interface AdapterKey {
  readonly guest?: string | undefined;
  readonly unitAddress: number;
}

/** Its name within the daemon. */
export function adapterName({ guest = "", unitAddress }: AdapterKey): string {
  return `${guest}@${unitAddress}`;
}

/** What an adapter is made from; its units are shown by its device. */
type AdapterBody = Omit<AdapterConfig, "logicalUnits" | "buses">;

/** A server adapter that is there, with the units that it shows. */
export interface LiveAdapter extends AdapterKey {
  readonly requestLimit: number;
  readonly relativeTargetPort: number;
  readonly device: ScsiTargetDevice;
  readonly adapter: ServerAdapter;
  /** What clients are told in the adapter information; a change is told to the next one that asks. */
  readonly identity: ServerIdentity;
  readonly link: CrqLink;
}

interface AdaptersOptions {
  readonly memory: SharedMemory;
  readonly core: CoreExports;
  readonly log: Log;
  readonly partition: Config["partition"];
  readonly partitions: LocalPartitions;
  readonly guests: Guests;
}

/** The server adapters of the daemon, which come and go while others' clients run. */
export class Adapters {
  readonly #options: AdaptersOptions;
  /** By name, in the order in which they came. */
  readonly #adapters = new Map<string, LiveAdapter>();
  readonly #started = new WeakSet<LiveAdapter>();

  constructor(options: AdaptersOptions) {
    this.#options = options;
  }

  [Symbol.iterator](): Iterator<LiveAdapter> {
    return this.#adapters.values();
  }

  find(key: AdapterKey): LiveAdapter | undefined {
    return this.#adapters.get(adapterName(key));
  }

  /** Makes an adapter that shows nothing yet and that no client sees before its start. @throws OutOfLinearMemory */
  add(config: AdapterBody): LiveAdapter {
    const { memory, core, log, partition, partitions } = this.#options;
    const { guest, unitAddress, requestLimit, relativeTargetPort = this.#freePort() } = config;
    const slots = requestLimit + SPARE_SLOTS;
    const link =
      guest === undefined ? partitions.addAdapter(unitAddress, slots) : new QemuLink(memory, core, unitAddress, slots);
    const device = new ScsiTargetDevice(log);
    const identity = {
      partitionName: partition.name,
      partitionNumber: partition.number,
      // Linux asks for capabilities and fast fail only of a server that says AIX, as VIOS does. [protocol] 4.4.
      osType: OS_TYPE_AIX,
      maxTransfer: config.maxTransfer,
    };
    const adapter = new ServerAdapter({
      link,
      device,
      clock: systemClock,
      log,
      requestLimit,
      adapterName: unitAddress.toString(16),
      relativeTargetPort,
      identity,
    });
    const live = { guest, unitAddress, requestLimit, relativeTargetPort, device, adapter, identity, link };
    this.#adapters.set(adapterName(live), live);
    return live;
  }

  /** Connects an adapter to its client, once. */
  start(live: LiveAdapter): void {
    const { guest, link, adapter } = live;
    if (this.#started.has(live)) return;
    this.#started.add(live);
    adapter.start();
    if (guest !== undefined && link instanceof QemuLink) this.#options.guests.addLink(guest, link);
  }

  /** Finishes what is in flight; its client then finds its partner gone. */
  async remove(live: LiveAdapter): Promise<void> {
    const { guest, link, adapter } = live;
    this.#adapters.delete(adapterName(live));
    await adapter.stop();
    // A daemon that ends leaves the bridge waiting for the next one; here there will be none.
    if (guest === undefined || !(link instanceof QemuLink)) return;
    link.free();
    this.#options.guests.removeLink(guest, link);
  }

  /** Finishes what is in flight everywhere. */
  async stop(): Promise<void> {
    await Promise.all([...this.#adapters.values()].map(({ adapter }) => adapter.stop()));
  }

  #freePort(): number {
    const taken = new Set([...this.#adapters.values()].map(({ relativeTargetPort }) => relativeTargetPort));
    let port = 1;
    while (taken.has(port)) port++;
    return port;
  }
}
