import { STATUS_RESERVATION_CONFLICT } from "../../abi/scsi.ts";
import type { DeviceServer } from "../device-server.ts";
import { answerWith, endWith } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb16 } from "../task-access.ts";
import { PERSISTENT_TYPES } from "./types.ts";

const HEADER_LENGTH = 8;
const KEY_LENGTH = 8;
const RESERVATION_LENGTH = 16;
const CAPABILITIES_LENGTH = 8;
const FULL_STATUS_HEADER = 24;
const RESERVATION_HOLDER = 0x01;
// REPORT CAPABILITIES. [SPC-4] 6.15.4.
const COMPATIBLE_RESERVATION_HANDLING = 0x10;
const SPECIFY_INITIATOR_PORTS_CAPABLE = 0x08;
const ALL_TARGET_PORTS_CAPABLE = 0x04;
const PERSIST_THROUGH_POWER_LOSS = 0x01;
const TYPE_MASK_VALID = 0x80;
/** ALLOW COMMANDS 011b: TEST UNIT READY always, MODE SENSE and its like through the Write Exclusive types. */
const ALLOW_COMMANDS = 0x30;

/** READ KEYS. [SPC-4] 6.15.2. */
export function readKeys(unit: DeviceServer, task: ScsiTask) {
  const { persistent } = unit.reservations;
  const data = withHeader(unit, KEY_LENGTH * persistent.registrationCount);
  let at = HEADER_LENGTH;
  for (const { key } of persistent.registrations) {
    data.setBigUint64(at, key);
    at += KEY_LENGTH;
  }
  answer(unit, task, data);
}

/** READ RESERVATION. [SPC-4] 6.15.3. */
export function readReservation(unit: DeviceServer, task: ScsiTask) {
  const { type, holderKey } = unit.reservations.persistent;
  const data = withHeader(unit, type === undefined ? 0 : RESERVATION_LENGTH);
  if (type !== undefined) {
    data.setBigUint64(HEADER_LENGTH, holderKey);
    data.setUint8(HEADER_LENGTH + 13, type.code);
  }
  answer(unit, task, data);
}

/** REPORT CAPABILITIES. [SPC-4] 6.15.4. */
export function reportCapabilities(unit: DeviceServer, task: ScsiTask) {
  const { canOutlivePower, outlivesPower } = unit.reservations;
  const data = new DataView(new ArrayBuffer(CAPABILITIES_LENGTH));
  data.setUint16(0, CAPABILITIES_LENGTH);
  const capabilities = COMPATIBLE_RESERVATION_HANDLING | SPECIFY_INITIATOR_PORTS_CAPABLE | ALL_TARGET_PORTS_CAPABLE;
  data.setUint8(2, capabilities | (canOutlivePower ? PERSIST_THROUGH_POWER_LOSS : 0));
  data.setUint8(3, TYPE_MASK_VALID | ALLOW_COMMANDS | (outlivesPower ? PERSIST_THROUGH_POWER_LOSS : 0));
  for (const { maskByte, maskBit } of PERSISTENT_TYPES) data.setUint8(maskByte, data.getUint8(maskByte) | maskBit);
  answer(unit, task, data);
}

/** READ FULL STATUS: a descriptor for each registration, which is one of one target port always. [SPC-4] 6.15.5. */
export function readFullStatus(unit: DeviceServer, task: ScsiTask) {
  const { persistent } = unit.reservations;
  const registrations = [...persistent.registrations];
  const length = registrations.reduce(
    (sum, { registrant }) => sum + FULL_STATUS_HEADER + registrant.transportId.length,
    0,
  );
  const data = withHeader(unit, length);
  let at = HEADER_LENGTH;
  for (const { registrant, key } of registrations) {
    const { transportId, relativeTargetPort } = registrant;
    data.setBigUint64(at, key);
    if (persistent.isHolder(registrant)) {
      data.setUint8(at + 12, RESERVATION_HOLDER);
      data.setUint8(at + 13, persistent.type?.code ?? 0);
    }
    data.setUint16(at + 18, relativeTargetPort);
    data.setUint32(at + 20, transportId.length);
    new Uint8Array(data.buffer).set(transportId, at + FULL_STATUS_HEADER);
    at += FULL_STATUS_HEADER + transportId.length;
  }
  answer(unit, task, data);
}

/** PRGENERATION and ADDITIONAL LENGTH, with room for what follows. */
function withHeader(unit: DeviceServer, additionalLength: number): DataView<ArrayBuffer> {
  const data = new DataView(new ArrayBuffer(HEADER_LENGTH + additionalLength));
  data.setUint32(0, unit.reservations.persistent.generation);
  data.setUint32(4, additionalLength);
  return data;
}

/** Under a RESERVE, whoever's, PERSISTENT RESERVE IN conflicts. [SPC-2] 5.5.1. */
function answer({ reservations }: DeviceServer, task: ScsiTask, data: DataView<ArrayBuffer>) {
  if (reservations.reserved) return endWith(task, STATUS_RESERVATION_CONFLICT);
  answerWith(task, new Uint8Array(data.buffer), cdb16(task, 7));
}
