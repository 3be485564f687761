// Hypervisor calls of the POWER Architecture Platform Requirements, as far as a virtual SCSI pair uses them.
// [LoPAR] ch_lpar_option (tokens, return codes), ch_virtual_io (CRQ, LRDMA).
// Plain constants only: AssemblyScript and TypeScript both import this file.

// Tokens, passed in r3.
export const H_GET_TCE = 0x1c;
export const H_PUT_TCE = 0x20;
export const H_REG_CRQ = 0xfc;
export const H_FREE_CRQ = 0x100;
export const H_VIO_SIGNAL = 0x104;
export const H_SEND_CRQ = 0x108;
export const H_COPY_RDMA = 0x110;
export const H_STUFF_TCE = 0x138;
export const H_PUT_TCE_INDIRECT = 0x13c;
export const H_ENABLE_CRQ = 0x2b0;

// Return codes, in r3.
export const H_SUCCESS = 0;
export const H_BUSY = 1;
export const H_CLOSED = 2;
export const H_PARTIAL = 5;
export const H_IN_PROGRESS = 14;
export const H_LONG_BUSY_ORDER_1_MSEC = 9900;
export const H_LONG_BUSY_ORDER_10_MSEC = 9901;
export const H_HARDWARE = -1;
export const H_FUNCTION = -2;
export const H_PARAMETER = -4;
export const H_NOT_FOUND = -7;
export const H_PERMISSION = -11;
export const H_DROPPED = -12;
export const H_SOURCE_PARM = -13;
export const H_DEST_PARM = -14;
export const H_RESOURCE = -16;
export const H_P4 = -57;

// Translation control entries: bits 0-51 page number, then reserved, then rights. [LoPAR] ch_address_map.
export const TCE_PAGE_SHIFT = 12;
export const TCE_PAGE_SIZE = 0x1000;
export const TCE_READ = 0x1;
export const TCE_WRITE = 0x2;
export const TCE_RIGHTS = 0x3;
/** H_STUFF_TCE and H_PUT_TCE_INDIRECT set at most this many entries a call. */
export const TCE_COUNT_MAX = 512;

/** Pages in which a CRQ is registered (H_REG_CRQ). */
export const CRQ_PAGE_SIZE = 0x1000;
/** Least legal value of /vdevice's ibm,max-virtual-dma-size: the H_COPY_RDMA length that is always allowed. */
export const MAX_VIRTUAL_DMA_SIZE_MINIMUM = 0x20000;

// H_VIO_SIGNAL modes.
export const VIO_SIGNAL_DISABLE = 0;
export const VIO_SIGNAL_ENABLE = 1;
