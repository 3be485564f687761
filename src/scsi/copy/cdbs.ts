import {
  INQUIRY,
  READ_16,
  READ_CAPACITY_16,
  SERVICE_ACTION_IN_16,
  VPD_DEVICE_IDENTIFICATION,
  WRITE_16,
} from "../../abi/scsi.ts";
import type { Blocks } from "../units.ts";

const CDB_6 = 6;
const CDB_16 = 16;
const EVPD = 1;

/** INQUIRY for VPD page 83. [SPC-4] 6.6. */
export function inquiryIdentification(allocation: number): Uint8Array {
  const cdb = new DataView(new ArrayBuffer(CDB_6));
  cdb.setUint8(0, INQUIRY);
  cdb.setUint8(1, EVPD);
  cdb.setUint8(2, VPD_DEVICE_IDENTIFICATION);
  cdb.setUint16(3, allocation);
  return new Uint8Array(cdb.buffer);
}

/** READ CAPACITY(16). [SBC-3] 5.16. */
export function readCapacity(allocation: number): Uint8Array {
  const cdb = new DataView(new ArrayBuffer(CDB_16));
  cdb.setUint8(0, SERVICE_ACTION_IN_16);
  cdb.setUint8(1, READ_CAPACITY_16);
  cdb.setUint32(10, allocation);
  return new Uint8Array(cdb.buffer);
}

/** READ(16). [SBC-3] 5.11. */
export function read16(first: Blocks, count: Blocks): Uint8Array {
  return transfer16(READ_16, first, count);
}

/** WRITE(16). [SBC-3] 5.37. */
export function write16(first: Blocks, count: Blocks): Uint8Array {
  return transfer16(WRITE_16, first, count);
}

function transfer16(opcode: number, first: Blocks, count: Blocks): Uint8Array {
  const cdb = new DataView(new ArrayBuffer(CDB_16));
  cdb.setUint8(0, opcode);
  cdb.setBigUint64(2, BigInt(first));
  cdb.setUint32(10, count);
  return new Uint8Array(cdb.buffer);
}
