import { ascii } from "../ascii.ts";
import type { DeviceServer } from "../device-server.ts";
import type { Identity } from "../identity.ts";
import type { ScsiTask, TargetPort } from "../task.ts";

// CODE SET, ASSOCIATION and DESIGNATOR TYPE. [SPC-4] 7.8.6.
const BINARY = 0x1;
const ASCII = 0x2;
const UTF_8 = 0x3;
const OF_LOGICAL_UNIT = 0x00;
const OF_TARGET_PORT = 0x10;
const T10_VENDOR_ID = 0x1;
const NAA = 0x3;
const RELATIVE_TARGET_PORT = 0x4;
const TARGET_PORT_GROUP = 0x5;
const SCSI_NAME_STRING = 0x8;
/** PIV: the designator's PROTOCOL IDENTIFIER is valid. */
const PROTOCOL_VALID = 0x80;
/** PROTOCOL IDENTIFIER of iSCSI, whose ports have SCSI name strings. [SPC-4] 7.6.1. */
const ISCSI = 5;
const SERIAL_MAXIMUM = 236;

/** Device identification page: who the logical unit is, then through which port it was asked. [SPC-4] 7.8.6. */
export function deviceIdentification({ identity, portGroups }: DeviceServer, task: ScsiTask): Uint8Array {
  const { port } = task.nexus;
  return Uint8Array.from([
    ...logicalUnitDesignators(identity),
    ...portDesignator(port, BINARY, RELATIVE_TARGET_PORT, pair(port.relativeIdentifier)),
    ...portDesignator(port, BINARY, TARGET_PORT_GROUP, pair(portGroups.groupOf(port))),
    ...(port.protocolIdentifier === ISCSI ? portDesignator(port, UTF_8, SCSI_NAME_STRING, nameString(port.name)) : []),
  ]);
}

/**
 * Designators of the logical unit: T10 vendor ID, a locally assigned NAA name made from it, and the same as a SCSI name
 * string. They stay the same over restarts, and through all ports.
 */
export function logicalUnitDesignators({ vendor, serial }: Identity): number[] {
  const t10 = [...ascii(vendor, 8), ...ascii(serial, Math.min(serial.length, SERIAL_MAXIMUM))];
  const name = locallyAssignedName(t10);
  const text = `naa.${Array.from(name, (byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .toUpperCase()}`;
  return [
    ...designator(ASCII, OF_LOGICAL_UNIT | T10_VENDOR_ID, t10),
    ...designator(BINARY, OF_LOGICAL_UNIT | NAA, name),
    ...designator(UTF_8, OF_LOGICAL_UNIT | SCSI_NAME_STRING, nameString(text)),
  ];
}

function designator(codeSet: number, type: number, bytes: readonly number[]): number[] {
  return [codeSet, type, 0, bytes.length, ...bytes];
}

function portDesignator(port: TargetPort, codeSet: number, type: number, bytes: readonly number[]): number[] {
  const first = (port.protocolIdentifier << 4) | codeSet;
  return [first, PROTOCOL_VALID | OF_TARGET_PORT | type, 0, bytes.length, ...bytes];
}

/** The identifiers stand behind two reserved bytes. [SPC-4] 7.8.6.8, 7.8.6.9. */
function pair(value: number): number[] {
  return [0, 0, value >> 8, value & 0xff];
}

/** Ended by at least one zero byte, and filled up to a multiple of four. [SPC-4] 7.8.6.11. */
function nameString(text: string): number[] {
  const NAME_MAXIMUM = 223;
  const bytes = [...new TextEncoder().encode(text).subarray(0, NAME_MAXIMUM)];
  return [...bytes, ...new Array<number>(4 - (bytes.length % 4)).fill(0)];
}

/** NAA 3h and 60 bits that follow from the T10 designator, so that they stay the same over restarts (FNV-1a). */
function locallyAssignedName(designator: readonly number[]): number[] {
  const NAA_LOCALLY_ASSIGNED = 0x3000_0000_0000_0000n;
  let hash = 0xcbf29ce484222325n;
  for (const byte of designator) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  const name = new DataView(new ArrayBuffer(8));
  name.setBigUint64(0, NAA_LOCALLY_ASSIGNED | (hash >> 4n));
  return [...new Uint8Array(name.buffer)];
}
