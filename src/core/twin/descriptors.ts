import { H_RESOURCE, H_SUCCESS, TCE_READ, TCE_WRITE } from "../../abi/papr.ts";
import {
  ADAPTER_REMOTE_WINDOW,
  ADAPTER_TABLE,
  DIRECTION_IN,
  DIRECTION_OUT,
  EXTENT_COUNT_MAX,
  FAULT_BIDIRECTIONAL,
  FAULT_DESCRIPTOR_BOUNDS,
  FAULT_DESCRIPTOR_FORMAT,
  FAULT_EXTENT_COUNT,
  FAULT_EXTENT_PERMISSION,
  FAULT_NONE,
  FAULT_TABLE_FETCH,
  FAULT_TABLE_LENGTH,
  SLOT_DIRECTION,
  SLOT_EXTENT_COUNT,
  SLOT_EXTENTS,
  SLOT_GENERATION,
  SLOT_IU,
  SLOT_IU_LENGTH,
  SLOT_TRANSFER_LENGTH,
  STAGED_TABLE,
  STAGED_TABLE_LENGTH,
  TABLE_ENTRIES_MAX,
  WINDOW_GENERATION,
  WINDOW_STAGED,
  WINDOW_STATE,
} from "../../abi/records.ts";
import {
  SRP_CMD_DATA_IN_COUNT,
  SRP_CMD_DATA_OUT_COUNT,
  SRP_CMD_FORMATS,
  SRP_DESCRIPTOR_DIRECT,
  SRP_DESCRIPTOR_INDIRECT,
  SRP_DIRECT_ADDRESS,
  SRP_DIRECT_BYTES,
  SRP_DIRECT_LENGTH,
  SRP_INDIRECT_ADDRESS,
  SRP_INDIRECT_LENGTH,
  SRP_INDIRECT_TABLE_BYTES,
  SRP_INDIRECT_TOTAL,
} from "../../abi/srp.ts";
import type { SharedMemory } from "../shared-memory.ts";
import { copyWindow } from "./rdma.ts";
import { appendExtent, appendTranslated } from "./tce.ts";

/** Walks the descriptors that begin at offset `place` of the slot's IU. Returns the fault. */
export function walk(memory: SharedMemory, adapter: number, slot: number, staged: number, place: number): number {
  const { view, u8 } = memory;
  const formats = view.getUint8(slot + SLOT_IU + SRP_CMD_FORMATS);
  const outFormat = formats >> 4;
  const inFormat = formats & 0xf;
  if (outFormat !== 0 && inFormat !== 0) return FAULT_BIDIRECTIONAL;
  const format = outFormat | inFormat;
  if (format === 0) return FAULT_NONE;
  if (format !== SRP_DESCRIPTOR_DIRECT && format !== SRP_DESCRIPTOR_INDIRECT) return FAULT_DESCRIPTOR_FORMAT;
  view.setUint32(slot + SLOT_DIRECTION, outFormat !== 0 ? DIRECTION_OUT : DIRECTION_IN, true);
  const window = view.getUint32(adapter + ADAPTER_REMOTE_WINDOW, true);
  view.setUint32(slot + SLOT_GENERATION, view.getUint32(window + WINDOW_GENERATION, true), true);

  const length = view.getUint32(slot + SLOT_IU_LENGTH, true);
  const descriptor = slot + SLOT_IU + place;
  if (format === SRP_DESCRIPTOR_DIRECT) {
    if (place + SRP_DIRECT_LENGTH > length) return FAULT_DESCRIPTOR_BOUNDS;
    return translate(memory, slot, window, descriptor, 1, view.getUint32(descriptor + SRP_DIRECT_BYTES));
  }

  const inline = view.getUint8(slot + SLOT_IU + (outFormat !== 0 ? SRP_CMD_DATA_OUT_COUNT : SRP_CMD_DATA_IN_COUNT));
  if (place + SRP_INDIRECT_LENGTH + inline * SRP_DIRECT_LENGTH > length) return FAULT_DESCRIPTOR_BOUNDS;
  const tableBytes = view.getUint32(descriptor + SRP_INDIRECT_TABLE_BYTES);
  const entries = tableBytes / SRP_DIRECT_LENGTH;
  if (!Number.isInteger(entries) || entries > TABLE_ENTRIES_MAX || entries < inline) return FAULT_TABLE_LENGTH;
  const total = view.getUint32(descriptor + SRP_INDIRECT_TOTAL);
  if (entries === inline) return translate(memory, slot, window, descriptor + SRP_INDIRECT_LENGTH, entries, total);

  const table = view.getUint32(adapter + ADAPTER_TABLE, true);
  if (view.getUint32(window + WINDOW_STATE, true) === WINDOW_STAGED) {
    if (staged === 0 || view.getUint32(staged + STAGED_TABLE_LENGTH, true) !== tableBytes) return FAULT_TABLE_FETCH;
    u8.copyWithin(table, staged + STAGED_TABLE, staged + STAGED_TABLE + tableBytes);
  } else {
    const high = view.getUint32(descriptor + SRP_INDIRECT_ADDRESS);
    const low = view.getUint32(descriptor + SRP_INDIRECT_ADDRESS + 4);
    if (copyWindow(memory, window, high, low, table, tableBytes, false) !== H_SUCCESS) return FAULT_TABLE_FETCH;
  }
  return translate(memory, slot, window, table, entries, total);
}

/** Turns `count` direct descriptors at `table` into the slot's extents, `total` bytes at most. */
function translate(
  memory: SharedMemory,
  slot: number,
  window: number,
  table: number,
  count: number,
  total: number,
): number {
  const { view } = memory;
  const rights = view.getUint32(slot + SLOT_DIRECTION, true) === DIRECTION_IN ? TCE_WRITE : TCE_READ;
  const staged = view.getUint32(window + WINDOW_STATE, true) === WINDOW_STAGED;
  const extents = slot + SLOT_EXTENTS;
  let extentCount = 0;
  let left = total;
  let fault = FAULT_NONE;
  for (let index = 0; index < count && left > 0; index++) {
    const entry = table + index * SRP_DIRECT_LENGTH;
    const length = Math.min(left, view.getUint32(entry + SRP_DIRECT_BYTES));
    if (length === 0) continue;
    left -= length;
    if (fault !== FAULT_NONE) continue;
    const high = view.getUint32(entry + SRP_DIRECT_ADDRESS);
    const low = view.getUint32(entry + SRP_DIRECT_ADDRESS + 4);
    const next = staged
      ? appendExtent(memory, extents, extentCount, EXTENT_COUNT_MAX, high, low, 0, length)
      : appendTranslated(memory, window, high, low, length, rights, extents, extentCount, EXTENT_COUNT_MAX);
    if (next >= 0) extentCount = next;
    else fault = next === H_RESOURCE ? FAULT_EXTENT_COUNT : FAULT_EXTENT_PERMISSION;
  }
  // What could not be translated in full is not to be used in part.
  if (fault !== FAULT_NONE) extentCount = 0;
  view.setUint32(slot + SLOT_TRANSFER_LENGTH, total - left, true);
  view.setUint32(slot + SLOT_EXTENT_COUNT, extentCount, true);
  return fault;
}
