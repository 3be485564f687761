import { CORE_ABI_VERSION } from "../../abi/records.ts";
import type { CoreExports } from "../exports.ts";
import type { SharedMemory } from "../shared-memory.ts";
import { copyBetween, copySlot, copyWindow, dataInAddress } from "./rdma.ts";
import { put, release, scan } from "./ring.ts";
import { buildEntry, buildResponse, decode } from "./srp.ts";
import { complete, drain } from "./step.ts";
import { appendTranslated } from "./tce.ts";

/**
 * The core in plain JavaScript, on the same memory and records as the WebAssembly builds and equal to them byte for
 * byte. As with those, words may come signed or unsigned.
 */
export function createTwin(memory: SharedMemory): CoreExports {
  return {
    abi_version: () => CORE_ABI_VERSION,
    crq_put: (queue, entry) => put(memory, queue, entry),
    crq_scan: (ring, entries, cursor, out, max) => scan(memory, ring, entries, cursor, out, max),
    tce_translate: (window, high, low, length, rights, extents, max) =>
      appendTranslated(memory, window, high >>> 0, low >>> 0, length >>> 0, rights, extents, 0, max),
    rdma_copy: (length, from, fromHigh, fromLow, to, toHigh, toLow) =>
      copyBetween(memory, length >>> 0, from, fromHigh >>> 0, fromLow >>> 0, to, toHigh >>> 0, toLow >>> 0),
    rdma_write: (window, high, low, source, length) =>
      copyWindow(memory, window, high >>> 0, low >>> 0, source, length >>> 0, true),
    rdma_read: (window, high, low, destination, length) =>
      copyWindow(memory, window, high >>> 0, low >>> 0, destination, length >>> 0, false),
    srp_decode: (adapter, slot, staged) => decode(memory, adapter, slot, staged),
    srp_build_response: (slot) => buildResponse(memory, slot),
    srp_build_entry: (slot, entry) => buildEntry(memory, slot, entry),
    drain: (adapter, max) => drain(memory, adapter, max),
    complete: (adapter, count) => complete(memory, adapter, count),
    slot_release: (adapter, slot) => release(memory, adapter, slot),
    scatter: (adapter, slot, offset, source, length) =>
      copySlot(memory, adapter, slot, offset >>> 0, source, length >>> 0, true),
    gather: (adapter, slot, offset, destination, length) =>
      copySlot(memory, adapter, slot, offset >>> 0, destination, length >>> 0, false),
    data_in_address: (adapter, slot, length) => dataInAddress(memory, adapter, slot, length >>> 0),
    bytes_copy: (destination, source, length) => {
      memory.u8.copyWithin(destination, source, source + length);
    },
  };
}
