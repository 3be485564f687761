// iSCSI protocol data units. [RFC 7143] clause 11. All integers are big-endian.

/** The registered port. [RFC 7143] 4.2.7.1. */
export const ISCSI_PORT = 3260;

/** Basic header segment. [RFC 7143] 11.2.1. */
export const BHS_LENGTH = 48;
/** A header or data digest. [RFC 7143] 11.2.3. */
export const DIGEST_LENGTH = 4;

// Fields that every PDU has.
export const BHS_OPCODE = 0;
export const BHS_FLAGS = 1;
/** TotalAHSLength in words of four bytes. */
export const BHS_AHS_LENGTH = 4;
/** DataSegmentLength, three bytes. */
export const BHS_DATA_LENGTH = 5;
export const BHS_LUN = 8;
export const BHS_ITT = 16;

export const OPCODE_MASK = 0x3f;
export const OPCODE_IMMEDIATE = 0x40;
/** F bit; T bit of a login. */
export const FLAG_FINAL = 0x80;
/** C bit of login and text. */
export const FLAG_CONTINUE = 0x40;
/** A tag that names nothing. */
export const RESERVED_TAG = 0xffff_ffff;

// Opcodes. [RFC 7143] 11.2.1.2.
export const NOP_OUT = 0x00;
export const SCSI_COMMAND = 0x01;
export const TASK_MANAGEMENT_REQUEST = 0x02;
export const LOGIN_REQUEST = 0x03;
export const TEXT_REQUEST = 0x04;
export const SCSI_DATA_OUT = 0x05;
export const LOGOUT_REQUEST = 0x06;
export const SNACK_REQUEST = 0x10;
export const NOP_IN = 0x20;
export const SCSI_RESPONSE = 0x21;
export const TASK_MANAGEMENT_RESPONSE = 0x22;
export const LOGIN_RESPONSE = 0x23;
export const TEXT_RESPONSE = 0x24;
export const SCSI_DATA_IN = 0x25;
export const LOGOUT_RESPONSE = 0x26;
export const READY_TO_TRANSFER = 0x31;
export const ASYNC_MESSAGE = 0x32;
export const REJECT = 0x3f;

// Requests that carry a CmdSN.
export const REQUEST_CMD_SN = 24;
export const REQUEST_EXP_STAT_SN = 28;
// Responses.
export const RESPONSE_STAT_SN = 24;
export const RESPONSE_EXP_CMD_SN = 28;
export const RESPONSE_MAX_CMD_SN = 32;

// SCSI Command. [RFC 7143] 11.3.
export const COMMAND_FLAG_READ = 0x40;
export const COMMAND_FLAG_WRITE = 0x20;
export const COMMAND_ATTRIBUTE_MASK = 0x07;
export const COMMAND_EXPECTED_LENGTH = 20;
export const COMMAND_CDB = 32;
export const COMMAND_CDB_LENGTH = 16;
export const ATTRIBUTE_UNTAGGED = 0;
export const ATTRIBUTE_SIMPLE = 1;
export const ATTRIBUTE_ORDERED = 2;
export const ATTRIBUTE_HEAD_OF_QUEUE = 3;
export const ATTRIBUTE_ACA = 4;

// Additional header segments. [RFC 7143] 11.2.2.
/** AHSLength counts what follows the type. */
export const AHS_HEADER_LENGTH = 3;
export const AHS_TYPE = 2;
export const AHS_EXTENDED_CDB = 1;
/** AHSLength of an extended CDB: its CDB bytes and one reserved byte in front of them. */
export const AHS_EXTENDED_CDB_DATA = 4;

// SCSI Response. [RFC 7143] 11.4.
export const SCSI_RESPONSE_RESPONSE = 2;
export const SCSI_RESPONSE_STATUS = 3;
export const SCSI_RESPONSE_EXP_DATA_SN = 36;
export const SCSI_RESPONSE_RESIDUAL = 44;
export const FLAG_OVERFLOW = 0x04;
export const FLAG_UNDERFLOW = 0x02;
/** SenseLength in front of the sense data. */
export const SENSE_LENGTH_FIELD = 2;

// SCSI Data-In. [RFC 7143] 11.7.
export const DATA_FLAG_STATUS = 0x01;
export const DATA_IN_STATUS = 3;
/** Target transfer tag of data PDUs, R2T, NOP and text. */
export const TARGET_TRANSFER_TAG = 20;
export const DATA_SN = 36;
export const DATA_OFFSET = 40;
export const DATA_IN_RESIDUAL = 44;

// R2T. [RFC 7143] 11.8.
export const R2T_SN = 36;
export const R2T_OFFSET = 40;
export const R2T_LENGTH = 44;

