import {
  CRQ_ENTRY_SIZE,
  CRQ_FORMAT,
  CRQ_HEADER,
  CRQ_INITIALIZATION,
  CRQ_IU_ADDRESS,
  CRQ_IU_LENGTH,
  CRQ_STATUS,
} from "../abi/crq.ts";
import { VIO_SIGNAL_DISABLE, VIO_SIGNAL_ENABLE } from "../abi/papr.ts";
import type { Hypervisor } from "../papr/hypervisor.ts";
import type { VirtualAdapter } from "../papr/virtual-adapter.ts";
import { type DmaBuffer, type DmaSpace, firstIoba } from "./dma.ts";

/** An entry that the client took off its queue. */
export interface CrqEntry {
  readonly header: number;
  readonly format: number;
  readonly status: number;
  readonly length: number;
  /** The request's tag, in the byte order of the wire. */
  readonly tag: bigint;
  readonly bytes: Uint8Array;
}

/** Entries taken in one call of the core. */
const BATCH = 16;

/**
 * The client's side of its CRQ, and the raw layer for tests that break the protocol: entries in, entries out, and
 * the drain, enable, look-again loop that lost interrupts demand. [LoPAR] ch_virtual_io, Reliable CRQ Transport.
 */
export class ClientQueue {
  readonly #hypervisor: Hypervisor;
  readonly #adapter: VirtualAdapter;
  readonly #dma: DmaSpace;
  readonly #ring: DmaBuffer;
  readonly #batch: number;
  readonly #onEntry: (entry: CrqEntry) => void;
  #cursor = 0;
  /** Raised by every registration: what was taken before belongs to the past. */
  #epoch = 0;

  constructor(
    hypervisor: Hypervisor,
    adapter: VirtualAdapter,
    dma: DmaSpace,
    bytes: number,
    onEntry: (entry: CrqEntry) => void,
  ) {
    this.#hypervisor = hypervisor;
    this.#adapter = adapter;
    this.#dma = dma;
    this.#ring = dma.allocate(bytes);
    this.#batch = hypervisor.memory.allocate(BATCH * CRQ_ENTRY_SIZE);
    this.#onEntry = onEntry;
    adapter.onInterrupt = () => this.#interrupt();
  }

  /** Zeroes the queue and registers it. @returns the code of H_REG_CRQ */
  register(): number {
    this.#hypervisor.memory.u8.fill(0, this.#ring.address, this.#ring.address + this.#ring.length);
    this.#cursor = 0;
    this.#epoch++;
    const { partition, unitAddress } = this.#adapter;
    return this.#hypervisor.crq.register(partition, unitAddress, firstIoba(this.#ring), this.#ring.length);
  }

  free(): number {
    this.#epoch++;
    return this.#hypervisor.crq.free(this.#adapter.partition, this.#adapter.unitAddress);
  }

  /** H_ENABLE_CRQ. */
  enable(): number {
    return this.#hypervisor.crq.enable(this.#adapter.partition, this.#adapter.unitAddress);
  }

  /** Switches interrupts on and takes whatever has come before. */
  listen(): void {
    this.#interrupt();
  }

  /** H_SEND_CRQ of an entry given as its four words. */
  send(word0: number, word1: number, word2: number, word3: number): number {
    return this.#hypervisor.crq.send(this.#adapter.partition, this.#adapter.unitAddress, word0, word1, word2, word3);
  }

  /** H_SEND_CRQ of any 16 bytes. */
  sendRaw(entry: Uint8Array): number {
    const view = new DataView(entry.buffer, entry.byteOffset, CRQ_ENTRY_SIZE);
    return this.send(view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12));
  }

  /** Sends an initialization message: CRQ_INIT or CRQ_INIT_COMPLETE. */
  sendInitialization(format: number): number {
    return this.send(((CRQ_INITIALIZATION << 24) | (format << 16)) >>> 0, 0, 0, 0);
  }

  close(): void {
    this.free();
    this.#adapter.onInterrupt = () => {};
    this.#dma.release(this.#ring);
    this.#hypervisor.memory.free(this.#batch, BATCH * CRQ_ENTRY_SIZE);
  }

  #interrupt(): void {
    this.#signal(VIO_SIGNAL_DISABLE);
    const epoch = this.#epoch;
    do {
      while (this.#drain()) if (epoch !== this.#epoch) return;
      this.#signal(VIO_SIGNAL_ENABLE);
    } while (this.#drain() && epoch === this.#epoch);
  }

  /** Takes a batch. A handler that registers anew makes the rest of it void. @returns whether anything came */
  #drain(): boolean {
    const { core, memory } = this.#hypervisor;
    const entries = this.#ring.length / CRQ_ENTRY_SIZE;
    const taken = core.crq_scan(this.#ring.address, entries, this.#cursor, this.#batch, BATCH);
    this.#cursor = (this.#cursor + taken) % entries;
    const bytes = memory.u8.slice(this.#batch, this.#batch + taken * CRQ_ENTRY_SIZE);
    const epoch = this.#epoch;
    for (let offset = 0; offset < bytes.length && epoch === this.#epoch; offset += CRQ_ENTRY_SIZE) {
      this.#onEntry(parse(bytes.subarray(offset, offset + CRQ_ENTRY_SIZE)));
    }
    return taken > 0;
  }

  #signal(mode: number): void {
    this.#hypervisor.crq.signal(this.#adapter.partition, this.#adapter.unitAddress, mode);
  }
}

function parse(bytes: Uint8Array): CrqEntry {
  const view = new DataView(bytes.buffer, bytes.byteOffset, CRQ_ENTRY_SIZE);
  return {
    header: view.getUint8(CRQ_HEADER),
    format: view.getUint8(CRQ_FORMAT),
    status: view.getUint8(CRQ_STATUS),
    length: view.getUint16(CRQ_IU_LENGTH),
    tag: view.getBigUint64(CRQ_IU_ADDRESS),
    bytes,
  };
}
