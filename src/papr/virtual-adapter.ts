import {
  QUEUE_CLOSED,
  QUEUE_OPEN,
  QUEUE_SIZE,
  QUEUE_STATE,
  QUEUE_WINDOW,
  WINDOW_CUT,
  WINDOW_STATE,
  WINDOW_TRANSLATED,
} from "../abi/records.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import type { Partition } from "./partition.ts";
import { TceWindow } from "./tce-window.ts";

export type AdapterKind = "client" | "server";

export interface VirtualAdapterOptions {
  /** The device tree's `reg`: names the adapter in every hypervisor call. */
  readonly unitAddress: number;
  /** Handle of window pane 1. */
  readonly liobn: number;
  /** Bytes of window pane 1. */
  readonly windowSize: number;
  /** Source number in the device tree's `interrupts`. */
  readonly interruptSource: number;
}

/** A server's window pane 2: its client's pane 1, reachable while both queues are registered. */
export interface RemotePane {
  readonly liobn: number;
  readonly record: number;
  readonly window: TceWindow;
}

/**
 * A virtual SCSI adapter: queue, DMA windows, interrupt, and the one partner it is wired to.
 * [LoPAR] ch_virtual_io, Reliable CRQ transport and LRDMA.
 */
export class VirtualAdapter {
  readonly kind: AdapterKind;
  readonly partition: Partition;
  readonly unitAddress: number;
  readonly interruptSource: number;
  readonly window: TceWindow;
  /** Address of the QUEUE record. */
  readonly queue: number;
  /** Called for a delivered interrupt, never from within a hypervisor call. */
  onInterrupt: () => void = () => {};
  readonly #memory: SharedMemory;
  #partner: VirtualAdapter | undefined;
  #remote: RemotePane | undefined;

  constructor(memory: SharedMemory, partition: Partition, kind: AdapterKind, options: VirtualAdapterOptions) {
    this.#memory = memory;
    this.kind = kind;
    this.partition = partition;
    this.unitAddress = options.unitAddress;
    this.interruptSource = options.interruptSource;
    this.window = new TceWindow(memory, partition, options.liobn, options.windowSize);
    this.queue = memory.allocate(QUEUE_SIZE);
    this.setQueue(QUEUE_WINDOW, this.window.record);
    this.setQueue(QUEUE_STATE, QUEUE_CLOSED);
  }

  get partner(): VirtualAdapter | undefined {
    return this.#partner;
  }

  /** Window pane 2; servers with a partner only. */
  get remote(): RemotePane | undefined {
    return this.#remote;
  }

  /** One of the QUEUE_CLOSED, QUEUE_OPEN, QUEUE_DISABLED. */
  get queueState(): number {
    return this.queueField(QUEUE_STATE);
  }

  /** A word of the QUEUE record. */
  queueField(field: number): number {
    return this.#memory.view.getUint32(this.queue + field, true);
  }

  setQueue(field: number, value: number): void {
    this.#memory.view.setUint32(this.queue + field, value, true);
  }

  /** Wires a server to its client, one to one and for good. @param liobn handle of the server's pane 2 */
  connect(client: VirtualAdapter, liobn: number): void {
    if (this.kind !== "server" || client.kind !== "client") throw new TypeError("a server is connected to a client");
    if (this.#partner || client.#partner) throw new Error("a virtual adapter has one partner");
    this.#partner = client;
    client.#partner = this;
    this.#remote = { liobn, record: client.window.addRecord(), window: client.window };
  }

  /** Arms the server's remote pane when both queues are open, cuts it otherwise. [LoPAR] ch_virtual_io, LRDMA. */
  refreshRemotePane(): void {
    const record = this.#remote?.record ?? this.#partner?.remote?.record;
    if (record === undefined) return;
    const open = this.queueState === QUEUE_OPEN && this.#partner?.queueState === QUEUE_OPEN;
    this.#memory.view.setUint32(record + WINDOW_STATE, open ? WINDOW_TRANSLATED : WINDOW_CUT, true);
  }
}
