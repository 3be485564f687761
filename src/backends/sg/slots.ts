import type { SharedMemory } from "../../core/shared-memory.ts";
import {
  SLOT_ATTRIBUTE,
  SLOT_CDB,
  SLOT_CDB_LENGTH,
  SLOT_DATA,
  SLOT_DATA_LENGTH,
  SLOT_DIRECTION,
  SLOT_DRIVER_STATUS,
  SLOT_ERRNO,
  SLOT_HOST_STATUS,
  SLOT_RESIDUAL,
  SLOT_SENSE,
  SLOT_SENSE_LENGTH,
  SLOT_STATUS,
  SLOT_TIMEOUT,
} from "../../host/sg-mailbox.ts";
import type { DeviceOutcome, DeviceRequest } from "../../scsi/passthrough/scsi-device.ts";
import { outcomeOf, outcomeOfErrno } from "./outcomes.ts";

/** Writes a command into its slot. @param data linear address that the kernel is told */
export function fillSlot({ view }: SharedMemory, slot: number, request: DeviceRequest, data: number): void {
  view.setUint32(slot + SLOT_CDB, request.cdbOffset, true);
  view.setUint32(slot + SLOT_CDB_LENGTH, request.cdbLength, true);
  view.setUint32(slot + SLOT_DIRECTION, request.direction, true);
  view.setUint32(slot + SLOT_DATA, data, true);
  view.setUint32(slot + SLOT_DATA_LENGTH, request.dataLength, true);
  view.setUint32(slot + SLOT_TIMEOUT, request.timeout, true);
  view.setUint32(slot + SLOT_ATTRIBUTE, request.attribute, true);
}

/** Takes a command's result from its slot. */
export function takeResult({ view, u8 }: SharedMemory, slot: number, request: DeviceRequest): void {
  const errno = view.getInt32(slot + SLOT_ERRNO, true);
  if (errno < 0) return fail(request, outcomeOfErrno(-errno), `errno ${-errno}`);
  const host = view.getUint32(slot + SLOT_HOST_STATUS, true);
  const driver = view.getUint32(slot + SLOT_DRIVER_STATUS, true);
  request.status = view.getUint32(slot + SLOT_STATUS, true);
  request.outcome = outcomeOf(host, driver, request.status);
  request.residual = Math.min(Math.max(view.getInt32(slot + SLOT_RESIDUAL, true), 0), request.dataLength);
  request.senseLength = Math.min(view.getUint32(slot + SLOT_SENSE_LENGTH, true), request.sense.length);
  for (let at = 0; at < request.senseLength; at++) request.sense[at] = u8[slot + SLOT_SENSE + at] ?? 0;
  if (request.outcome !== "answered") request.reason = `host status ${host}, driver status ${driver}`;
}

/** A command ends without an answer of the device. */
export function fail(request: DeviceRequest, outcome: DeviceOutcome, reason: string | undefined): void {
  request.outcome = outcome;
  request.status = 0;
  request.senseLength = 0;
  request.residual = request.dataLength;
  request.reason = reason;
}
