import type { CoreExports } from "./exports.ts";
import type { SharedMemory } from "./shared-memory.ts";

/**
 * A server adapter's way to its hypervisor, as `src/target` uses it. The software hypervisor (`src/papr`) implements
 * it for partitions in this process, `src/ports/qemu` for a guest under QEMU; the two meet the server adapter only in
 * the daemon.
 *
 * Return codes are PAPR's (`src/abi/papr.ts`). A copy that cannot be made at once returns H_IN_PROGRESS and ends
 * with {@link CrqListener.copyDone}.
 */
export interface CrqLink {
  readonly memory: SharedMemory;
  readonly core: CoreExports;
  /** Address of the ADAPTER record: ring, slots and lists are laid out and the free list is full. */
  readonly adapter: number;
  /** Slots that the adapter has. */
  readonly slotCount: number;
  /** The adapter's own unit address. */
  readonly unitAddress: number;

  /** Who is told of entries and finished copies. Set once, before `register`. */
  listen(listener: CrqListener): void;

  /** H_REG_CRQ: zeroes the ring and registers it. H_SUCCESS, H_CLOSED (registered, partner absent), H_RESOURCE. */
  register(): number;

  /** H_FREE_CRQ: H_SUCCESS or H_BUSY. Copies still under way are forgotten: no copyDone follows. */
  free(): number;

  /** H_VIO_SIGNAL: interrupts on or off. One lost while off is not made up for: drain, enable, look again. */
  signal(enable: boolean): number;

  /** H_SEND_CRQ of the 16 bytes at linear address `entry`: H_SUCCESS, H_CLOSED, H_DROPPED. */
  send(entry: number): number;

  /** Copies client memory at an IOBA to linear memory (H_COPY_RDMA towards us). `slot` names it in copyDone. */
  readClient(slot: number, iobaHigh: number, iobaLow: number, destination: number, length: number): number;

  /** Copies linear memory to client memory at an IOBA. Always ordered before a later `complete` or `send`. */
  writeClient(slot: number, iobaHigh: number, iobaLow: number, source: number, length: number): number;

  /** Moves bytes of the slot's data-out buffer to linear memory. */
  gather(slot: number, offset: number, destination: number, length: number): number;

  /**
   * Moves linear memory into the slot's data-in buffer, ordered before a later `complete`. The source may be reused
   * as soon as this returns.
   */
  scatter(slot: number, offset: number, source: number, length: number): number;

  /**
   * Linear address of the slot's data-in buffer, if its first `length` bytes are in one piece there; 0 otherwise. The client may
   * take it back as soon as the caller's turn ends.
   */
  dataInAddress(slot: number, length: number): number;

  /**
   * Answers the first `count` slots of the adapter's COMPLETE_LIST, as the core's `complete`: returns how many were
   * dealt with (their slots are free again); `completeResult` holds the reason when fewer.
   */
  complete(count: number): number;
  readonly completeResult: number;

  /** Leaves the hypervisor, as at the end of the process, and releases everything; the link is not used again. */
  close(): void;
}

/** What a link tells its server adapter. Never called from within one of the link's own methods. */
export interface CrqListener {
  /** Entries may be on the ring. */
  interrupt(): void;
  /** A copy that returned H_IN_PROGRESS ended with `result` (H_SUCCESS, H_PERMISSION, H_CLOSED …). */
  copyDone(slot: number, result: number): void;
}
