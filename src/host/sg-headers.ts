import * as SG from "../abi/sg.ts";
import {
  SLOT_ATTRIBUTE,
  SLOT_CDB,
  SLOT_CDB_LENGTH,
  SLOT_DATA,
  SLOT_DATA_LENGTH,
  SLOT_DIRECTION,
  SLOT_DRIVER_STATUS,
  SLOT_HEADER,
  SLOT_HOST_STATUS,
  SLOT_RESIDUAL,
  SLOT_SENSE,
  SLOT_SENSE_LENGTH,
  SLOT_SENSE_MAXIMUM,
  SLOT_STATUS,
  SLOT_TIMEOUT,
} from "./sg-mailbox.ts";

/** Directions in a slot; those of `scsi/passthrough/scsi-device.ts`. */
const FROM_DEVICE = 1;
const TO_DEVICE = 2;
const HEAD_OF_QUEUE = 1;
const TWO_32 = 0x1_0000_0000;

/** The linear memory, and where the process has it. */
export interface MappedMemory {
  readonly view: DataView;
  readonly base: number;
}

function putPointer(view: DataView, at: number, address: number): void {
  view.setUint32(at, address % TWO_32, true);
  view.setUint32(at + 4, Math.floor(address / TWO_32), true);
}

function flagsFor(view: DataView, slot: number): number {
  const head = view.getUint32(slot + SLOT_ATTRIBUTE, true) === HEAD_OF_QUEUE;
  return head ? SG.SG_FLAG_QUEUE_AT_HEAD : SG.SG_FLAG_QUEUE_AT_TAIL;
}

/** Writes the header of a slot's command, version 3. @param packId comes back with it */
export function writeVersion3({ view, base }: MappedMemory, slot: number, packId: number): void {
  const header = slot + SLOT_HEADER;
  const direction = view.getUint32(slot + SLOT_DIRECTION, true);
  const length = view.getUint32(slot + SLOT_DATA_LENGTH, true);
  for (let at = 0; at < SG.SG3_LENGTH; at += 8) putPointer(view, header + at, 0);
  view.setInt32(header + SG.SG3_INTERFACE_ID, SG.SG3_ID, true);
  view.setInt32(
    header + SG.SG3_DIRECTION,
    direction === FROM_DEVICE
      ? SG.SG3_DIRECTION_FROM_DEVICE
      : direction === TO_DEVICE
        ? SG.SG3_DIRECTION_TO_DEVICE
        : SG.SG3_DIRECTION_NONE,
    true,
  );
  view.setUint8(header + SG.SG3_CDB_LENGTH, view.getUint32(slot + SLOT_CDB_LENGTH, true));
  view.setUint8(header + SG.SG3_SENSE_MAXIMUM, SLOT_SENSE_MAXIMUM);
  view.setUint32(header + SG.SG3_DATA_LENGTH, length, true);
  if (length > 0) putPointer(view, header + SG.SG3_DATA, base + view.getUint32(slot + SLOT_DATA, true));
  putPointer(view, header + SG.SG3_CDB, base + view.getUint32(slot + SLOT_CDB, true));
  putPointer(view, header + SG.SG3_SENSE, base + slot + SLOT_SENSE);
  view.setUint32(header + SG.SG3_TIMEOUT, view.getUint32(slot + SLOT_TIMEOUT, true), true);
  view.setUint32(header + SG.SG3_FLAGS, flagsFor(view, slot), true);
  view.setInt32(header + SG.SG3_PACK_ID, packId, true);
}

/** Takes the results of a slot's command from a header of version 3. */
export function readVersion3({ view }: MappedMemory, slot: number, header: number): void {
  view.setUint32(slot + SLOT_STATUS, view.getUint8(header + SG.SG3_STATUS), true);
  view.setUint32(slot + SLOT_HOST_STATUS, view.getUint16(header + SG.SG3_HOST_STATUS, true), true);
  view.setUint32(slot + SLOT_DRIVER_STATUS, view.getUint16(header + SG.SG3_DRIVER_STATUS, true), true);
  view.setUint32(slot + SLOT_SENSE_LENGTH, view.getUint8(header + SG.SG3_SENSE_LENGTH), true);
  view.setInt32(slot + SLOT_RESIDUAL, view.getInt32(header + SG.SG3_RESIDUAL, true), true);
}

/** Writes the header of a slot's command, version 4. */
export function writeVersion4({ view, base }: MappedMemory, slot: number): void {
  const header = slot + SLOT_HEADER;
  const length = view.getUint32(slot + SLOT_DATA_LENGTH, true);
  for (let at = 0; at < SG.SG4_LENGTH; at += 8) putPointer(view, header + at, 0);
  view.setInt32(header + SG.SG4_GUARD, SG.SG4_ID, true);
  view.setUint32(header + SG.SG4_CDB_LENGTH, view.getUint32(slot + SLOT_CDB_LENGTH, true), true);
  putPointer(view, header + SG.SG4_CDB, base + view.getUint32(slot + SLOT_CDB, true));
  view.setUint32(header + SG.SG4_SENSE_MAXIMUM, SLOT_SENSE_MAXIMUM, true);
  putPointer(view, header + SG.SG4_SENSE, base + slot + SLOT_SENSE);
  if (length > 0) {
    const out = view.getUint32(slot + SLOT_DIRECTION, true) === TO_DEVICE;
    view.setUint32(header + (out ? SG.SG4_OUT_LENGTH : SG.SG4_IN_LENGTH), length, true);
    putPointer(view, header + (out ? SG.SG4_OUT : SG.SG4_IN), base + view.getUint32(slot + SLOT_DATA, true));
  }
  view.setUint32(header + SG.SG4_TIMEOUT, view.getUint32(slot + SLOT_TIMEOUT, true), true);
  view.setUint32(header + SG.SG4_FLAGS, flagsFor(view, slot), true);
}

/** Takes the results of a slot's command from its header of version 4. */
export function readVersion4({ view }: MappedMemory, slot: number): void {
  const header = slot + SLOT_HEADER;
  const out = view.getUint32(slot + SLOT_DIRECTION, true) === TO_DEVICE;
  view.setUint32(slot + SLOT_STATUS, view.getUint32(header + SG.SG4_STATUS, true), true);
  view.setUint32(slot + SLOT_HOST_STATUS, view.getUint32(header + SG.SG4_HOST_STATUS, true), true);
  view.setUint32(slot + SLOT_DRIVER_STATUS, view.getUint32(header + SG.SG4_DRIVER_STATUS, true), true);
  view.setUint32(slot + SLOT_SENSE_LENGTH, view.getUint32(header + SG.SG4_SENSE_LENGTH, true), true);
  const residual = view.getInt32(header + (out ? SG.SG4_OUT_RESIDUAL : SG.SG4_IN_RESIDUAL), true);
  view.setInt32(slot + SLOT_RESIDUAL, residual, true);
}
