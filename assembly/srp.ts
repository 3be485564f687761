// SRP information units: decoding requests, building responses. [SRP] r16a clause 6.

import { CRQ_COMMAND, CRQ_FORMAT, CRQ_IU_LENGTH, CRQ_STATUS, CRQ_FORMAT_SRP } from "../src/abi/crq";
import { MAD_HEADER_LENGTH } from "../src/abi/mad";
import {
  FAULT_ADDITIONAL_CDB,
  FAULT_DESCRIPTOR_BOUNDS,
  FAULT_IU_SHORT,
  FAULT_IU_TYPE,
  FAULT_NONE,
  FAULT_TASK_ATTRIBUTE,
  KIND_MAD,
  OPERATION_READ,
  OPERATION_WRITE,
  SENSE_LENGTH_MAX,
  SLOT_BLOCKS,
  SLOT_CDB_LENGTH,
  SLOT_CRQ_STATUS,
  SLOT_DATA_IN_RESIDUAL,
  SLOT_DATA_OUT_RESIDUAL,
  SLOT_FAULT,
  SLOT_IU,
  SLOT_IU_LENGTH,
  SLOT_IU_TYPE,
  SLOT_KIND,
  SLOT_LBA_HIGH,
  SLOT_LBA_LOW,
  SLOT_LIMIT_DELTA,
  SLOT_LUN,
  SLOT_OPERATION,
  SLOT_RESPONSE,
  SLOT_RESPONSE_FORMAT,
  SLOT_RESPONSE_LENGTH,
  SLOT_RSP_CODE,
  SLOT_RSP_FLAGS,
  SLOT_SCSI_STATUS,
  SLOT_SENSE_LENGTH,
  SLOT_TAG,
  SLOT_TASK_ATTRIBUTE,
} from "../src/abi/records";
import { READ_10, READ_12, READ_16, READ_6, WRITE_10, WRITE_12, WRITE_16, WRITE_6 } from "../src/abi/scsi";
import {
  SRP_AER_RSP,
  SRP_CMD,
  SRP_CMD_ADDITIONAL_CDB,
  SRP_CMD_ADDITIONAL_CDB_MASK,
  SRP_CMD_CDB,
  SRP_CMD_CDB_LENGTH,
  SRP_CMD_LENGTH,
  SRP_CMD_TASK_ATTRIBUTE,
  SRP_CRED_RSP,
  SRP_I_LOGOUT,
  SRP_I_LOGOUT_LENGTH,
  SRP_LOGIN_REQ,
  SRP_LOGIN_REQ_LENGTH,
  SRP_LUN,
  SRP_RSP,
  SRP_RSP_CODE_LENGTH,
  SRP_RSP_DATA,
  SRP_RSP_DATA_IN_RESIDUAL,
  SRP_RSP_DATA_LENGTH,
  SRP_RSP_DATA_OUT_RESIDUAL,
  SRP_RSP_FLAGS,
  SRP_RSP_LENGTH,
  SRP_RSP_LIMIT_DELTA,
  SRP_RSP_RSPVALID,
  SRP_RSP_SENSE_LENGTH,
  SRP_RSP_SNSVALID,
  SRP_RSP_STATUS,
  SRP_SOL_NOT,
  SRP_SOL_NOT_FAILURE,
  SRP_SOL_NOT_SUCCESS,
  SRP_TAG,
  SRP_TAG_LENGTH,
  SRP_TSK_MGMT,
  SRP_TSK_MGMT_LENGTH,
} from "../src/abi/srp";
import { loadBig16, loadBig32, storeBig16, storeBig32, zero } from "./bytes";
import { walk } from "./descriptors";

@inline
export function decode(adapter: u32, slot: u32, staged: u32): u32 {
  const fault = decodeIu(adapter, slot, staged);
  store<u32>(slot + SLOT_FAULT, fault);
  return fault;
}

@inline
function decodeIu(adapter: u32, slot: u32, staged: u32): u32 {
  const iu = slot + SLOT_IU;
  const length = load<u32>(slot + SLOT_IU_LENGTH);
  if (length < <u32>(SRP_TAG + SRP_TAG_LENGTH)) return FAULT_IU_SHORT;
  store<u64>(slot + SLOT_TAG, load<u64>(iu + SRP_TAG));
  if (load<u32>(slot + SLOT_KIND) == KIND_MAD) return length < <u32>MAD_HEADER_LENGTH ? FAULT_IU_SHORT : FAULT_NONE;
  const type: u32 = load<u8>(iu);
  store<u32>(slot + SLOT_IU_TYPE, type);
  const least = leastLength(type);
  if (least == 0) return FAULT_IU_TYPE;
  if (length < least) return FAULT_IU_SHORT;
  if (type == SRP_TSK_MGMT) store<u64>(slot + SLOT_LUN, load<u64>(iu + SRP_LUN));
  return type == SRP_CMD ? decodeCommand(adapter, slot, staged) : FAULT_NONE;
}

/** 0 for what is no request IU. */
function leastLength(type: u32): u32 {
  switch (type) {
    case SRP_LOGIN_REQ:
      return SRP_LOGIN_REQ_LENGTH;
    case SRP_TSK_MGMT:
      return SRP_TSK_MGMT_LENGTH;
    case SRP_CMD:
      return SRP_CMD_LENGTH;
    case SRP_I_LOGOUT:
    case SRP_CRED_RSP:
    case SRP_AER_RSP:
      return SRP_I_LOGOUT_LENGTH;
    default:
      return 0;
  }
}

