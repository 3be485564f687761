/**
 * What every implementation of the core offers: the WebAssembly builds and the plain-JavaScript twin alike.
 * Functions take and give plain 32-bit numbers; everything larger goes through records in linear memory
 * (`src/abi/records.ts`). None allocates, none throws, whatever the client put into its memory.
 */
export interface CoreExports {
  /** `CORE_ABI_VERSION` that this build was made with. */
  abi_version(): number;

  /**
   * Puts one 16-byte entry into a partition's CRQ as H_SEND_CRQ does: bytes 1-15 first, the header last (release).
   * The slot is found through the owner's TCEs on every call.
   * @param queue address of the QUEUE record
   * @param entry address of the 16 bytes
   * @returns H_SUCCESS; H_CLOSED when the queue is not open; H_DROPPED when the next slot's header is not zero;
   * H_HARDWARE when the slot is no longer mapped. Sets QUEUE_INTERRUPT when the signal mode is on.
   */
  crq_put(queue: number, entry: number): number;

  /**
   * Takes valid entries off a ring: reads the header (acquire), copies the entry to `out`, clears the header.
   * @param ring linear address of the ring; `entries` its length in entries; `cursor` the index to begin at
   * @param out room for `max` entries
   * @returns entries taken; the new cursor is (cursor + result) % entries
   */
  crq_scan(ring: number, entries: number, cursor: number, out: number, max: number): number;

  /**
   * Translates `length` bytes of I/O space into EXTENT records, joining pages that are neighbours in linear memory.
   * @param rights TCE_READ and/or TCE_WRITE, needed of every page
   * @returns number of extents written (0 for length 0); H_PARAMETER when the range leaves the window or wraps;
   * H_PERMISSION when the window is cut, a TCE lacks a right or points outside the partition; H_RESOURCE when `max`
   * extents do not suffice
   */
  tce_translate(
    window: number,
    iobaHigh: number,
    iobaLow: number,
    length: number,
    rights: number,
    extents: number,
    max: number,
  ): number;

  /**
   * H_COPY_RDMA between two translated windows; ranges may cross pages, each page has its own TCE. The limit of
   * ibm,max-virtual-dma-size is the hypervisor's to check.
   * @returns H_SUCCESS, H_SOURCE_PARM, H_DEST_PARM, H_PERMISSION. Earlier pages may have been written on failure.
   */
  rdma_copy(
    length: number,
    sourceWindow: number,
    sourceHigh: number,
    sourceLow: number,
    destinationWindow: number,
    destinationHigh: number,
    destinationLow: number,
  ): number;

  /** Linear (own) memory to I/O space of a window: TCE_WRITE needed. Returns as rdma_copy does. */
  rdma_write(window: number, iobaHigh: number, iobaLow: number, source: number, length: number): number;

  /** I/O space of a window to linear (own) memory: TCE_READ needed. Returns as rdma_copy does. */
  rdma_read(window: number, iobaHigh: number, iobaLow: number, destination: number, length: number): number;

  /**
   * Decodes the IU that stands in a slot (SLOT_IU, SLOT_IU_LENGTH, SLOT_ENTRY): type, tag, LUN, CDB, descriptors,
   * extents. `staged` is the address of the STAGED record that came with it, or 0.
   * @returns the SLOT_FAULT it stored
   */
  srp_decode(adapter: number, slot: number, staged: number): number;

  /** Builds the SRP_RSP of a slot at SLOT_RESPONSE from the fields the host wrote; returns its length. */
  srp_build_response(slot: number): number;

  /** Builds at `entry` the 16-byte CRQ entry that tells the client of a slot's response. */
  srp_build_entry(slot: number, entry: number): void;

  /**
   * Drains the adapter's ring: for up to `max` entries takes a free slot, moves the entry into it, clears the valid
   * byte, fetches and decodes the IU. Slots come out in READY_LIST in ring order with state DECODED.
   * Stops after an initialization or transport event (DRAIN_BARRIER), on an empty ring, at `max`, or without a slot.
   * @returns number of slots in READY_LIST; ADAPTER_DRAIN_STOP says why it stopped
   */
  drain(adapter: number, max: number): number;

  /**
   * Answers the first `count` slots of COMPLETE_LIST in order: builds the response (SLOT_ANSWER), copies it to the
   * address its request came from, puts the entry with the tag into the client's queue, frees the slot.
   * With a staged window the response is only built and the slot left RESPONDED: the port sends it and calls
   * slot_release.
   * @returns slots dealt with; fewer than `count` when the client's queue or memory refused, ADAPTER_COMPLETE_RESULT
   * then holds H_DROPPED (repeat later: SLOT_RESPONSE_COPIED remembers the copy), H_CLOSED or H_PERMISSION
   */
  complete(adapter: number, count: number): number;

  /** Puts a slot back on the free list. */
  slot_release(adapter: number, slot: number): void;

  /**
   * Server memory to the client's data-in buffer: bytes [offset, offset+length) of the slot's extents.
   * Translates anew when WINDOW_GENERATION has moved on. Not for staged windows.
   * @returns H_SUCCESS; H_PERMISSION, also when the slot's buffer is data-out; H_DEST_PARM when the range exceeds it
   */
  scatter(adapter: number, slot: number, offset: number, source: number, length: number): number;

  /** The client's data-out buffer to server memory; as scatter. @returns H_SUCCESS, H_PERMISSION, H_SOURCE_PARM */
  gather(adapter: number, slot: number, offset: number, destination: number, length: number): number;

  /**
   * Linear address of the client's data-in buffer, where its first `length` bytes are in one piece and the TCEs are still those
   * that the slot was decoded with: they may be written there instead of by scatter, before the client runs again.
   * @returns 0 otherwise, and for staged windows
   */
  data_in_address(adapter: number, slot: number, length: number): number;

  /** Copies within linear memory (SIMD where the build has it). Ranges must not overlap. */
  bytes_copy(destination: number, source: number, length: number): void;
}
