import { CRQ_COMMAND, CRQ_FORMAT, CRQ_FORMAT_SRP, CRQ_IU_LENGTH, CRQ_STATUS } from "../../abi/crq.ts";
import { MAD_HEADER_LENGTH } from "../../abi/mad.ts";
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
} from "../../abi/records.ts";
import { READ_6, READ_10, READ_12, READ_16, WRITE_6, WRITE_10, WRITE_12, WRITE_16 } from "../../abi/scsi.ts";
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
} from "../../abi/srp.ts";
import type { SharedMemory } from "../shared-memory.ts";
import { walk } from "./descriptors.ts";

/** Copies eight raw bytes; both addresses are multiples of four. */
function copy8(view: DataView, to: number, from: number): void {
  view.setUint32(to, view.getUint32(from));
  view.setUint32(to + 4, view.getUint32(from + 4));
}

export function decode(memory: SharedMemory, adapter: number, slot: number, staged: number): number {
  const fault = decodeIu(memory, adapter, slot, staged);
  memory.view.setUint32(slot + SLOT_FAULT, fault, true);
  return fault;
}

function decodeIu(memory: SharedMemory, adapter: number, slot: number, staged: number): number {
  const { view } = memory;
  const iu = slot + SLOT_IU;
  const length = view.getUint32(slot + SLOT_IU_LENGTH, true);
  if (length < SRP_TAG + SRP_TAG_LENGTH) return FAULT_IU_SHORT;
  copy8(view, slot + SLOT_TAG, iu + SRP_TAG);
  if (view.getUint32(slot + SLOT_KIND, true) === KIND_MAD)
    return length < MAD_HEADER_LENGTH ? FAULT_IU_SHORT : FAULT_NONE;
  const type = view.getUint8(iu);
  view.setUint32(slot + SLOT_IU_TYPE, type, true);
  const least = leastLength(type);
  if (least === 0) return FAULT_IU_TYPE;
  if (length < least) return FAULT_IU_SHORT;
  if (type === SRP_TSK_MGMT) copy8(view, slot + SLOT_LUN, iu + SRP_LUN);
  return type === SRP_CMD ? decodeCommand(memory, adapter, slot, staged) : FAULT_NONE;
}