@inline
function decodeCommand(adapter: u32, slot: u32, staged: u32): u32 {
  const iu = slot + SLOT_IU;
  store<u64>(slot + SLOT_LUN, load<u64>(iu + SRP_LUN));
  const attribute: u32 = load<u8>(iu + SRP_CMD_TASK_ATTRIBUTE) & 7;
  store<u32>(slot + SLOT_TASK_ATTRIBUTE, attribute);
  // Simple, head of queue, ordered, ACA are 0, 1, 2, 4.
  if (attribute == 3 || attribute > 4) return FAULT_TASK_ATTRIBUTE;
  const additional: u32 = load<u8>(iu + SRP_CMD_ADDITIONAL_CDB);
  if (additional & ~SRP_CMD_ADDITIONAL_CDB_MASK) return FAULT_ADDITIONAL_CDB;
  const place = <u32>SRP_CMD_LENGTH + additional;
  if (place > load<u32>(slot + SLOT_IU_LENGTH)) return FAULT_DESCRIPTOR_BOUNDS;
  store<u32>(slot + SLOT_CDB_LENGTH, SRP_CMD_CDB_LENGTH + additional);
  decodeOperation(slot, iu + SRP_CMD_CDB);
  return walk(adapter, slot, staged, place);
}

/** The reads and writes of [SBC-3] clause 5: everything a data path needs, so that no one opens the CDB again. */
@inline
function decodeOperation(slot: u32, cdb: u32): void {
  const opcode: u32 = load<u8>(cdb);
  let high: u32 = 0;
  let low: u32 = 0;
  let blocks: u32 = 0;
  switch (opcode) {
    case READ_6:
    case WRITE_6:
      low = loadBig32(cdb) & 0x1fffff;
      blocks = load<u8>(cdb, 4);
      if (blocks == 0) blocks = 256;
      break;
    case READ_10:
    case WRITE_10:
      low = loadBig32(cdb + 2);
      blocks = loadBig16(cdb + 7);
      break;
    case READ_12:
    case WRITE_12:
      low = loadBig32(cdb + 2);
      blocks = loadBig32(cdb + 6);
      break;
    case READ_16:
    case WRITE_16:
      high = loadBig32(cdb + 2);
      low = loadBig32(cdb + 6);
      blocks = loadBig32(cdb + 10);
      break;
    default:
      return;
  }
  // In all four sizes bit 1 tells WRITE (xAh) from READ (x8h).
  store<u32>(slot + SLOT_OPERATION, opcode & 2 ? OPERATION_WRITE : OPERATION_READ);
  store<u32>(slot + SLOT_LBA_HIGH, high);
  store<u32>(slot + SLOT_LBA_LOW, low);
  store<u32>(slot + SLOT_BLOCKS, blocks);
}

export function buildResponse(slot: u32): u32 {
  const rsp = slot + SLOT_RESPONSE;
  const flags = load<u32>(slot + SLOT_RSP_FLAGS);
  const status = load<u32>(slot + SLOT_SCSI_STATUS);
  zero(rsp, SRP_RSP_LENGTH);
  store<u8>(rsp, SRP_RSP);
  const wanted: u32 = load<u8>(slot + SLOT_IU + SRP_SOL_NOT);
  const solicited = wanted & (status == 0 ? SRP_SOL_NOT_SUCCESS : SRP_SOL_NOT_FAILURE);
  store<u8>(rsp + SRP_SOL_NOT, solicited ? 1 : 0);
  storeBig32(rsp + SRP_RSP_LIMIT_DELTA, load<u32>(slot + SLOT_LIMIT_DELTA));
  store<u64>(rsp + SRP_TAG, load<u64>(slot + SLOT_TAG));
  store<u8>(rsp + SRP_RSP_FLAGS, <u8>flags);
  store<u8>(rsp + SRP_RSP_STATUS, <u8>status);
  storeBig32(rsp + SRP_RSP_DATA_OUT_RESIDUAL, load<u32>(slot + SLOT_DATA_OUT_RESIDUAL));
  storeBig32(rsp + SRP_RSP_DATA_IN_RESIDUAL, load<u32>(slot + SLOT_DATA_IN_RESIDUAL));
  let length: u32 = SRP_RSP_LENGTH;
  if (flags & SRP_RSP_RSPVALID) {
    storeBig32(rsp + SRP_RSP_DATA_LENGTH, SRP_RSP_CODE_LENGTH);
    storeBig32(rsp + SRP_RSP_DATA, load<u32>(slot + SLOT_RSP_CODE));
    length += SRP_RSP_CODE_LENGTH;
  } else if (flags & SRP_RSP_SNSVALID) {
    const sense = min<u32>(load<u32>(slot + SLOT_SENSE_LENGTH), SENSE_LENGTH_MAX);
    storeBig32(rsp + SRP_RSP_SENSE_LENGTH, sense);
    length += sense;
  }
  store<u32>(slot + SLOT_RESPONSE_LENGTH, length);
  store<u32>(slot + SLOT_RESPONSE_FORMAT, CRQ_FORMAT_SRP);
  return length;
}

/** The entry that tells the client of a response: its length, and the request's tag as it came. */
export function buildEntry(slot: u32, entry: u32): void {
  store<u64>(entry, 0);
  store<u8>(entry, CRQ_COMMAND);
  store<u8>(entry + CRQ_FORMAT, <u8>load<u32>(slot + SLOT_RESPONSE_FORMAT));
  store<u8>(entry + CRQ_STATUS, <u8>load<u32>(slot + SLOT_CRQ_STATUS));
  storeBig16(entry + CRQ_IU_LENGTH, load<u32>(slot + SLOT_RESPONSE_LENGTH));
  store<u64>(entry, load<u64>(slot + SLOT_TAG), 8);
}
