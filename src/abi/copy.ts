// Third-party copy commands with list identifiers of one byte. [SPC-4] 6.4, 6.17 to 6.20.

/** EXTENDED COPY parameter list header. */
export const COPY_HEADER_LENGTH = 16;
export const COPY_LIST_IDENTIFIER = 0;
export const COPY_FLAGS = 1;
export const COPY_TARGET_LIST_LENGTH = 2;
export const COPY_SEGMENT_LIST_LENGTH = 8;
export const COPY_INLINE_LENGTH = 12;
/** LIST ID USAGE in COPY_FLAGS: the identifier names held data and status; names status; there is none. */
export const LIST_ID_USAGE_SHIFT = 3;
export const LIST_ID_USAGE_MASK = 0x03;
export const LIST_ID_HOLD = 0;
export const LIST_ID_RESERVED = 1;
export const LIST_ID_NONE = 3;
/** Reserved bits of COPY_FLAGS. */
export const COPY_FLAGS_RESERVED = 0xc0;

/** Identification target descriptor. [SPC-4] 6.4.5.3; its type-specific bytes for block devices: 6.4.5.2. */
export const TARGET_IDENTIFICATION = 0xe4;
export const TARGET_DESCRIPTOR_LENGTH = 32;
export const TARGET_FLAGS = 1;
export const TARGET_UNIT_IDENTIFIER_TYPE = 0xc0;
export const TARGET_NUL = 0x20;
export const TARGET_DEVICE_TYPE = 0x1f;
export const TARGET_CODE_SET = 4;
export const TARGET_DESIGNATOR_TYPE = 5;
export const TARGET_DESIGNATOR_LENGTH = 7;
export const TARGET_DESIGNATOR = 8;
export const TARGET_DESIGNATOR_MAXIMUM = 20;
export const TARGET_TYPE_SPECIFIC = 28;
export const TARGET_PAD = 0x04;
/** DISK BLOCK LENGTH: the low three of the four type-specific bytes. */
export const TARGET_BLOCK_LENGTH_MASK = 0xff_ffff;

/** Block device to block device segment descriptor. [SPC-4] 6.4.6.4. */
export const SEGMENT_BLOCK_TO_BLOCK = 0x02;
export const SEGMENT_LENGTH = 28;
export const SEGMENT_FLAGS = 1;
export const SEGMENT_CONTINUE = 0x01;
export const SEGMENT_DESTINATION_COUNT = 0x02;
export const SEGMENT_DESCRIPTOR_LENGTH = 2;
export const SEGMENT_SOURCE = 4;
export const SEGMENT_DESTINATION = 6;
export const SEGMENT_BLOCKS = 10;
export const SEGMENT_SOURCE_LBA = 12;
export const SEGMENT_DESTINATION_LBA = 20;
/** Bytes of a segment descriptor that its DESCRIPTOR LENGTH does not count. */
export const SEGMENT_UNCOUNTED = 4;

/** COPY MANAGER STATUS of RECEIVE COPY STATUS. [SPC-4] 6.18. */
export const COPY_IN_PROGRESS = 0;
export const COPY_COMPLETED = 1;
export const COPY_FAILED = 2;
