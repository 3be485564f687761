import { CORE_ABI_VERSION } from "../../abi/records.ts";
import type { CoreExports } from "../exports.ts";
import type { SharedMemory } from "../shared-memory.ts";
import { copyBetween, copySlot, copyWindow } from "./rdma.ts";
import { put, release, scan } from "./ring.ts";
import { buildEntry, buildResponse, decode } from "./srp.ts";
import { complete, drain } from "./step.ts";
import { appendTranslated } from "./tce.ts";

/** The core in plain JavaScript, on the same memory and records as the WebAssembly builds. */
export function createTwin(memory: SharedMemory): CoreExports {
  return {
    abi_version: () => CORE_ABI_VERSION,
    crq_put: (queue, entry) => put(memory, queue, entry),
    crq_scan: (ring, entries, cursor, out, max) => scan(memory, ring, entries, cursor, out, max),
    tce_translate: (window, high, low, length, rights, extents, max) =>
      appendTranslated(memory, window, high, low, length, rights, extents, 0, max),
    rdma_copy: (length, from, fromHigh, fromLow, to, toHigh, toLow) =>
      copyBetween(memory, length, from, fromHigh, fromLow, to, toHigh, toLow),
    rdma_write: (window, high, low, source, length) => copyWindow(memory, window, high, low, source, length, true),
    rdma_read: (window, high, low, destination, length) =>
      copyWindow(memory, window, high, low, destination, length, false),
    srp_decode: (adapter, slot, staged) => decode(memory, adapter, slot, staged),
    srp_build_response: (slot) => buildResponse(memory, slot),
    srp_build_entry: (slot, entry) => buildEntry(memory, slot, entry),
    drain: (adapter, max) => drain(memory, adapter, max),
    complete: (adapter, count) => complete(memory, adapter, count),
    slot_release: (adapter, slot) => release(memory, adapter, slot),
    scatter: (adapter, slot, offset, source, length) => copySlot(memory, adapter, slot, offset, source, length, true),
    gather: (adapter, slot, offset, destination, length) =>
      copySlot(memory, adapter, slot, offset, destination, length, false),
    bytes_copy: (destination, source, length) => {
      memory.u8.copyWithin(destination, source, source + length);
    },
  };
}