// Task management. [RFC 7143] 11.5, 11.6.
export const FUNCTION_MASK = 0x7f;
export const FUNCTION_ABORT_TASK = 1;
export const FUNCTION_ABORT_TASK_SET = 2;
export const FUNCTION_CLEAR_ACA = 3;
export const FUNCTION_CLEAR_TASK_SET = 4;
export const FUNCTION_LOGICAL_UNIT_RESET = 5;
export const FUNCTION_TARGET_WARM_RESET = 6;
export const FUNCTION_TARGET_COLD_RESET = 7;
export const FUNCTION_TASK_REASSIGN = 8;
export const TASK_REFERENCED_TAG = 20;
export const TASK_REF_CMD_SN = 32;
export const TASK_RESPONSE = 2;
export const FUNCTION_COMPLETE = 0;
export const FUNCTION_NO_TASK = 1;
export const FUNCTION_NO_LUN = 2;
export const FUNCTION_NO_REASSIGNMENT = 4;
export const FUNCTION_NOT_SUPPORTED = 5;
export const FUNCTION_REJECTED = 255;

// Asynchronous message. [RFC 7143] 11.9.
export const ASYNC_EVENT = 36;
export const ASYNC_PARAMETER_1 = 38;
export const ASYNC_PARAMETER_2 = 40;
export const ASYNC_PARAMETER_3 = 42;
export const ASYNC_SCSI_EVENT = 0;
export const ASYNC_LOGOUT_REQUEST = 1;
export const ASYNC_CONNECTION_DROP = 2;
export const ASYNC_SESSION_DROP = 3;
export const ASYNC_NEGOTIATION_REQUEST = 4;

// Login. [RFC 7143] 11.12, 11.13.
export const LOGIN_CURRENT_STAGE_SHIFT = 2;
export const LOGIN_STAGE_MASK = 3;
export const STAGE_SECURITY = 0;
export const STAGE_OPERATIONAL = 1;
export const STAGE_FULL_FEATURE = 3;
export const LOGIN_VERSION_MAX = 2;
export const LOGIN_VERSION_MIN = 3;
export const LOGIN_VERSION_ACTIVE = 3;
export const LOGIN_ISID = 8;
export const ISID_LENGTH = 6;
export const LOGIN_TSIH = 14;
export const LOGIN_CID = 20;
export const LOGIN_STATUS = 36;

// Status class and detail. [RFC 7143] 11.13.5.
export const LOGIN_SUCCESS = 0x0000;
/** Class 01h: redirection, temporary or permanent. */
export const LOGIN_CLASS_SHIFT = 8;
export const LOGIN_CLASS_REDIRECTION = 0x01;
export const LOGIN_INITIATOR_ERROR = 0x0200;
export const LOGIN_AUTHENTICATION_FAILURE = 0x0201;
export const LOGIN_AUTHORIZATION_FAILURE = 0x0202;
export const LOGIN_TARGET_NOT_FOUND = 0x0203;
export const LOGIN_UNSUPPORTED_VERSION = 0x0205;
export const LOGIN_TOO_MANY_CONNECTIONS = 0x0206;
export const LOGIN_MISSING_PARAMETER = 0x0207;
export const LOGIN_CANNOT_INCLUDE = 0x0208;
export const LOGIN_SESSION_TYPE_UNSUPPORTED = 0x0209;
export const LOGIN_NO_SESSION = 0x020a;
export const LOGIN_INVALID_REQUEST = 0x020b;
export const LOGIN_SERVICE_UNAVAILABLE = 0x0301;
export const LOGIN_OUT_OF_RESOURCES = 0x0302;

// Logout. [RFC 7143] 11.14, 11.15.
export const LOGOUT_REASON_MASK = 0x7f;
export const LOGOUT_CLOSE_SESSION = 0;
export const LOGOUT_CLOSE_CONNECTION = 1;
export const LOGOUT_RECOVERY = 2;
export const LOGOUT_CID = 20;
export const LOGOUT_RESPONSE_CODE = 2;
export const LOGOUT_DONE = 0;
export const LOGOUT_NO_CONNECTION = 1;
export const LOGOUT_NO_RECOVERY = 2;

// Reject. [RFC 7143] 11.17.
export const REJECT_REASON = 2;
export const REJECT_DATA_DIGEST = 0x02;
export const REJECT_SNACK = 0x03;
export const REJECT_PROTOCOL_ERROR = 0x04;
export const REJECT_COMMAND_NOT_SUPPORTED = 0x05;
export const REJECT_TOO_MANY_IMMEDIATE = 0x06;
export const REJECT_TASK_IN_PROGRESS = 0x07;
export const REJECT_INVALID_FIELD = 0x09;

/** PROTOCOL IDENTIFIER of iSCSI. [SPC-4] 7.6.1. */
export const PROTOCOL_ISCSI = 5;
