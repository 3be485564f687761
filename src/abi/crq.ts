// Entries of the Command/Response Queue. [LoPAR] ch_virtual_io (Reliable CRQ Transport), app_virtual_scsi.
// Plain constants only: AssemblyScript and TypeScript both import this file.

export const CRQ_ENTRY_SIZE = 16;

// Byte offsets in an entry.
export const CRQ_HEADER = 0;
export const CRQ_FORMAT = 1;
export const CRQ_STATUS = 3;
export const CRQ_TIMEOUT = 4;
export const CRQ_IU_LENGTH = 6;
/** Client to server: IOBA of the IU. Server to client: the request's tag, opaque. */
export const CRQ_IU_ADDRESS = 8;

// Header byte.
export const CRQ_FREE = 0x00;
export const CRQ_COMMAND = 0x80;
export const CRQ_INITIALIZATION = 0xc0;
export const CRQ_TRANSPORT_EVENT = 0xff;

// Format byte when the header is CRQ_COMMAND.
export const CRQ_FORMAT_SRP = 0x01;
export const CRQ_FORMAT_MAD = 0x02;
export const CRQ_FORMAT_OS400 = 0x03;
export const CRQ_FORMAT_AIX = 0x04;
export const CRQ_FORMAT_LINUX = 0x05;
/** Message in CRQ (ping). QEMU's header calls 6 'Linux private'; LoPAR is the one to trust. */
export const CRQ_FORMAT_MESSAGE = 0x06;

// Format byte when the header is CRQ_INITIALIZATION.
export const CRQ_INIT = 0x01;
export const CRQ_INIT_COMPLETE = 0x02;

// Status byte of a message in CRQ.
export const CRQ_PING = 0xf5;
export const CRQ_PING_RESPONSE = 0xf6;

// Status byte, server to client.
export const CRQ_STATUS_OK = 0x00;
export const CRQ_STATUS_ADAPTER_FAILED = 0x10;
/** In a transport event: the event overwrote the last queued entry. */
export const CRQ_STATUS_OVERWRITTEN = 0x20;

// Event byte (offset 1) when the header is CRQ_TRANSPORT_EVENT.
export const CRQ_EVENT_PARTNER_FAILED = 0x01;
export const CRQ_EVENT_PARTNER_DEREGISTERED = 0x02;
export const CRQ_EVENT_SUSPENDED = 0x06;
