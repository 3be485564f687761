import {
  CRQ_ENTRY_SIZE,
  CRQ_EVENT_PARTNER_DEREGISTERED,
  CRQ_EVENT_PARTNER_FAILED,
  CRQ_EVENT_SUSPENDED,
  CRQ_FORMAT,
  CRQ_FREE,
  CRQ_HEADER,
  CRQ_TRANSPORT_EVENT,
} from "../abi/crq.ts";
import {
  CRQ_PAGE_SIZE,
  H_CLOSED,
  H_DROPPED,
  H_NOT_FOUND,
  H_PARAMETER,
  H_RESOURCE,
  H_SUCCESS,
  TCE_WRITE,
  VIO_SIGNAL_DISABLE,
  VIO_SIGNAL_ENABLE,
} from "../abi/papr.ts";
import {
  EXTENT_LINEAR,
  EXTENT_SIZE,
  QUEUE_CLOSED,
  QUEUE_DISABLED,
  QUEUE_ENQUEUE,
  QUEUE_IOBA,
  QUEUE_LENGTH,
  QUEUE_OPEN,
  QUEUE_SIGNAL_MODE,
  QUEUE_STATE,
} from "../abi/records.ts";
import type { CoreExports } from "../core/exports.ts";
import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import type { Interrupts } from "./interrupts.ts";
import type { Partition } from "./partition.ts";
import type { VirtualAdapter } from "./virtual-adapter.ts";

/** Top bit of the header: the caller's entry is a valid one. */
const CRQ_VALID = 0x80;

/**
 * The reliable command/response transport. [LoPAR] ch_virtual_io, Reliable CRQ transport. Each call checks its
 * arguments in the order that the specification gives the return codes.
 */
export class CrqCalls {
  readonly #memory: SharedMemory;
  readonly #core: CoreExports;
  readonly #interrupts: Interrupts;
  readonly #log: Log;
  /** Room for one entry and for one EXTENT. */
  readonly #entry: number;
  readonly #extent: number;

  constructor(memory: SharedMemory, core: CoreExports, interrupts: Interrupts, log: Log) {
    this.#memory = memory;
    this.#core = core;
    this.#interrupts = interrupts;
    this.#log = log;
    this.#entry = memory.allocate(CRQ_ENTRY_SIZE);
    this.#extent = memory.allocate(EXTENT_SIZE);
  }

  /**
   * H_REG_CRQ. The owner has zeroed the headers before.
   * @returns H_SUCCESS; H_CLOSED (registered, partner is not); H_PARAMETER; H_NOT_FOUND without a connection;
   * H_RESOURCE when already registered
   */
  register(partition: Partition, unitAddress: number, ioba: number, length: number): number {
    const adapter = partition.adapters.get(unitAddress);
    if (!adapter) return H_PARAMETER;
    if (ioba < 0 || ioba % CRQ_PAGE_SIZE !== 0 || length <= 0 || length % CRQ_PAGE_SIZE !== 0) return H_PARAMETER;
    if (ioba + length > adapter.window.size || !adapter.window.mapped(ioba, length)) return H_PARAMETER;
    const { partner } = adapter;
    if (!partner) return H_NOT_FOUND;
    if (adapter.queueState !== QUEUE_CLOSED) return H_RESOURCE;
    this.#interrupts.withdraw(adapter);
    adapter.setQueue(QUEUE_IOBA, ioba);
    adapter.setQueue(QUEUE_LENGTH, length);
    adapter.setQueue(QUEUE_ENQUEUE, 0);
    adapter.setQueue(QUEUE_SIGNAL_MODE, VIO_SIGNAL_DISABLE);
    adapter.setQueue(QUEUE_STATE, QUEUE_OPEN);
    adapter.refreshRemotePane();
    return partner.queueState === QUEUE_CLOSED ? H_CLOSED : H_SUCCESS;
  }

  /** H_FREE_CRQ: a registered partner is told by event FF 02. Freeing an unregistered queue succeeds. */
  free(partition: Partition, unitAddress: number): number {
    const adapter = partition.adapters.get(unitAddress);
    if (!adapter) return H_PARAMETER;
    this.#close(adapter, CRQ_EVENT_PARTNER_DEREGISTERED);
    return H_SUCCESS;
  }

