// Multi-media constants. [MMC-6]. Commands that [SPC-4] and [SBC-3] define too are in scsi.ts.

// Operation codes. [MMC-6] 6.
export const READ_FORMAT_CAPACITIES = 0x23;
export const SEEK_10 = 0x2b;
export const READ_SUB_CHANNEL = 0x42;
export const READ_TOC_PMA_ATIP = 0x43;
export const PLAY_AUDIO_10 = 0x45;
export const GET_CONFIGURATION = 0x46;
export const PLAY_AUDIO_MSF = 0x47;
export const GET_EVENT_STATUS_NOTIFICATION = 0x4a;
export const PAUSE_RESUME = 0x4b;
export const STOP_PLAY_SCAN = 0x4e;
export const READ_DISC_INFORMATION = 0x51;
export const READ_TRACK_INFORMATION = 0x52;
export const READ_BUFFER_CAPACITY = 0x5c;
export const PLAY_AUDIO_12 = 0xa5;
export const GET_PERFORMANCE = 0xac;
export const READ_DISC_STRUCTURE = 0xad;
export const SET_STREAMING = 0xb6;
export const READ_CD_MSF = 0xb9;
export const SET_CD_SPEED = 0xbb;
export const MECHANISM_STATUS = 0xbd;
export const READ_CD = 0xbe;

/** Bytes of user data in a sector of mode 1, of a DVD, of a BD: the only logical block size. [MMC-6] 4.2.3.8. */
export const OPTICAL_BLOCK_SIZE = 2048;

// Profiles. [MMC-6] 5.3.1.
export const PROFILE_NONE = 0x0000;
export const PROFILE_CD_ROM = 0x0008;
export const PROFILE_DVD_ROM = 0x0010;

// Features. [MMC-6] 5.3.
export const FEATURE_PROFILE_LIST = 0x0000;
export const FEATURE_CORE = 0x0001;
export const FEATURE_MORPHING = 0x0002;
export const FEATURE_REMOVABLE_MEDIUM = 0x0003;
export const FEATURE_RANDOM_READABLE = 0x0010;
export const FEATURE_CD_READ = 0x001e;
export const FEATURE_DVD_READ = 0x001f;
export const FEATURE_POWER_MANAGEMENT = 0x0100;
export const FEATURE_TIMEOUT = 0x0105;
export const FEATURE_REAL_TIME_STREAMING = 0x0107;
export const FEATURE_SERIAL_NUMBER = 0x0108;

// Notification classes. [MMC-6] 6.6.2.
export const CLASS_OPERATIONAL_CHANGE = 1;
export const CLASS_POWER_MANAGEMENT = 2;
export const CLASS_MEDIA = 4;
export const CLASS_DEVICE_BUSY = 6;

// Media events. [MMC-6] 6.6.2.5.
export const MEDIA_EVENT_NO_CHANGE = 0;
export const MEDIA_EVENT_EJECT_REQUEST = 1;
export const MEDIA_EVENT_NEW_MEDIA = 2;
export const MEDIA_EVENT_REMOVAL = 3;
// Media status.
export const MEDIA_STATUS_TRAY_OPEN = 0x01;
export const MEDIA_STATUS_PRESENT = 0x02;

// Minute, second, frame. [MMC-6] 4.2.3.7.
export const FRAMES_PER_SECOND = 75;
export const SECONDS_PER_MINUTE = 60;
/** Frames of the pre-gap before logical block 0, which stands at 00:02:00. */
export const PRE_GAP_FRAMES = 150;
