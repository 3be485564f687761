// SCSI constants. [SPC-4] primary commands, [SBC-3] block commands, [SAM-5] architecture.

// Status. [SAM-5] 5.3.
export const STATUS_GOOD = 0x00;
export const STATUS_CHECK_CONDITION = 0x02;
export const STATUS_BUSY = 0x08;
export const STATUS_RESERVATION_CONFLICT = 0x18;
export const STATUS_TASK_SET_FULL = 0x28;
export const STATUS_ACA_ACTIVE = 0x30;

// Peripheral device types. [SPC-4] 6.6.2.
export const PERIPHERAL_DIRECT_ACCESS = 0x00;
export const PERIPHERAL_CD_DVD = 0x05;

// Operation codes. [SPC-4] annex E.
export const TEST_UNIT_READY = 0x00;
export const REQUEST_SENSE = 0x03;
export const FORMAT_UNIT = 0x04;
export const READ_6 = 0x08;
export const WRITE_6 = 0x0a;
export const INQUIRY = 0x12;
export const RESERVE_6 = 0x16;
export const RELEASE_6 = 0x17;
export const MODE_SELECT_6 = 0x15;
export const MODE_SENSE_6 = 0x1a;
export const START_STOP_UNIT = 0x1b;
export const RECEIVE_DIAGNOSTIC_RESULTS = 0x1c;
export const SEND_DIAGNOSTIC = 0x1d;
export const PREVENT_ALLOW_MEDIUM_REMOVAL = 0x1e;
export const READ_CAPACITY_10 = 0x25;
export const READ_10 = 0x28;
export const WRITE_10 = 0x2a;
export const WRITE_AND_VERIFY_10 = 0x2e;
export const VERIFY_10 = 0x2f;
export const PRE_FETCH_10 = 0x34;
export const SYNCHRONIZE_CACHE_10 = 0x35;
export const READ_DEFECT_DATA_10 = 0x37;
export const RESERVE_10 = 0x56;
export const RELEASE_10 = 0x57;
export const MODE_SENSE_10 = 0x5a;
export const PERSISTENT_RESERVE_IN = 0x5e;
export const PERSISTENT_RESERVE_OUT = 0x5f;
export const WRITE_BUFFER = 0x3b;
export const READ_BUFFER = 0x3c;
export const WRITE_SAME_10 = 0x41;
export const UNMAP = 0x42;
export const SANITIZE = 0x48;
export const LOG_SELECT = 0x4c;
export const LOG_SENSE = 0x4d;
export const MODE_SELECT_10 = 0x55;
export const EXTENDED_COPY = 0x83;
export const RECEIVE_COPY_RESULTS = 0x84;
export const READ_16 = 0x88;
export const COMPARE_AND_WRITE = 0x89;
export const WRITE_16 = 0x8a;
export const ORWRITE_16 = 0x8b;
export const WRITE_AND_VERIFY_16 = 0x8e;
export const VERIFY_16 = 0x8f;
export const PRE_FETCH_16 = 0x90;
export const SYNCHRONIZE_CACHE_16 = 0x91;
export const WRITE_SAME_16 = 0x93;
export const WRITE_ATOMIC_16 = 0x9c;
export const SERVICE_ACTION_IN_16 = 0x9e;
export const REPORT_LUNS = 0xa0;
export const MAINTENANCE_IN = 0xa3;
export const MAINTENANCE_OUT = 0xa4;
export const READ_12 = 0xa8;
export const WRITE_12 = 0xaa;
export const WRITE_AND_VERIFY_12 = 0xae;
export const VERIFY_12 = 0xaf;
export const READ_DEFECT_DATA_12 = 0xb7;
/** Service actions of SERVICE ACTION IN(16). [SBC-4] 5.9, 5.18. */
export const READ_CAPACITY_16 = 0x10;
export const GET_LBA_STATUS = 0x12;