  /**
   * H_SEND_CRQ. The registers come as four big-endian words of the entry, in its order.
   * @returns H_SUCCESS; H_PARAMETER; H_CLOSED; H_DROPPED when the partner's queue is full
   */
  send(partition: Partition, unitAddress: number, word0: number, word1: number, word2: number, word3: number): number {
    const { view } = this.#memory;
    view.setUint32(this.#entry, word0);
    view.setUint32(this.#entry + 4, word1);
    view.setUint32(this.#entry + 8, word2);
    view.setUint32(this.#entry + 12, word3);
    return this.sendEntry(partition, unitAddress, this.#entry);
  }

  /** H_SEND_CRQ of the 16 bytes at a linear address. */
  sendEntry(partition: Partition, unitAddress: number, entry: number): number {
    const adapter = partition.adapters.get(unitAddress);
    if (!adapter) return H_PARAMETER;
    const header = this.#memory.view.getUint8(entry + CRQ_HEADER);
    if ((header & CRQ_VALID) === 0 || header === CRQ_TRANSPORT_EVENT) return H_PARAMETER;
    const { partner } = adapter;
    if (!partner) return H_CLOSED;
    const code = this.#core.crq_put(partner.queue, entry);
    if (code === H_SUCCESS) this.#interrupts.deliver(partner);
    return code;
  }

  /** H_VIO_SIGNAL: any mode bit but the first interrupt specifier's gives H_PARAMETER. */
  signal(partition: Partition, unitAddress: number, mode: number): number {
    const adapter = partition.adapters.get(unitAddress);
    if (!adapter) return H_PARAMETER;
    if (mode !== VIO_SIGNAL_DISABLE && mode !== VIO_SIGNAL_ENABLE) return H_PARAMETER;
    adapter.setQueue(QUEUE_SIGNAL_MODE, mode);
    return H_SUCCESS;
  }

  /** H_ENABLE_CRQ: re-arms a queue that a suspend event disabled. */
  enable(partition: Partition, unitAddress: number): number {
    const adapter = partition.adapters.get(unitAddress);
    if (!adapter) return H_PARAMETER;
    if (adapter.queueState === QUEUE_DISABLED) {
      adapter.setQueue(QUEUE_STATE, QUEUE_OPEN);
      adapter.refreshRemotePane();
    }
    return H_SUCCESS;
  }

  /** The adapter's partition crashed: its partner is told by event FF 01. */
  fail(adapter: VirtualAdapter): void {
    this.#close(adapter, CRQ_EVENT_PARTNER_FAILED);
  }

  /**
   * The client was suspended and moved: it finds event FF 06 in its queue, which takes nothing more until H_ENABLE_CRQ.
   * The server that it left sees its client deregistered.
   */
  suspend(client: VirtualAdapter): void {
    if (client.queueState !== QUEUE_OPEN) return;
    this.#putEvent(client, CRQ_EVENT_SUSPENDED);
    client.setQueue(QUEUE_STATE, QUEUE_DISABLED);
    client.refreshRemotePane();
    if (client.partner) this.#putEvent(client.partner, CRQ_EVENT_PARTNER_DEREGISTERED);
  }

  #close(adapter: VirtualAdapter, event: number): void {
    if (adapter.queueState === QUEUE_CLOSED) return;
    adapter.setQueue(QUEUE_STATE, QUEUE_CLOSED);
    adapter.setQueue(QUEUE_SIGNAL_MODE, VIO_SIGNAL_DISABLE);
    this.#interrupts.withdraw(adapter);
    adapter.refreshRemotePane();
    if (adapter.partner) this.#putEvent(adapter.partner, event);
  }

  /** Puts a transport event, over the last valid entry when the queue is full: the one way an entry is lost. */
  #putEvent(adapter: VirtualAdapter, event: number): void {
    const state = adapter.queueState;
    if (state === QUEUE_CLOSED) return;
    const { u8 } = this.#memory;
    u8.fill(0, this.#entry, this.#entry + CRQ_ENTRY_SIZE);
    u8[this.#entry + CRQ_HEADER] = CRQ_TRANSPORT_EVENT;
    u8[this.#entry + CRQ_FORMAT] = event;
    // A suspended queue refuses H_SEND_CRQ, not the hypervisor.
    adapter.setQueue(QUEUE_STATE, QUEUE_OPEN);
    let code = this.#core.crq_put(adapter.queue, this.#entry);
    if (code === H_DROPPED && this.#freeLastEntry(adapter)) code = this.#core.crq_put(adapter.queue, this.#entry);
    adapter.setQueue(QUEUE_STATE, state);
    if (code === H_SUCCESS) this.#interrupts.deliver(adapter);
    else this.#log.warn({ unitAddress: adapter.unitAddress, event, code }, "transport event not delivered");
  }

  /** Steps the enqueue pointer back onto the last entry and frees that. */
  #freeLastEntry(adapter: VirtualAdapter): boolean {
    const length = adapter.queueField(QUEUE_LENGTH);
    const last = (adapter.queueField(QUEUE_ENQUEUE) + length - CRQ_ENTRY_SIZE) % length;
    const ioba = adapter.queueField(QUEUE_IOBA) + last;
    const extents = this.#core.tce_translate(
      adapter.window.record,
      0,
      ioba,
      CRQ_ENTRY_SIZE,
      TCE_WRITE,
      this.#extent,
      1,
    );
    if (extents !== 1) return false;
    const { view } = this.#memory;
    view.setUint8(view.getUint32(this.#extent + EXTENT_LINEAR, true) + CRQ_HEADER, CRQ_FREE);
    adapter.setQueue(QUEUE_ENQUEUE, last);
    return true;
  }
}