/** 0 for what is no request IU. */
function leastLength(type: number): number {
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

function decodeCommand(memory: SharedMemory, adapter: number, slot: number, staged: number): number {
  const { view } = memory;
  const iu = slot + SLOT_IU;
  copy8(view, slot + SLOT_LUN, iu + SRP_LUN);
  const attribute = view.getUint8(iu + SRP_CMD_TASK_ATTRIBUTE) & 7;
  view.setUint32(slot + SLOT_TASK_ATTRIBUTE, attribute, true);
  // Simple, head of queue, ordered, ACA are 0, 1, 2, 4.
  if (attribute === 3 || attribute > 4) return FAULT_TASK_ATTRIBUTE;
  const additional = view.getUint8(iu + SRP_CMD_ADDITIONAL_CDB);
  if ((additional & ~SRP_CMD_ADDITIONAL_CDB_MASK) !== 0) return FAULT_ADDITIONAL_CDB;
  const place = SRP_CMD_LENGTH + additional;
  if (place > view.getUint32(slot + SLOT_IU_LENGTH, true)) return FAULT_DESCRIPTOR_BOUNDS;
  view.setUint32(slot + SLOT_CDB_LENGTH, SRP_CMD_CDB_LENGTH + additional, true);
  decodeOperation(view, slot, iu + SRP_CMD_CDB);
  return walk(memory, adapter, slot, staged, place);
}

/** The reads and writes of [SBC-3] clause 5. */
function decodeOperation(view: DataView, slot: number, cdb: number): void {
  const opcode = view.getUint8(cdb);
  let high = 0;
  let low = 0;
  let blocks = 0;
  switch (opcode) {
    case READ_6:
    case WRITE_6:
      low = view.getUint32(cdb) & 0x1fffff;
      blocks = view.getUint8(cdb + 4) || 256;
      break;
    case READ_10:
    case WRITE_10:
      low = view.getUint32(cdb + 2);
      blocks = view.getUint16(cdb + 7);
      break;
    case READ_12:
    case WRITE_12:
      low = view.getUint32(cdb + 2);
      blocks = view.getUint32(cdb + 6);
      break;
    case READ_16:
    case WRITE_16:
      high = view.getUint32(cdb + 2);
      low = view.getUint32(cdb + 6);
      blocks = view.getUint32(cdb + 10);
      break;
    default:
      return;
  }
  view.setUint32(slot + SLOT_OPERATION, (opcode & 2) !== 0 ? OPERATION_WRITE : OPERATION_READ, true);
  view.setUint32(slot + SLOT_LBA_HIGH, high, true);
  view.setUint32(slot + SLOT_LBA_LOW, low, true);
  view.setUint32(slot + SLOT_BLOCKS, blocks, true);
}

export function buildResponse(memory: SharedMemory, slot: number): number {
  const { view, u8 } = memory;
  const rsp = slot + SLOT_RESPONSE;
  const flags = view.getUint32(slot + SLOT_RSP_FLAGS, true);
  const status = view.getUint32(slot + SLOT_SCSI_STATUS, true);
  u8.fill(0, rsp, rsp + SRP_RSP_LENGTH);
  view.setUint8(rsp, SRP_RSP);
  const wanted = view.getUint8(slot + SLOT_IU + SRP_SOL_NOT);
  const solicited = wanted & (status === 0 ? SRP_SOL_NOT_SUCCESS : SRP_SOL_NOT_FAILURE);
  view.setUint8(rsp + SRP_SOL_NOT, solicited ? 1 : 0);
  view.setUint32(rsp + SRP_RSP_LIMIT_DELTA, view.getUint32(slot + SLOT_LIMIT_DELTA, true));
  copy8(view, rsp + SRP_TAG, slot + SLOT_TAG);
  view.setUint8(rsp + SRP_RSP_FLAGS, flags);
  view.setUint8(rsp + SRP_RSP_STATUS, status);
  view.setUint32(rsp + SRP_RSP_DATA_OUT_RESIDUAL, view.getUint32(slot + SLOT_DATA_OUT_RESIDUAL, true));
  view.setUint32(rsp + SRP_RSP_DATA_IN_RESIDUAL, view.getUint32(slot + SLOT_DATA_IN_RESIDUAL, true));
  let length = SRP_RSP_LENGTH;
  if ((flags & SRP_RSP_RSPVALID) !== 0) {
    view.setUint32(rsp + SRP_RSP_DATA_LENGTH, SRP_RSP_CODE_LENGTH);
    view.setUint32(rsp + SRP_RSP_DATA, view.getUint32(slot + SLOT_RSP_CODE, true));
    length += SRP_RSP_CODE_LENGTH;
  } else if ((flags & SRP_RSP_SNSVALID) !== 0) {
    const sense = Math.min(view.getUint32(slot + SLOT_SENSE_LENGTH, true), SENSE_LENGTH_MAX);
    view.setUint32(rsp + SRP_RSP_SENSE_LENGTH, sense);
    length += sense;
  }
  view.setUint32(slot + SLOT_RESPONSE_LENGTH, length, true);
  view.setUint32(slot + SLOT_RESPONSE_FORMAT, CRQ_FORMAT_SRP, true);
  return length;
}

/** The entry that tells the client of a response: its length, and the request's tag as it came. */
export function buildEntry(memory: SharedMemory, slot: number, entry: number): void {
  const { view } = memory;
  view.setUint32(entry, 0);
  view.setUint32(entry + 4, 0);
  view.setUint8(entry, CRQ_COMMAND);
  view.setUint8(entry + CRQ_FORMAT, view.getUint32(slot + SLOT_RESPONSE_FORMAT, true));
  view.setUint8(entry + CRQ_STATUS, view.getUint32(slot + SLOT_CRQ_STATUS, true));
  view.setUint16(entry + CRQ_IU_LENGTH, view.getUint32(slot + SLOT_RESPONSE_LENGTH, true));
  copy8(view, entry + 8, slot + SLOT_TAG);
}
