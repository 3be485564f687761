// The wire protocol between QEMU's bridge and the daemon: qemu/PROTOCOL.md in words, qemu/wire.h in C (a test holds the
// two together). All integers are little-endian; every message begins with the header.

export const WIRE_VERSION = 2;
export const WIRE_MAGIC = 0x42435356;
export const WIRE_MESSAGE_MAX = 0x1100000;
export const WIRE_TABLE_MAX = 8192;
export const WIRE_DATA_AHEAD_MAX = 0x40000;
export const WIRE_COPY_MAX = 0x1000000;
export const WIRE_AREA_HALF = 0x400000;
export const WIRE_AREA_THRESHOLD = 0x2000;
export const WIRE_AREA_PATH_MAX = 256;

export const WIRE_HELLO = 0x01;
export const WIRE_ENTRY = 0x02;
export const WIRE_READ_DONE = 0x03;
export const WIRE_RESET = 0x04;
export const WIRE_AREA_MAPPED = 0x05;
export const WIRE_SEND = 0x82;
export const WIRE_WRITE = 0x83;
export const WIRE_READ = 0x84;
export const WIRE_RESPOND = 0x85;
export const WIRE_FREE = 0x86;
export const WIRE_REGISTER = 0x87;
export const WIRE_AREA = 0x88;
export const WIRE_WRITE_AREA = 0x89;

// Header.
export const HEADER_LENGTH = 0;
export const HEADER_TYPE = 4;
export const HEADER_UNIT = 8;
export const HEADER_EPOCH = 12;
export const HEADER_SIZE = 16;

// HELLO body: magic, version, number of units, whether a data area is wanted; then (unit, epoch) pairs.
export const HELLO_MAGIC = 0;
export const HELLO_VERSION = 4;
export const HELLO_UNITS = 8;
export const HELLO_AREA = 12;
export const HELLO_SIZE = 16;
export const HELLO_UNIT_SIZE = 8;

// AREA_MAPPED body: a status.
export const AREA_MAPPED_SIZE = 4;

// ENTRY body: the entry, four lengths, two positions in the data area; then IU, indirect table, data-out.
export const ENTRY_IU_LENGTH = 16;
export const ENTRY_TABLE_LENGTH = 20;
export const ENTRY_DATA_LENGTH = 24;
export const ENTRY_AREA_LENGTH = 28;
export const ENTRY_AREA_POSITION = 32;
export const ENTRY_AREA_TAKEN = 36;
export const ENTRY_SIZE = 40;

// READ_DONE body: id, status; then the bytes.
export const READ_DONE_ID = 0;
export const READ_DONE_STATUS = 4;
export const READ_DONE_SIZE = 8;

// WRITE body: IOBA; then the bytes.
export const WRITE_SIZE = 8;

// WRITE_AREA body: IOBA, position, length.
export const WRITE_AREA_POSITION = 8;
export const WRITE_AREA_LENGTH = 12;
export const WRITE_AREA_SIZE = 16;

// READ body: id, length, IOBA.
export const READ_LENGTH = 4;
export const READ_IOBA = 8;
export const READ_SIZE = 16;

// RESPOND body: IOBA of the response, the entry, a position in the data area, reserved; then the response.
export const RESPOND_ENTRY = 8;
export const RESPOND_AREA_TAKEN = 24;
export const RESPOND_SIZE = 32;
