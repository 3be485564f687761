// SRP information units: the subset of SRP r16a that VSCSI uses. [SRP] r16a clause 6; [LoPAR] app_virtual_scsi.
// Plain constants only: AssemblyScript and TypeScript both import this file.

/** Largest IU in either direction on VSCSI. */
export const SRP_IU_MAX = 256;

// IU types, byte 0. Initiator to target.
export const SRP_LOGIN_REQ = 0x00;
export const SRP_TSK_MGMT = 0x01;
export const SRP_CMD = 0x02;
export const SRP_I_LOGOUT = 0x03;
export const SRP_CRED_RSP = 0x41;
export const SRP_AER_RSP = 0x42;
// Target to initiator.
export const SRP_T_LOGOUT = 0x80;
export const SRP_CRED_REQ = 0x81;
export const SRP_AER_REQ = 0x82;
export const SRP_LOGIN_RSP = 0xc0;
export const SRP_RSP = 0xc1;
export const SRP_LOGIN_REJ = 0xc2;

/** Least lengths of the request IUs. */
export const SRP_LOGIN_REQ_LENGTH = 64;
export const SRP_TSK_MGMT_LENGTH = 48;
export const SRP_CMD_LENGTH = 48;
export const SRP_I_LOGOUT_LENGTH = 16;
export const SRP_CRED_RSP_LENGTH = 16;
export const SRP_AER_RSP_LENGTH = 16;
/** Lengths of the response IUs (RSP: without response data and sense). */
export const SRP_LOGIN_RSP_LENGTH = 52;
export const SRP_LOGIN_REJ_LENGTH = 32;
export const SRP_RSP_LENGTH = 36;

/** Every IU and MAD carries its tag here. */
export const SRP_TAG = 8;
export const SRP_TAG_LENGTH = 8;
export const SRP_SOL_NOT = 1;
export const SRP_SOL_NOT_SUCCESS = 0x02;
export const SRP_SOL_NOT_FAILURE = 0x04;

// LOGIN_REQ.
export const SRP_LOGIN_IU_LENGTH = 16;
export const SRP_LOGIN_FORMATS = 24;
export const SRP_LOGIN_FLAGS = 26;
export const SRP_LOGIN_INITIATOR_PORT = 32;
export const SRP_LOGIN_TARGET_PORT = 48;
export const SRP_LOGIN_MULTI_CHANNEL = 0x01;
export const SRP_FORMAT_DIRECT = 0x0002;
export const SRP_FORMAT_INDIRECT = 0x0004;

// LOGIN_RSP.
export const SRP_LOGIN_RSP_LIMIT = 4;
export const SRP_LOGIN_RSP_MAX_IT = 16;
export const SRP_LOGIN_RSP_MAX_TI = 20;
export const SRP_LOGIN_RSP_FORMATS = 24;

// LOGIN_REJ.
export const SRP_LOGIN_REJ_REASON = 4;
export const SRP_LOGIN_REJ_FORMATS = 24;
export const SRP_REJ_UNABLE_TO_ESTABLISH_CHANNEL = 0x00010000;
export const SRP_REJ_INSUFFICIENT_RESOURCES = 0x00010001;
export const SRP_REJ_IU_LENGTH_TOO_LARGE = 0x00010002;
export const SRP_REJ_UNABLE_TO_ASSOCIATE_CHANNEL = 0x00010003;
export const SRP_REJ_UNSUPPORTED_DESCRIPTOR_FORMAT = 0x00010004;
export const SRP_REJ_MULTI_CHANNEL_UNSUPPORTED = 0x00010005;
export const SRP_REJ_CHANNEL_LIMIT_REACHED = 0x00010006;

// LUN, in CMD and TSK_MGMT alike.
export const SRP_LUN = 20;
export const SRP_LUN_LENGTH = 8;

// TSK_MGMT.
export const SRP_TSK_FUNCTION = 30;
export const SRP_TSK_TASK_TAG = 32;
export const SRP_TSK_ABORT_TASK = 0x01;
export const SRP_TSK_ABORT_TASK_SET = 0x02;
export const SRP_TSK_CLEAR_TASK_SET = 0x04;
export const SRP_TSK_LUN_RESET = 0x08;
export const SRP_TSK_CLEAR_ACA = 0x40;

// CMD.
export const SRP_CMD_FORMATS = 5;
export const SRP_CMD_DATA_OUT_COUNT = 6;
export const SRP_CMD_DATA_IN_COUNT = 7;
export const SRP_CMD_TASK_ATTRIBUTE = 29;
export const SRP_CMD_ADDITIONAL_CDB = 31;
export const SRP_CMD_ADDITIONAL_CDB_MASK = 0xfc;
export const SRP_CMD_CDB = 32;
export const SRP_CMD_CDB_LENGTH = 16;
/** Descriptor format nibbles of byte 5: data-out high, data-in low. */
export const SRP_DESCRIPTOR_NONE = 0;
export const SRP_DESCRIPTOR_DIRECT = 1;
export const SRP_DESCRIPTOR_INDIRECT = 2;

// Direct descriptor; also an entry of an indirect table.
export const SRP_DIRECT_LENGTH = 16;
export const SRP_DIRECT_ADDRESS = 0;
export const SRP_DIRECT_BYTES = 12;
// Indirect descriptor: where the table is, its length in bytes, the data's total length, then entries copied inline.
export const SRP_INDIRECT_LENGTH = 20;
export const SRP_INDIRECT_ADDRESS = 0;
export const SRP_INDIRECT_TABLE_BYTES = 12;
export const SRP_INDIRECT_TOTAL = 16;

// RSP.
export const SRP_RSP_LIMIT_DELTA = 4;
export const SRP_RSP_FLAGS = 18;
export const SRP_RSP_STATUS = 19;
export const SRP_RSP_DATA_OUT_RESIDUAL = 20;
export const SRP_RSP_DATA_IN_RESIDUAL = 24;
export const SRP_RSP_SENSE_LENGTH = 28;
export const SRP_RSP_DATA_LENGTH = 32;
/** Response data and sense begin here; never both (clients read sense here whatever the response length). */
export const SRP_RSP_DATA = 36;
export const SRP_RSP_CODE_LENGTH = 4;
export const SRP_RSP_RSPVALID = 0x01;
export const SRP_RSP_SNSVALID = 0x02;
export const SRP_RSP_DOOVER = 0x04;
export const SRP_RSP_DOUNDER = 0x08;
export const SRP_RSP_DIOVER = 0x10;
export const SRP_RSP_DIUNDER = 0x20;

// Response codes of a task management answer, in the last byte of the response data.
export const SRP_TSK_COMPLETE = 0;
export const SRP_TSK_FIELDS_INVALID = 2;
export const SRP_TSK_NOT_SUPPORTED = 4;
export const SRP_TSK_FAILED = 5;
