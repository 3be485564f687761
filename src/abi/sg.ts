// How Linux passes SCSI commands through: sg_io_hdr (version 3) of scsi/sg.h and sg_io_v4 (version 4) of linux/bsg.h, as 64-bit
// machines lay them out. Pointers are 8 bytes, everything is little-endian here as the machine is.

// Version 3. scsi/sg.h.
export const SG3_LENGTH = 88;
export const SG3_INTERFACE_ID = 0;
export const SG3_DIRECTION = 4;
export const SG3_CDB_LENGTH = 8;
export const SG3_SENSE_MAXIMUM = 9;
export const SG3_DATA_LENGTH = 12;
export const SG3_DATA = 16;
export const SG3_CDB = 24;
export const SG3_SENSE = 32;
export const SG3_TIMEOUT = 40;
export const SG3_FLAGS = 44;
export const SG3_PACK_ID = 48;
export const SG3_STATUS = 64;
export const SG3_SENSE_LENGTH = 67;
export const SG3_HOST_STATUS = 68;
export const SG3_DRIVER_STATUS = 70;
export const SG3_RESIDUAL = 72;
/** The letter S. */
export const SG3_ID = 0x53;
export const SG3_DIRECTION_NONE = -1;
export const SG3_DIRECTION_TO_DEVICE = -2;
export const SG3_DIRECTION_FROM_DEVICE = -3;

// Version 4. linux/bsg.h. Protocol and subprotocol 0: SCSI commands.
export const SG4_LENGTH = 160;
export const SG4_GUARD = 0;
export const SG4_CDB_LENGTH = 12;
export const SG4_CDB = 16;
export const SG4_SENSE_MAXIMUM = 44;
export const SG4_SENSE = 48;
export const SG4_OUT_LENGTH = 60;
export const SG4_IN_LENGTH = 68;
export const SG4_OUT = 72;
export const SG4_IN = 80;
export const SG4_TIMEOUT = 88;
export const SG4_FLAGS = 92;
export const SG4_DRIVER_STATUS = 108;
export const SG4_HOST_STATUS = 112;
export const SG4_STATUS = 116;
export const SG4_SENSE_LENGTH = 132;
export const SG4_IN_RESIDUAL = 136;
export const SG4_OUT_RESIDUAL = 140;
/** The letter Q. */
export const SG4_ID = 0x51;

/** Flags of both versions: behind the commands that wait in the host, or before them, which sg does unless told. */
export const SG_FLAG_QUEUE_AT_TAIL = 0x10;
export const SG_FLAG_QUEUE_AT_HEAD = 0x20;

// ioctl(2) requests.
export const SG_GET_VERSION_NUM = 0x2282;
export const SG_SCSI_RESET = 0x2284;
export const SG_IO = 0x2285;
/** Of sg the most bytes of a transfer, of a block device the most sectors. */
export const BLKSECTGET = 0x1267;
/** Of SG_SCSI_RESET: the logical unit, and nothing larger when that does not help. */
export const SG_SCSI_RESET_DEVICE = 0x101;
/** Commands that one open file of sg takes at a time. Linux, drivers/scsi/sg.c. */
export const SG_QUEUE_MAXIMUM = 16;

// host_status: what became of the command on the host's side. Linux, scsi/scsi_status.h.
export const DID_OK = 0x00;
export const DID_NO_CONNECT = 0x01;
export const DID_BUS_BUSY = 0x02;
export const DID_TIME_OUT = 0x03;
export const DID_BAD_TARGET = 0x04;
export const DID_ABORT = 0x05;
export const DID_RESET = 0x08;
export const DID_SOFT_ERROR = 0x0b;
export const DID_IMM_RETRY = 0x0c;
export const DID_REQUEUE = 0x0d;
export const DID_TRANSPORT_DISRUPTED = 0x0e;
export const DID_TRANSPORT_FAILFAST = 0x0f;

// driver_status, of older kernels; its upper half is a suggestion. scsi/sg.h.
export const DRIVER_STATUS_MASK = 0x0f;
export const DRIVER_BUSY = 0x01;
export const DRIVER_TIMEOUT = 0x06;
