// Operation codes that only pass through us: no unit of ours has the commands. [SPC-4], [SBC-4], [SSC-5], [MMC-6], [SMC-3],
// annex D of each.

export const REWIND = 0x01;
export const READ_BLOCK_LIMITS = 0x05;
export const REASSIGN_BLOCKS = 0x07;
export const SPACE_6 = 0x11;
export const VERIFY_6 = 0x13;
export const WRITE_FILEMARKS_6 = 0x10;
export const COPY = 0x18;
export const ERASE_6 = 0x19;
export const READ_FORMAT_CAPACITIES = 0x23;
/** SEEK(10), or LOCATE(10) of a tape. */
export const SEEK_10 = 0x2b;
export const FORMAT_WITH_PRESET = 0x38;
export const COMPARE = 0x39;
export const COPY_AND_VERIFY = 0x3a;
export const READ_LONG_10 = 0x3e;
export const READ_SUB_CHANNEL = 0x42;
export const READ_TOC = 0x43;
/** REPORT DENSITY SUPPORT of a tape, READ HEADER of a disc. */
export const REPORT_DENSITY_SUPPORT = 0x44;
export const PLAY_AUDIO_10 = 0x45;
export const GET_CONFIGURATION = 0x46;
export const PLAY_AUDIO_MSF = 0x47;
export const GET_EVENT_STATUS_NOTIFICATION = 0x4a;
export const PAUSE_RESUME = 0x4b;
export const STOP_PLAY_SCAN = 0x4e;
export const READ_DISC_INFORMATION = 0x51;
export const READ_TRACK_INFORMATION = 0x52;
export const CLOSE_TRACK_SESSION = 0x5b;
export const READ_BUFFER_CAPACITY = 0x5c;
export const VARIABLE_LENGTH_CDB = 0x7f;
export const ATA_PASS_THROUGH_16 = 0x85;
export const ACCESS_CONTROL_IN = 0x86;
export const ACCESS_CONTROL_OUT = 0x87;
export const READ_ATTRIBUTE = 0x8c;
/** LOCATE(16) of a tape. */
export const LOCATE_16 = 0x92;
export const READ_BUFFER_16 = 0x9b;
/** ERASE(16) of a tape, WRITE SAME(16) of a disk. */
export const ERASE_16 = 0x93;
/** ATA PASS-THROUGH(12), but BLANK of an optical drive. */
export const ATA_PASS_THROUGH_12 = 0xa1;
export const SECURITY_PROTOCOL_IN = 0xa2;
export const MOVE_MEDIUM = 0xa5;
export const EXCHANGE_MEDIUM = 0xa6;
export const GET_PERFORMANCE = 0xac;
export const READ_DISC_STRUCTURE = 0xad;
export const SECURITY_PROTOCOL_OUT = 0xb5;
export const READ_ELEMENT_STATUS = 0xb8;
export const READ_CD_MSF = 0xb9;
export const SET_CD_SPEED = 0xbb;
export const MECHANISM_STATUS = 0xbd;
export const READ_CD = 0xbe;
/** From here on operation codes are vendor specific. [SPC-4] 4.2.5.1. */
export const FIRST_VENDOR_SPECIFIC = 0xc0;

// Peripheral device types. [SPC-4] 6.6.2.
export const PERIPHERAL_SEQUENTIAL_ACCESS = 0x01;
export const PERIPHERAL_OPTICAL_MEMORY = 0x07;
export const PERIPHERAL_MEDIUM_CHANGER = 0x08;

// Service actions. [SPC-4] 4.2.5.2.
export const REMOVE_ELEMENT_AND_TRUNCATE = 0x18;
export const RESTORE_ELEMENTS_AND_REBUILD = 0x19;
/** ATA PASS-THROUGH(32), of VARIABLE LENGTH CDB. [SAT-4] 12.2.4. */
export const ATA_PASS_THROUGH_32 = 0x1ff0;

/** MODEs of WRITE BUFFER that change what a device runs. [SPC-4] 6.49. */
export const DOWNLOAD_MICROCODE_MODES: readonly number[] = [0x04, 0x05, 0x06, 0x07, 0x0d, 0x0e, 0x0f];