// Service actions of PERSISTENT RESERVE IN. [SPC-4] 6.15.1.
export const PR_READ_KEYS = 0x00;
export const PR_READ_RESERVATION = 0x01;
export const PR_REPORT_CAPABILITIES = 0x02;
export const PR_READ_FULL_STATUS = 0x03;
// Service actions of PERSISTENT RESERVE OUT. [SPC-4] 6.16.2.
export const PR_REGISTER = 0x00;
export const PR_RESERVE = 0x01;
export const PR_RELEASE = 0x02;
export const PR_CLEAR = 0x03;
export const PR_PREEMPT = 0x04;
export const PR_PREEMPT_AND_ABORT = 0x05;
export const PR_REGISTER_AND_IGNORE_EXISTING_KEY = 0x06;
export const PR_REGISTER_AND_MOVE = 0x07;
// Service actions of MAINTENANCE IN. [SPC-4] table 50.
export const REPORT_IDENTIFYING_INFORMATION = 0x05;
export const REPORT_TARGET_PORT_GROUPS = 0x0a;
export const REPORT_SUPPORTED_OPERATION_CODES = 0x0c;
export const REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS = 0x0d;
export const REPORT_TIMESTAMP = 0x0f;
// Service actions of MAINTENANCE OUT. [SPC-4] table 51.
export const SET_IDENTIFYING_INFORMATION = 0x06;
export const SET_TARGET_PORT_GROUPS = 0x0a;
export const SET_TIMESTAMP = 0x0f;

// Service actions of SANITIZE. [SBC-3] 5.21.
export const SANITIZE_OVERWRITE = 0x01;
export const SANITIZE_BLOCK_ERASE = 0x02;
export const SANITIZE_CRYPTOGRAPHIC_ERASE = 0x03;
export const SANITIZE_EXIT_FAILURE_MODE = 0x1f;
// Service actions of EXTENDED COPY and RECEIVE COPY RESULTS, list identifiers of one byte. [SPC-4] 6.4, 6.17 to 6.20.
export const EXTENDED_COPY_LID1 = 0x00;
export const RECEIVE_COPY_STATUS_LID1 = 0x00;
export const RECEIVE_COPY_DATA_LID1 = 0x01;
export const RECEIVE_COPY_OPERATING_PARAMETERS = 0x03;
export const RECEIVE_COPY_FAILURE_DETAILS_LID1 = 0x04;

// Vital product data pages. [SPC-4] 7.8, [SBC-3] 6.6.
export const VPD_SUPPORTED_PAGES = 0x00;
export const VPD_UNIT_SERIAL_NUMBER = 0x80;
export const VPD_DEVICE_IDENTIFICATION = 0x83;
export const VPD_MANAGEMENT_NETWORK_ADDRESSES = 0x85;
export const VPD_EXTENDED_INQUIRY_DATA = 0x86;
export const VPD_MODE_PAGE_POLICY = 0x87;
export const VPD_BLOCK_LIMITS = 0xb0;
export const VPD_BLOCK_DEVICE_CHARACTERISTICS = 0xb1;
export const VPD_LOGICAL_BLOCK_PROVISIONING = 0xb2;

// Mode pages. [SPC-4] 7.5, [SBC-3] 6.5, [MMC-6] 7.
export const MODE_PAGE_READ_WRITE_ERROR_RECOVERY = 0x01;
export const MODE_PAGE_DISCONNECT_RECONNECT = 0x02;
export const MODE_PAGE_CACHING = 0x08;
export const MODE_PAGE_CONTROL = 0x0a;
/** Subpage of the control mode page. [SPC-4] 7.5.9. */
export const MODE_SUBPAGE_CONTROL_EXTENSION = 0x01;
export const MODE_PAGE_POWER_CONDITION = 0x1a;
export const MODE_PAGE_INFORMATIONAL_EXCEPTIONS = 0x1c;
export const MODE_PAGE_TIMEOUT_AND_PROTECT = 0x1d;
export const MODE_PAGE_CAPABILITIES = 0x2a;
export const MODE_PAGE_ALL = 0x3f;

// Log pages. [SPC-4] 7.3.
export const LOG_PAGE_SUPPORTED = 0x00;
export const LOG_PAGE_SELF_TEST_RESULTS = 0x10;
export const LOG_PAGE_GENERAL_STATISTICS = 0x19;
export const LOG_PAGE_INFORMATIONAL_EXCEPTIONS = 0x2f;
/** Subpage code that stands for all subpages of mode and log pages. [SPC-4] 6.11, 7.3. */
export const ALL_SUBPAGES = 0xff;

// Sense keys. [SPC-4] 4.5.6.
export const NO_SENSE = 0x0;
export const NOT_READY = 0x2;
export const MEDIUM_ERROR = 0x3;
export const HARDWARE_ERROR = 0x4;
export const ILLEGAL_REQUEST = 0x5;
export const UNIT_ATTENTION = 0x6;
export const DATA_PROTECT = 0x7;
export const COPY_ABORTED = 0xa;
export const ABORTED_COMMAND = 0xb;
export const MISCOMPARE = 0xe;
