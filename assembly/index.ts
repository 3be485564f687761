// The exported ABI, and nothing else: src/core/exports.ts tells what each function does, docs of records in src/abi.

import { CORE_ABI_VERSION } from "../src/abi/records";
import { copy } from "./bytes";
import { put, scan } from "./crq";
import { copyBetween, copyIn, copyOut, copySlot, dataInAddress } from "./rdma";
import { release } from "./slots";
import { buildEntry, buildResponse, decode } from "./srp";
import { completeList, drainRing } from "./step";
import { appendTranslated } from "./tce";

@inline
function wide(high: u32, low: u32): u64 {
  return (<u64>high << 32) | low;
}

export function abi_version(): i32 {
  return CORE_ABI_VERSION;
}

export function crq_put(queue: u32, entry: u32): i32 {
  return put(queue, entry);
}

export function crq_scan(ring: u32, entries: u32, cursor: u32, out: u32, max: u32): u32 {
  return scan(ring, entries, cursor, out, max);
}

export function tce_translate(
  window: u32,
  iobaHigh: u32,
  iobaLow: u32,
  length: u32,
  rights: u32,
  extents: u32,
  max: i32,
): i32 {
  return appendTranslated(window, wide(iobaHigh, iobaLow), length, rights, extents, 0, max);
}

export function rdma_copy(
  length: u32,
  sourceWindow: u32,
  sourceHigh: u32,
  sourceLow: u32,
  destinationWindow: u32,
  destinationHigh: u32,
  destinationLow: u32,
): i32 {
  const from = wide(sourceHigh, sourceLow);
  return copyBetween(length, sourceWindow, from, destinationWindow, wide(destinationHigh, destinationLow));
}

export function rdma_write(window: u32, iobaHigh: u32, iobaLow: u32, source: u32, length: u32): i32 {
  return copyOut(window, wide(iobaHigh, iobaLow), source, length);
}

export function rdma_read(window: u32, iobaHigh: u32, iobaLow: u32, destination: u32, length: u32): i32 {
  return copyIn(window, wide(iobaHigh, iobaLow), destination, length);
}

export function srp_decode(adapter: u32, slot: u32, staged: u32): u32 {
  return decode(adapter, slot, staged);
}

export function srp_build_response(slot: u32): u32 {
  return buildResponse(slot);
}

export function srp_build_entry(slot: u32, entry: u32): void {
  buildEntry(slot, entry);
}

export function drain(adapter: u32, max: u32): u32 {
  return drainRing(adapter, max);
}

export function complete(adapter: u32, count: u32): u32 {
  return completeList(adapter, count);
}

export function slot_release(adapter: u32, slot: u32): void {
  release(adapter, slot);
}

export function scatter(adapter: u32, slot: u32, offset: u32, source: u32, length: u32): i32 {
  return copySlot(adapter, slot, offset, source, length, true);
}

export function gather(adapter: u32, slot: u32, offset: u32, destination: u32, length: u32): i32 {
  return copySlot(adapter, slot, offset, destination, length, false);
}

export function data_in_address(adapter: u32, slot: u32, length: u32): u32 {
  return dataInAddress(adapter, slot, length);
}

export function bytes_copy(destination: u32, source: u32, length: u32): void {
  copy(destination, source, length);
}
