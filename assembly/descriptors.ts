// Buffer descriptors of an SRP_CMD, walked into extents. [SRP] r16a 5.6; [LoPAR] app_virtual_scsi.

import { H_RESOURCE, H_SUCCESS, TCE_READ, TCE_WRITE } from "../src/abi/papr";
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
  SLOT_EXTENTS,
  SLOT_EXTENT_COUNT,
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
} from "../src/abi/records";
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
} from "../src/abi/srp";
import { copy, loadBig32, loadBig64 } from "./bytes";
import { copyIn } from "./rdma";
import { appendExtent, appendTranslated } from "./tce";

/** Walks the descriptors that begin at offset `place` of the slot's IU. Returns the fault. */
@inline
export function walk(adapter: u32, slot: u32, staged: u32, place: u32): u32 {
  const formats = load<u8>(slot + SLOT_IU + SRP_CMD_FORMATS);
  const outFormat = <u32>formats >> 4;
  const inFormat = <u32>formats & 0xf;
  if (outFormat && inFormat) return FAULT_BIDIRECTIONAL;
  const format = outFormat | inFormat;
  if (format == 0) return FAULT_NONE;
  if (format != SRP_DESCRIPTOR_DIRECT && format != SRP_DESCRIPTOR_INDIRECT) return FAULT_DESCRIPTOR_FORMAT;
  store<u32>(slot + SLOT_DIRECTION, outFormat ? DIRECTION_OUT : DIRECTION_IN);
  const window = load<u32>(adapter + ADAPTER_REMOTE_WINDOW);
  store<u32>(slot + SLOT_GENERATION, load<u32>(window + WINDOW_GENERATION));

  const length = load<u32>(slot + SLOT_IU_LENGTH);
  const descriptor = slot + SLOT_IU + place;
  let table = descriptor;
  let entries: u32 = 1;
  let total: u32;
  if (format == SRP_DESCRIPTOR_DIRECT) {
    if (place + SRP_DIRECT_LENGTH > length) return FAULT_DESCRIPTOR_BOUNDS;
    total = loadBig32(descriptor + SRP_DIRECT_BYTES);
  } else {
    const inline: u32 = load<u8>(slot + SLOT_IU + (outFormat ? SRP_CMD_DATA_OUT_COUNT : SRP_CMD_DATA_IN_COUNT));
    if (place + SRP_INDIRECT_LENGTH + inline * SRP_DIRECT_LENGTH > length) return FAULT_DESCRIPTOR_BOUNDS;
    const tableBytes = loadBig32(descriptor + SRP_INDIRECT_TABLE_BYTES);
    entries = tableBytes / SRP_DIRECT_LENGTH;
    if (tableBytes % SRP_DIRECT_LENGTH || entries > <u32>TABLE_ENTRIES_MAX || entries < inline)
      return FAULT_TABLE_LENGTH;
    total = loadBig32(descriptor + SRP_INDIRECT_TOTAL);
    table = descriptor + SRP_INDIRECT_LENGTH;
    if (entries != inline) {
      // The inline entries are only a prefix: the whole table comes from the client's memory, into memory of ours.
      table = load<u32>(adapter + ADAPTER_TABLE);
      if (!fetchTable(window, staged, descriptor, table, tableBytes)) return FAULT_TABLE_FETCH;
    }
  }
  return translate(slot, window, table, entries, total);
}

function fetchTable(window: u32, staged: u32, descriptor: u32, table: u32, tableBytes: u32): bool {
  if (load<u32>(window + WINDOW_STATE) != WINDOW_STAGED)
    return copyIn(window, loadBig64(descriptor + SRP_INDIRECT_ADDRESS), table, tableBytes) == H_SUCCESS;
  if (staged == 0 || load<u32>(staged + STAGED_TABLE_LENGTH) != tableBytes) return false;
  copy(table, staged + STAGED_TABLE, tableBytes);
  return true;
}

/** Turns `count` direct descriptors at `table` into the slot's extents, `total` bytes at most. */
@inline
function translate(slot: u32, window: u32, table: u32, count: u32, total: u32): u32 {
  const rights = load<u32>(slot + SLOT_DIRECTION) == DIRECTION_IN ? TCE_WRITE : TCE_READ;
  const staged = load<u32>(window + WINDOW_STATE) == WINDOW_STAGED;
  const extents = slot + SLOT_EXTENTS;
  let extentCount: i32 = 0;
  let left = total;
  let fault: u32 = FAULT_NONE;
  for (let index: u32 = 0; index < count && left > 0; index++) {
    const entry = table + index * SRP_DIRECT_LENGTH;
    const ioba = loadBig64(entry + SRP_DIRECT_ADDRESS);
    const length = min<u32>(left, loadBig32(entry + SRP_DIRECT_BYTES));
    if (length == 0) continue;
    left -= length;
    if (fault != FAULT_NONE) continue;
    const next = staged
      ? appendExtent(extents, extentCount, EXTENT_COUNT_MAX, ioba, 0, length)
      : appendTranslated(window, ioba, length, rights, extents, extentCount, EXTENT_COUNT_MAX);
    if (next >= 0) extentCount = next;
    else fault = next == H_RESOURCE ? FAULT_EXTENT_COUNT : FAULT_EXTENT_PERMISSION;
  }
  // What could not be translated in full is not to be used in part.
  if (fault != FAULT_NONE) extentCount = 0;
  store<u32>(slot + SLOT_TRANSFER_LENGTH, total - left);
  store<u32>(slot + SLOT_EXTENT_COUNT, <u32>extentCount);
  return fault;
}
