// Management datagrams (CRQ format 0x02). [LoPAR] app_virtual_scsi, VSCSI Message Formats.
// Plain constants only.

export const MAD_TYPE = 0;
export const MAD_STATUS = 4;
export const MAD_LENGTH = 6;
export const MAD_TAG = 8;
/** IOBA of the data buffer, for the types that have one. */
export const MAD_BUFFER = 16;
export const MAD_HEADER_LENGTH = 16;
export const MAD_WITH_BUFFER_LENGTH = 24;

export const MAD_EMPTY_IU = 0x01;
export const MAD_ERROR_LOG = 0x02;
export const MAD_ADAPTER_INFO = 0x03;
export const MAD_HOST_CONFIG = 0x04;
export const MAD_CAPABILITIES = 0x05;
export const MAD_PHYSICAL_ADAPTER_INFO = 0x06;
export const MAD_TAPE_PASSTHROUGH = 0x07;
export const MAD_ENABLE_FAST_FAIL = 0x08;

export const MAD_SUCCESS = 0x0000;
export const MAD_NOT_SUPPORTED = 0x00f1;
export const MAD_FAILED = 0x00f7;

// ADAPTER_INFO buffer.
export const ADAPTER_INFO_LENGTH = 148;
export const ADAPTER_INFO_SRP_VERSION = 0;
export const ADAPTER_INFO_SRP_VERSION_LENGTH = 8;
export const ADAPTER_INFO_PARTITION_NAME = 8;
export const ADAPTER_INFO_PARTITION_NAME_LENGTH = 96;
export const ADAPTER_INFO_PARTITION_NUMBER = 104;
export const ADAPTER_INFO_MAD_VERSION = 108;
export const ADAPTER_INFO_OS_TYPE = 112;
/** Eight 32-bit maxima, one a port; only the first is used. */
export const ADAPTER_INFO_MAX_TRANSFER = 116;
/** Shortest buffer that still holds every field up to the first maximum transfer. */
export const ADAPTER_INFO_LENGTH_MINIMUM = 120;
/** A server promises at least this maximum transfer (256 KiB). */
export const MAX_TRANSFER_MINIMUM = 0x40000;

export const OS_TYPE_OS400 = 1;
export const OS_TYPE_LINUX = 2;
export const OS_TYPE_AIX = 3;
export const OS_TYPE_OPEN_FIRMWARE = 4;

// CAPABILITIES buffer: a header, then self-describing entries.
export const CAPABILITIES_FLAGS = 0;
export const CAPABILITIES_NAME = 4;
export const CAPABILITIES_NAME_LENGTH = 32;
export const CAPABILITIES_LOCATION = 36;
export const CAPABILITIES_LOCATION_LENGTH = 32;
export const CAPABILITIES_LIST = 68;
export const CAPABILITIES_LENGTH_MAXIMUM = 4096;
export const CAPABILITIES_CLIENT_MIGRATED = 0x01;
export const CAPABILITIES_CLIENT_RECONNECT = 0x02;
export const CAPABILITIES_LIST_SUPPORTED = 0x04;
export const CAPABILITIES_LIST_DATA = 0x08;
export const CAPABILITY_TYPE = 0;
export const CAPABILITY_LENGTH = 4;
export const CAPABILITY_SERVER_SUPPORT = 6;
export const CAPABILITY_HEADER_LENGTH = 8;
/** CAPABILITY_TYPE of reservation; its level stands behind the header. */
export const CAPABILITY_RESERVATION = 2;
export const CAPABILITY_RESERVATION_LENGTH = 12;
/** Level: RESERVE and RELEASE of SCSI-2, sent by the client. */
export const RESERVATION_CLIENT = 1;
