// As assembly/srp.ts and assembly/descriptors.ts.
#include "core.h"
#include "tce.h"

static uint32_t translate(Memory m, Address slot, Address window, Address table, uint32_t count, uint32_t total) {
  uint32_t rights = load32(m, slot + SLOT_DIRECTION) == DIRECTION_IN ? TCE_WRITE : TCE_READ;
  bool staged = load32(m, window + WINDOW_STATE) == WINDOW_STAGED;
  Address extents = slot + SLOT_EXTENTS;
  int32_t extent_count = 0;
  uint32_t left = total;
  uint32_t fault = FAULT_NONE;
  for (uint32_t index = 0; index < count && left > 0; index++) {
    Address entry = table + index * SRP_DIRECT_LENGTH;
    uint64_t ioba = big64(m, entry + SRP_DIRECT_ADDRESS);
    uint32_t length = least(left, big32(m, entry + SRP_DIRECT_BYTES));
    if (length == 0) continue;
    left -= length;
    if (fault != FAULT_NONE) continue;
    int32_t next = staged ? append_extent(m, extents, extent_count, EXTENT_COUNT_MAX, ioba, 0, length)
                          : append_translated(m, window, ioba, length, rights, extents, extent_count, EXTENT_COUNT_MAX);
    if (next >= 0) extent_count = next;
    else fault = next == H_RESOURCE ? FAULT_EXTENT_COUNT : FAULT_EXTENT_PERMISSION;
  }
  if (fault != FAULT_NONE) extent_count = 0;
  store32(m, slot + SLOT_TRANSFER_LENGTH, total - left);
  store32(m, slot + SLOT_EXTENT_COUNT, (uint32_t)extent_count);
  return fault;
}

static uint32_t walk(Memory m, Address adapter, Address slot, Address staged, uint32_t place) {
  uint32_t formats = load8(m, slot + SLOT_IU + SRP_CMD_FORMATS);
  uint32_t out_format = formats >> 4;
  uint32_t in_format = formats & 0xf;
  if (out_format && in_format) return FAULT_BIDIRECTIONAL;
  uint32_t format = out_format | in_format;
  if (format == 0) return FAULT_NONE;
  if (format != SRP_DESCRIPTOR_DIRECT && format != SRP_DESCRIPTOR_INDIRECT) return FAULT_DESCRIPTOR_FORMAT;
  store32(m, slot + SLOT_DIRECTION, out_format ? DIRECTION_OUT : DIRECTION_IN);
  Address window = load32(m, adapter + ADAPTER_REMOTE_WINDOW);
  store32(m, slot + SLOT_GENERATION, load32(m, window + WINDOW_GENERATION));

  uint32_t length = load32(m, slot + SLOT_IU_LENGTH);
  Address descriptor = slot + SLOT_IU + place;
  if (format == SRP_DESCRIPTOR_DIRECT) {
    if (place + SRP_DIRECT_LENGTH > length) return FAULT_DESCRIPTOR_BOUNDS;
    return translate(m, slot, window, descriptor, 1, big32(m, descriptor + SRP_DIRECT_BYTES));
  }

  uint32_t inline_count = load8(m, slot + SLOT_IU + (out_format ? SRP_CMD_DATA_OUT_COUNT : SRP_CMD_DATA_IN_COUNT));
  if (place + SRP_INDIRECT_LENGTH + inline_count * SRP_DIRECT_LENGTH > length) return FAULT_DESCRIPTOR_BOUNDS;
  uint32_t table_bytes = big32(m, descriptor + SRP_INDIRECT_TABLE_BYTES);
  uint32_t entries = table_bytes / SRP_DIRECT_LENGTH;
  if (table_bytes % SRP_DIRECT_LENGTH || entries > TABLE_ENTRIES_MAX || entries < inline_count)
    return FAULT_TABLE_LENGTH;
  uint32_t total = big32(m, descriptor + SRP_INDIRECT_TOTAL);
  if (entries == inline_count) return translate(m, slot, window, descriptor + SRP_INDIRECT_LENGTH, entries, total);

  Address table = load32(m, adapter + ADAPTER_TABLE);
  if (load32(m, window + WINDOW_STATE) == WINDOW_STAGED) {
    if (staged == 0 || load32(m, staged + STAGED_TABLE_LENGTH) != table_bytes) return FAULT_TABLE_FETCH;
    memcpy(m + table, m + staged + STAGED_TABLE, table_bytes);
  } else if (copy_in(m, window, big64(m, descriptor + SRP_INDIRECT_ADDRESS), table, table_bytes) != H_SUCCESS) {
    return FAULT_TABLE_FETCH;
  }
  return translate(m, slot, window, table, entries, total);
}

static void decode_operation(Memory m, Address slot, Address cdb) {
  uint32_t opcode = load8(m, cdb);
  uint32_t high = 0, low, blocks;
  switch (opcode) {
    case READ_6:
    case WRITE_6:
      low = big32(m, cdb) & 0x1fffff;
      blocks = load8(m, cdb + 4);
      if (blocks == 0) blocks = 256;
      break;
    case READ_10:
    case WRITE_10:
      low = big32(m, cdb + 2);
      blocks = big16(m, cdb + 7);
      break;
    case READ_12:
    case WRITE_12:
      low = big32(m, cdb + 2);
      blocks = big32(m, cdb + 6);
      break;
    case READ_16:
    case WRITE_16:
      high = big32(m, cdb + 2);
      low = big32(m, cdb + 6);
      blocks = big32(m, cdb + 10);
      break;
    default:
      return;
  }
  store32(m, slot + SLOT_OPERATION, opcode & 2 ? OPERATION_WRITE : OPERATION_READ);
  store32(m, slot + SLOT_LBA_HIGH, high);
  store32(m, slot + SLOT_LBA_LOW, low);
  store32(m, slot + SLOT_BLOCKS, blocks);
}

