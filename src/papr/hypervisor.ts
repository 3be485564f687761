import { H_FUNCTION, MAX_VIRTUAL_DMA_SIZE_MINIMUM } from "../abi/papr.ts";
import type { CoreExports } from "../core/exports.ts";
import { type Log, silentLog } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import { CrqCalls } from "./crq-calls.ts";
import { type CallResult, HYPERVISOR_CALLS } from "./hypervisor-calls.ts";
import { Interrupts, type Scheduler } from "./interrupts.ts";
import { Partition, type PartitionOptions } from "./partition.ts";
import { RdmaCalls } from "./rdma-calls.ts";
import { TceCalls } from "./tce.ts";
import { type AdapterKind, VirtualAdapter } from "./virtual-adapter.ts";

/** QEMU's window for a client: 256 MiB. */
const CLIENT_WINDOW = 0x1000_0000;
/** A server maps little more than its queue. */
const SERVER_WINDOW = 0x0100_0000;
/** LIOBNs and interrupt sources that nobody chose count up from here. */
const FIRST_LIOBN = 0x1000_0000;
const FIRST_INTERRUPT_SOURCE = 0x1000;

export interface HypervisorOptions {
  readonly memory: SharedMemory;
  readonly core: CoreExports;
  readonly log?: Log;
  /** Delivers interrupts; a microtask unless tests want them by hand. */
  readonly schedule?: Scheduler;
  /** `/vdevice`'s `ibm,max-virtual-dma-size`, at least 128 KiB; `null` leaves the property out and copies unlimited. */
  readonly maxVirtualDmaSize?: number | null;
}

export interface AdapterOptions {
  readonly unitAddress: number;
  readonly liobn?: number;
  readonly windowSize?: number;
}

/**
 * A hypervisor in software: partitions whose memory lies in linear memory, their virtual adapters, and the hypervisor
 * calls between them. [LoPAR] ch_lpar_option, ch_virtual_io.
 */
export class Hypervisor {
  readonly memory: SharedMemory;
  readonly core: CoreExports;
  readonly maxVirtualDmaSize: number | undefined;
  readonly interrupts: Interrupts;
  readonly crq: CrqCalls;
  readonly tce: TceCalls;
  readonly rdma: RdmaCalls;
  readonly #liobns = new Set<number>();
  #interruptSource = FIRST_INTERRUPT_SOURCE;

  constructor(options: HypervisorOptions) {
    const { memory, core, log = silentLog, schedule = queueMicrotask, maxVirtualDmaSize } = options;
    this.memory = memory;
    this.core = core;
    this.maxVirtualDmaSize =
      maxVirtualDmaSize === null ? undefined : (maxVirtualDmaSize ?? MAX_VIRTUAL_DMA_SIZE_MINIMUM);
    if (this.maxVirtualDmaSize !== undefined && this.maxVirtualDmaSize < MAX_VIRTUAL_DMA_SIZE_MINIMUM) {
      throw new RangeError(`ibm,max-virtual-dma-size is at least ${MAX_VIRTUAL_DMA_SIZE_MINIMUM}`);
    }
    this.interrupts = new Interrupts(schedule);
    this.crq = new CrqCalls(memory, core, this.interrupts, log);
    this.tce = new TceCalls(memory);
    this.rdma = new RdmaCalls(core, this.maxVirtualDmaSize);
  }

  addPartition(options: PartitionOptions): Partition {
    return new Partition(this.memory, options);
  }

  /** Gives a partition an adapter that has no partner yet. */
  addAdapter(partition: Partition, kind: AdapterKind, options: AdapterOptions): VirtualAdapter {
    const { unitAddress, windowSize = kind === "client" ? CLIENT_WINDOW : SERVER_WINDOW } = options;
    if (partition.adapters.has(unitAddress)) {
      throw new Error(`partition ${partition.name} already has an adapter at ${unitAddress.toString(16)}`);
    }
    const adapter = new VirtualAdapter(this.memory, partition, kind, {
      unitAddress,
      windowSize,
      liobn: this.#liobn(options.liobn),
      interruptSource: this.#interruptSource++,
    });
    partition.adapters.set(unitAddress, adapter);
    return adapter;
  }

  /** Wires a server adapter to a client adapter. @param liobn handle of the server's remote pane */
  connect(server: VirtualAdapter, client: VirtualAdapter, liobn?: number): void {
    server.connect(client, this.#liobn(liobn));
  }

  /** The partition fails: its TCEs are invalid at once, its queues closed, its partners told by event FF 01. */
  crash(partition: Partition): void {
    for (const adapter of partition.adapters.values()) {
      adapter.window.invalidate();
      this.crq.fail(adapter);
    }
  }

  /** The client adapter's partition was suspended and moved: event FF 06, queue disabled until H_ENABLE_CRQ. */
  suspend(client: VirtualAdapter): void {
    this.crq.suspend(client);
  }

  /**
   * A hypervisor call as the machine makes it: token from r3, arguments from r4 on, 64 bits each. The methods of
   * {@link crq}, {@link tce} and {@link rdma} are the same calls without the boxing.
   */
  hcall(partition: Partition, token: number, ...registers: readonly bigint[]): CallResult {
    const call = HYPERVISOR_CALLS.get(token);
    return call ? call.run(this, partition, registers) : { code: H_FUNCTION, outputs: [] };
  }

  #liobn(wanted: number | undefined): number {
    let liobn = wanted ?? FIRST_LIOBN;
    while (wanted === undefined && this.#liobns.has(liobn)) liobn++;
    if (this.#liobns.has(liobn)) throw new Error(`LIOBN ${liobn.toString(16)} is in use`);
    this.#liobns.add(liobn);
    return liobn;
  }
}
