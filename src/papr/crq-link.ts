import { CRQ_ENTRY_SIZE } from "../abi/crq.ts";
import {
  CRQ_PAGE_SIZE,
  H_SUCCESS,
  TCE_PAGE_SIZE,
  TCE_RIGHTS,
  VIO_SIGNAL_DISABLE,
  VIO_SIGNAL_ENABLE,
} from "../abi/papr.ts";
import { ADAPTER_COMPLETE_RESULT, ADAPTER_RING_CURSOR, QUEUE_CLOSED } from "../abi/records.ts";
import { AdapterRecords } from "../core/adapter-records.ts";
import type { CrqLink, CrqListener } from "../core/crq-link.ts";
import type { CoreExports } from "../core/exports.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import type { Hypervisor } from "./hypervisor.ts";
import type { VirtualAdapter } from "./virtual-adapter.ts";

/** The server's ring lies at the start of its window. */
const RING_IOBA = 0;

export interface PartitionLinkOptions {
  readonly hypervisor: Hypervisor;
  /** A connected server adapter. */
  readonly adapter: VirtualAdapter;
  /** Entries of the ring, a multiple of a page's 256. */
  readonly ringEntries: number;
  /** Requests that may be under way. */
  readonly slots: number;
}

/**
 * The link of a server adapter to its client in another partition of the software hypervisor. The client's memory
 * is linear memory, so every copy is done when the call returns.
 */
export class PartitionLink implements CrqLink {
  readonly memory: SharedMemory;
  readonly core: CoreExports;
  readonly slotCount: number;
  readonly unitAddress: number;
  readonly #hypervisor: Hypervisor;
  readonly #adapter: VirtualAdapter;
  readonly #client: VirtualAdapter;
  readonly #records: AdapterRecords;
  readonly #remoteWindow: number;
  readonly #ring: number;
  readonly #ringBytes: number;

  constructor({ hypervisor, adapter, ringEntries, slots }: PartitionLinkOptions) {
    const { partner, remote, partition, window } = adapter;
    if (!partner || !remote) throw new TypeError("a link needs a server adapter with a client");
    this.#ringBytes = ringEntries * CRQ_ENTRY_SIZE;
    if (this.#ringBytes <= 0 || this.#ringBytes % CRQ_PAGE_SIZE !== 0) {
      throw new RangeError(`a CRQ is whole pages of ${CRQ_PAGE_SIZE / CRQ_ENTRY_SIZE} entries, not ${ringEntries}`);
    }
    this.memory = hypervisor.memory;
    this.core = hypervisor.core;
    this.slotCount = slots;
    this.unitAddress = adapter.unitAddress;
    this.#hypervisor = hypervisor;
    this.#adapter = adapter;
    this.#client = partner;
    this.#remoteWindow = remote.record;
    this.#ring = partition.pages.allocate(this.#ringBytes);
    for (let offset = 0; offset < this.#ringBytes; offset += TCE_PAGE_SIZE) {
      const tce = (this.#ring + offset) | TCE_RIGHTS;
      const code = hypervisor.tce.put(partition, window.liobn, 0, RING_IOBA + offset, 0, tce);
      if (code !== H_SUCCESS) throw new RangeError(`the window of ${window.size} bytes does not hold the ring`);
    }
    this.#records = new AdapterRecords(this.memory, {
      ring: partition.memoryAddress + this.#ring,
      ringEntries,
      slots,
      remoteWindow: remote.record,
      clientQueue: partner.queue,
      staged: false,
    });
  }

  get adapter(): number {
    return this.#records.address;
  }

  get completeResult(): number {
    return this.memory.view.getInt32(this.adapter + ADAPTER_COMPLETE_RESULT, true);
  }

  listen(listener: CrqListener): void {
    this.#adapter.onInterrupt = () => listener.interrupt();
  }

  register(): number {
    if (this.#adapter.queueState === QUEUE_CLOSED) {
      const ring = this.#adapter.partition.memoryAddress + this.#ring;
      this.memory.u8.fill(0, ring, ring + this.#ringBytes);
      this.#records.set(ADAPTER_RING_CURSOR, 0);
    }
    return this.#hypervisor.crq.register(this.#adapter.partition, this.unitAddress, RING_IOBA, this.#ringBytes);
  }

  free(): number {
    return this.#hypervisor.crq.free(this.#adapter.partition, this.unitAddress);
  }

  signal(enable: boolean): number {
    const mode = enable ? VIO_SIGNAL_ENABLE : VIO_SIGNAL_DISABLE;
    return this.#hypervisor.crq.signal(this.#adapter.partition, this.unitAddress, mode);
  }

  send(entry: number): number {
    return this.#hypervisor.crq.sendEntry(this.#adapter.partition, this.unitAddress, entry);
  }

  readClient(_slot: number, iobaHigh: number, iobaLow: number, destination: number, length: number): number {
    return this.core.rdma_read(this.#remoteWindow, iobaHigh, iobaLow, destination, length);
  }

  writeClient(_slot: number, iobaHigh: number, iobaLow: number, source: number, length: number): number {
    return this.core.rdma_write(this.#remoteWindow, iobaHigh, iobaLow, source, length);
  }

  gather(slot: number, offset: number, destination: number, length: number): number {
    return this.core.gather(this.adapter, slot, offset, destination, length);
  }

  scatter(slot: number, offset: number, source: number, length: number): number {
    return this.core.scatter(this.adapter, slot, offset, source, length);
  }

  dataInAddress(slot: number, length: number): number {
    return this.core.data_in_address(this.adapter, slot, length) >>> 0;
  }

  complete(count: number): number {
    const done = this.core.complete(this.adapter, count);
    this.#hypervisor.interrupts.deliver(this.#client);
    return done;
  }

  close(): void {
    this.free();
    this.#adapter.onInterrupt = () => {};
    const { partition, window } = this.#adapter;
    window.set(RING_IOBA, this.#ringBytes / TCE_PAGE_SIZE, 0, 0);
    partition.pages.release(this.#ring, this.#ringBytes);
    this.#records.free();
  }
}