static uint32_t decode_command(Memory m, Address adapter, Address slot, Address staged) {
  Address iu = slot + SLOT_IU;
  store64(m, slot + SLOT_LUN, load64(m, iu + SRP_LUN));
  uint32_t attribute = load8(m, iu + SRP_CMD_TASK_ATTRIBUTE) & 7;
  store32(m, slot + SLOT_TASK_ATTRIBUTE, attribute);
  if (attribute == 3 || attribute > 4) return FAULT_TASK_ATTRIBUTE;
  uint32_t additional = load8(m, iu + SRP_CMD_ADDITIONAL_CDB);
  if (additional & ~SRP_CMD_ADDITIONAL_CDB_MASK) return FAULT_ADDITIONAL_CDB;
  uint32_t place = SRP_CMD_LENGTH + additional;
  if (place > load32(m, slot + SLOT_IU_LENGTH)) return FAULT_DESCRIPTOR_BOUNDS;
  store32(m, slot + SLOT_CDB_LENGTH, SRP_CMD_CDB_LENGTH + additional);
  decode_operation(m, slot, iu + SRP_CMD_CDB);
  return walk(m, adapter, slot, staged, place);
}

static uint32_t least_length(uint32_t type) {
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

static uint32_t decode_iu(Memory m, Address adapter, Address slot, Address staged) {
  Address iu = slot + SLOT_IU;
  uint32_t length = load32(m, slot + SLOT_IU_LENGTH);
  if (length < SRP_TAG + SRP_TAG_LENGTH) return FAULT_IU_SHORT;
  store64(m, slot + SLOT_TAG, load64(m, iu + SRP_TAG));
  if (load32(m, slot + SLOT_KIND) == KIND_MAD) return length < MAD_HEADER_LENGTH ? FAULT_IU_SHORT : FAULT_NONE;
  uint32_t type = load8(m, iu);
  store32(m, slot + SLOT_IU_TYPE, type);
  uint32_t needed = least_length(type);
  if (needed == 0) return FAULT_IU_TYPE;
  if (length < needed) return FAULT_IU_SHORT;
  if (type == SRP_TSK_MGMT) store64(m, slot + SLOT_LUN, load64(m, iu + SRP_LUN));
  return type == SRP_CMD ? decode_command(m, adapter, slot, staged) : FAULT_NONE;
}

uint32_t srp_decode(Memory m, Address adapter, Address slot, Address staged) {
  uint32_t fault = decode_iu(m, adapter, slot, staged);
  store32(m, slot + SLOT_FAULT, fault);
  return fault;
}

uint32_t srp_build_response(Memory m, Address slot) {
  Address rsp = slot + SLOT_RESPONSE;
  uint32_t flags = load32(m, slot + SLOT_RSP_FLAGS);
  uint32_t status = load32(m, slot + SLOT_SCSI_STATUS);
  memset(m + rsp, 0, SRP_RSP_LENGTH);
  store8(m, rsp, SRP_RSP);
  uint32_t wanted = load8(m, slot + SLOT_IU + SRP_SOL_NOT);
  uint32_t solicited = wanted & (status == 0 ? SRP_SOL_NOT_SUCCESS : SRP_SOL_NOT_FAILURE);
  store8(m, rsp + SRP_SOL_NOT, solicited ? 1 : 0);
  store_big32(m, rsp + SRP_RSP_LIMIT_DELTA, load32(m, slot + SLOT_LIMIT_DELTA));
  store64(m, rsp + SRP_TAG, load64(m, slot + SLOT_TAG));
  store8(m, rsp + SRP_RSP_FLAGS, (uint8_t)flags);
  store8(m, rsp + SRP_RSP_STATUS, (uint8_t)status);
  store_big32(m, rsp + SRP_RSP_DATA_OUT_RESIDUAL, load32(m, slot + SLOT_DATA_OUT_RESIDUAL));
  store_big32(m, rsp + SRP_RSP_DATA_IN_RESIDUAL, load32(m, slot + SLOT_DATA_IN_RESIDUAL));
  uint32_t length = SRP_RSP_LENGTH;
  if (flags & SRP_RSP_RSPVALID) {
    store_big32(m, rsp + SRP_RSP_DATA_LENGTH, SRP_RSP_CODE_LENGTH);
    store_big32(m, rsp + SRP_RSP_DATA, load32(m, slot + SLOT_RSP_CODE));
    length += SRP_RSP_CODE_LENGTH;
  } else if (flags & SRP_RSP_SNSVALID) {
    uint32_t sense = least(load32(m, slot + SLOT_SENSE_LENGTH), SENSE_LENGTH_MAX);
    store_big32(m, rsp + SRP_RSP_SENSE_LENGTH, sense);
    length += sense;
  }
  store32(m, slot + SLOT_RESPONSE_LENGTH, length);
  store32(m, slot + SLOT_RESPONSE_FORMAT, CRQ_FORMAT_SRP);
  return length;
}

void srp_build_entry(Memory m, Address slot, Address entry) {
  store64(m, entry, 0);
  store8(m, entry, CRQ_COMMAND);
  store8(m, entry + CRQ_FORMAT, (uint8_t)load32(m, slot + SLOT_RESPONSE_FORMAT));
  store8(m, entry + CRQ_STATUS, (uint8_t)load32(m, slot + SLOT_CRQ_STATUS));
  store_big16(m, entry + CRQ_IU_LENGTH, load32(m, slot + SLOT_RESPONSE_LENGTH));
  store64(m, entry + 8, load64(m, slot + SLOT_TAG));
}
