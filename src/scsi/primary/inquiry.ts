import {
  EXTENDED_COPY,
  VPD_BLOCK_DEVICE_CHARACTERISTICS,
  VPD_BLOCK_LIMITS,
  VPD_DEVICE_IDENTIFICATION,
  VPD_LOGICAL_BLOCK_PROVISIONING,
  VPD_SUPPORTED_PAGES,
  VPD_UNIT_SERIAL_NUMBER,
} from "../../abi/scsi.ts";
import type { DeviceServer } from "../device-server.ts";
import { MAXIMUM_TRANSFER_BYTES } from "../disk/limits.ts";
import { answerWith, checkCondition, INVALID_FIELD_IN_CDB } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16 } from "../task-access.ts";

const EVPD = 0x01;
const REMOVABLE_MEDIUM = 0x80;
const VERSION_SPC_4 = 0x06;
const RESPONSE_FORMAT_2 = 0x02;
/** NORMACA: the unit establishes an ACA condition for commands with NACA. */
const NORMAL_ACA = 0x20;
const COMMAND_QUEUING = 0x02;
/** 3PC: the unit manages third-party copies. */
const THIRD_PARTY_COPY = 0x08;
const STANDARD_LENGTH = 36;
/** Vendor-specific bytes that hold the serial number, where AIX looks for it. [protocol] 5.2. */
const VENDOR_SPECIFIC_LENGTH = 20;
const VERSION_DESCRIPTORS = 58;
const STANDARD_WITH_DESCRIPTORS = 96;
/** SAM-5, SPC-4, SBC-3 without a revision. [SPC-4] table 150. */
const CLAIMED_STANDARDS = [0x00a0, 0x0460, 0x04c0] as const;

/** INQUIRY. [SPC-4] 6.6. */
export function inquiry(unit: DeviceServer, task: ScsiTask) {
  const page = cdb8(task, 2);
  const vital = (cdb8(task, 1) & EVPD) !== 0;
  if (!vital && page !== 0) return checkCondition(task, INVALID_FIELD_IN_CDB);
  const body = vital ? VPD_PAGES.get(page)?.(unit) : undefined;
  if (vital && body === undefined) return checkCondition(task, INVALID_FIELD_IN_CDB);
  const data = body === undefined ? standardInquiry(unit) : vpdPage(unit, page, body);
  answerWith(task, data, cdb16(task, 3));
}

function standardInquiry({ identity, peripheralDeviceType, removable, commands }: DeviceServer): Uint8Array {
  const data = new Uint8Array(STANDARD_WITH_DESCRIPTORS);
  data[0] = peripheralDeviceType;
  data[1] = removable ? REMOVABLE_MEDIUM : 0;
  data[2] = VERSION_SPC_4;
  data[3] = NORMAL_ACA | RESPONSE_FORMAT_2;
  data[4] = data.length - 5;
  data[5] = commands.withOpcode(EXTENDED_COPY).length > 0 ? THIRD_PARTY_COPY : 0;
  data[7] = COMMAND_QUEUING;
  data.set(ascii(identity.vendor, 8), 8);
  data.set(ascii(identity.product, 16), 16);
  data.set(ascii(identity.revision, 4), 32);
  data.set(ascii(identity.serial, VENDOR_SPECIFIC_LENGTH), STANDARD_LENGTH);
  const view = new DataView(data.buffer);
  for (const [index, code] of CLAIMED_STANDARDS.entries()) view.setUint16(VERSION_DESCRIPTORS + index * 2, code);
  return data;
}

/** Body of each vital product data page, without its four-byte header. One row a page; page 00 lists the rows. */
const VPD_PAGES: ReadonlyMap<number, (unit: DeviceServer) => Uint8Array> = new Map([
  [VPD_SUPPORTED_PAGES, () => Uint8Array.from(VPD_PAGES.keys())],
  [VPD_UNIT_SERIAL_NUMBER, ({ identity }: DeviceServer) => ascii(identity.serial, identity.serial.length)],
  [VPD_DEVICE_IDENTIFICATION, deviceIdentification],
  [VPD_BLOCK_LIMITS, blockLimits],
  [VPD_BLOCK_DEVICE_CHARACTERISTICS, blockDeviceCharacteristics],
  [VPD_LOGICAL_BLOCK_PROVISIONING, () => new Uint8Array(4)],
]);

function vpdPage(unit: DeviceServer, page: number, body: Uint8Array): Uint8Array {
  const data = new Uint8Array(4 + body.length);
  data[0] = unit.peripheralDeviceType;
  data[1] = page;
  new DataView(data.buffer).setUint16(2, body.length);
  data.set(body, 4);
  return data;
}

/** Designators of the logical unit: T10 vendor ID, and a locally assigned NAA name made from it. [SPC-4] 7.8.6. */
function deviceIdentification({ identity }: DeviceServer): Uint8Array {
  const ASCII_T10 = [0x02, 0x01] as const;
  const BINARY_NAA = [0x01, 0x03] as const;
  const t10 = ascii(identity.vendor, 8 + identity.serial.length);
  t10.set(ascii(identity.serial, identity.serial.length), 8);
  return Uint8Array.from([...ASCII_T10, 0, t10.length, ...t10, ...BINARY_NAA, 0, 8, ...locallyAssignedName(t10)]);
}

/** NAA 3h and 60 bits that follow from the T10 designator, so that they stay the same over restarts (FNV-1a). */
function locallyAssignedName(designator: Uint8Array): Uint8Array {
  const NAA_LOCALLY_ASSIGNED = 0x3000_0000_0000_0000n;
  let hash = 0xcbf29ce484222325n;
  for (const byte of designator) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  const name = new DataView(new ArrayBuffer(8));
  name.setBigUint64(0, NAA_LOCALLY_ASSIGNED | (hash >> 4n));
  return new Uint8Array(name.buffer);
}

/** [SBC-3] 6.6.4. */
function blockLimits({ medium: { store, blockSize } }: DeviceServer): Uint8Array {
  const data = new DataView(new ArrayBuffer(60));
  data.setUint16(2, Math.max(1, store.physicalBlockSize / blockSize));
  data.setUint32(4, MAXIMUM_TRANSFER_BYTES / blockSize);
  data.setUint32(8, 0x100000 / blockSize);
  return new Uint8Array(data.buffer);
}

/** [SBC-3] 6.6.2: not a rotating medium, so that clients do not reorder for one. */
function blockDeviceCharacteristics(): Uint8Array {
  const NON_ROTATING = 1;
  const data = new DataView(new ArrayBuffer(60));
  data.setUint16(0, NON_ROTATING);
  return new Uint8Array(data.buffer);
}

/** Left-aligned ASCII padded with spaces. [SPC-4] 4.4.1. */
function ascii(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(0x20);
  for (let at = 0; at < Math.min(text.length, length); at++) bytes[at] = text.charCodeAt(at) & 0x7f;
  return bytes;
}
