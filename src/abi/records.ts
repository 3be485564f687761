// The core's own records in linear memory: what the host lays out and the core reads and writes. All fields are
// little-endian 32-bit words (WebAssembly's order) unless a line says "raw" (bytes as they were on the wire) or
// "64-bit". An address is a byte offset into the shared linear memory.
// Plain constants only: AssemblyScript and TypeScript both import this file.

/** Bumped on any change to a record or an export. */
export const CORE_ABI_VERSION = 1;

// WINDOW: one TCE window pane, and the partition memory its entries point into.
export const WINDOW_SIZE = 32;
export const WINDOW_STATE = 0;
/** Address of the TCE table: 64-bit little-endian entries, index = IOBA >> 12. */
export const WINDOW_TCES = 4;
export const WINDOW_TCE_COUNT = 8;
/** Address and bytes of the partition memory that the page numbers count from. */
export const WINDOW_MEMORY = 12;
export const WINDOW_MEMORY_SIZE = 16;
/** Raised by the host on every change of the table: translations made before are made again. */
export const WINDOW_GENERATION = 20;
// Window states.
/** Nothing can be reached through it (link cut, partition gone). */
export const WINDOW_CUT = 0;
/** Entries translate to linear memory. */
export const WINDOW_TRANSLATED = 1;
/** The client's memory is elsewhere: a port brings IUs and data and takes data away (STAGED records). */
export const WINDOW_STAGED = 2;

// QUEUE: a registered CRQ as the hypervisor sees it when it puts an entry in.
export const QUEUE_SIZE = 32;
export const QUEUE_STATE = 0;
/** Address of the owner's WINDOW: the queue is addressed by IOBA for ever (re-mapped TCEs take effect). */
export const QUEUE_WINDOW = 4;
export const QUEUE_IOBA = 8;
export const QUEUE_LENGTH = 12;
/** Byte offset of the next entry. */
export const QUEUE_ENQUEUE = 16;
/** H_VIO_SIGNAL mode. */
export const QUEUE_SIGNAL_MODE = 20;
/** Set to 1 by a put while the mode is 1; the hypervisor delivers the interrupt and clears it. */
export const QUEUE_INTERRUPT = 24;
// Queue states.
export const QUEUE_CLOSED = 0;
export const QUEUE_OPEN = 1;
/** Disabled by a suspend event until H_ENABLE_CRQ: puts give H_CLOSED. */
export const QUEUE_DISABLED = 2;

// ADAPTER: one server adapter's side of the core.
export const ADAPTER_SIZE = 128;
/** Address, number of entries and next index of its own ring (contiguous in its own memory). */
export const ADAPTER_RING = 0;
export const ADAPTER_RING_ENTRIES = 4;
export const ADAPTER_RING_CURSOR = 8;
/** Address of the WINDOW record of the client's memory. */
export const ADAPTER_REMOTE_WINDOW = 12;
/** Address of the client's QUEUE record; unused when the window is staged. */
export const ADAPTER_CLIENT_QUEUE = 16;
export const ADAPTER_SLOTS = 20;
export const ADAPTER_SLOT_COUNT = 24;
/** Stack of addresses of free slots (words) and its height. */
export const ADAPTER_FREE_LIST = 28;
export const ADAPTER_FREE_COUNT = 32;
/** drain() writes the addresses of the slots it filled here, in ring order (SLOT_COUNT words). */
export const ADAPTER_READY_LIST = 36;
/** complete() takes the addresses of the slots to answer from here, in order (SLOT_COUNT words). */
export const ADAPTER_COMPLETE_LIST = 40;
/** Room for one fetched indirect table: TABLE_ENTRIES_MAX * 16 bytes. */
export const ADAPTER_TABLE = 44;
/** Address of RING_ENTRIES STAGED records; only when the window is staged. */
export const ADAPTER_STAGED = 48;
/** Out: why drain() stopped. */
export const ADAPTER_DRAIN_STOP = 52;
/** Out: the H_* code that stopped complete(), H_SUCCESS if none did. */
export const ADAPTER_COMPLETE_RESULT = 56;
/** Room for one CRQ entry that the host or the core puts (16 bytes). */
export const ADAPTER_ENTRY = 64;
// Reasons for drain() to stop.
export const DRAIN_EMPTY = 0;
export const DRAIN_LIMIT = 1;
export const DRAIN_NO_SLOT = 2;
/** The last slot is an initialization or a transport event: what follows may belong to the next connection. */
export const DRAIN_BARRIER = 3;

// STAGED: what a port brought along with ring entry i.
/** Bytes of the IU below, 0 when the port could not fetch it. */
export const STAGED_IU_LENGTH = 0;
/** Bytes of the whole indirect table below, 0 when there is none or it was not fetched. */
export const STAGED_TABLE_LENGTH = 4;
/** Address and bytes of data-out that was fetched ahead, 0 when none was. */
export const STAGED_DATA = 8;
export const STAGED_DATA_LENGTH = 12;
export const STAGED_IU = 16;
export const STAGED_TABLE = 272;
export const STAGED_SIZE = 8464;

// SLOT: one request, from its ring entry to its answer.
export const SLOT_STATE = 0;
/** Raw, 8 bytes each. */
export const SLOT_TAG = 8;
export const SLOT_LUN = 16;
/** Raw, 16 bytes: the CRQ entry as it was on the ring. */
export const SLOT_ENTRY = 24;
export const SLOT_KIND = 40;
export const SLOT_FAULT = 44;
export const SLOT_IU_LENGTH = 48;
/** IOBA that the IU came from and its response goes to. */
export const SLOT_ADDRESS_HIGH = 52;
export const SLOT_ADDRESS_LOW = 56;
/** 16 + additional CDB bytes; the CDB stands at SLOT_IU + SRP_CMD_CDB. */
export const SLOT_CDB_LENGTH = 60;
export const SLOT_DIRECTION = 64;
/** Bytes of the client's buffer: the least of what the descriptor claims and what its entries hold. */
export const SLOT_TRANSFER_LENGTH = 68;
export const SLOT_EXTENT_COUNT = 72;
/** WINDOW_GENERATION at which the extents were translated. */
export const SLOT_GENERATION = 76;
export const SLOT_OPERATION = 80;
export const SLOT_LBA_HIGH = 84;
export const SLOT_LBA_LOW = 88;
/** Transfer length in blocks; READ(6)/WRITE(6) with 0 give 256. */
export const SLOT_BLOCKS = 92;
export const SLOT_TASK_ATTRIBUTE = 96;
/** Data-out that came along with a staged entry. */
export const SLOT_STAGED_DATA = 100;
export const SLOT_STAGED_DATA_LENGTH = 104;
// Written by the host before complete().
export const SLOT_ANSWER = 108;
export const SLOT_SCSI_STATUS = 112;
/** SRP_RSP_* flags. */
export const SLOT_RSP_FLAGS = 116;
export const SLOT_DATA_OUT_RESIDUAL = 120;
export const SLOT_DATA_IN_RESIDUAL = 124;
/** Bytes of sense at SLOT_RESPONSE + SRP_RSP_DATA; used with SRP_RSP_SNSVALID. At most SENSE_LENGTH_MAX. */
export const SLOT_SENSE_LENGTH = 128;
/** Task management response code; used with SRP_RSP_RSPVALID. */
export const SLOT_RSP_CODE = 132;
export const SLOT_LIMIT_DELTA = 136;
/** CRQ_STATUS_* byte of the answering entry. */
export const SLOT_CRQ_STATUS = 140;
/** Bytes at SLOT_RESPONSE: set by the host for ANSWER_PREPARED, by the core for ANSWER_RSP. */
export const SLOT_RESPONSE_LENGTH = 144;
/** CRQ_FORMAT_* of the answering entry. */
export const SLOT_RESPONSE_FORMAT = 148;
/** Set by the core when the response's bytes are in the client's memory: only the entry is still to be put. */
export const SLOT_RESPONSE_COPIED = 152;
/** SRP type of the IU (byte 0), when the entry's format is SRP. */
export const SLOT_IU_TYPE = 156;
/** The IU as fetched: private to us, checked after the copy. SRP_IU_MAX bytes. */
export const SLOT_IU = 256;
export const SLOT_RESPONSE = 512;
export const SLOT_EXTENTS = 768;
export const EXTENT_COUNT_MAX = 1024;
export const SLOT_SIZE = 17152;
export const SENSE_LENGTH_MAX = 220;

// EXTENT: a run of the client's buffer that is contiguous both in I/O space and in linear memory.
export const EXTENT_SIZE = 16;
/** Linear address; 0 when the window is staged. */
export const EXTENT_LINEAR = 0;
export const EXTENT_LENGTH = 4;
export const EXTENT_IOBA_HIGH = 8;
export const EXTENT_IOBA_LOW = 12;

/** Entries of an indirect table that are accepted: a larger table is FAULT_TABLE_LENGTH. */
export const TABLE_ENTRIES_MAX = 512;

// Slot states: the ownership token. Moves forward only.
export const SLOT_FREE = 0;
export const SLOT_FETCHED = 1;
export const SLOT_DECODED = 2;
export const SLOT_QUEUED = 3;
export const SLOT_DONE = 4;
export const SLOT_RESPONDED = 5;

// Slot kinds.
export const KIND_INIT = 1;
export const KIND_INIT_COMPLETE = 2;
export const KIND_EVENT = 3;
/** A message in CRQ (format 6), pings among them; its code is in the entry. */
export const KIND_MESSAGE = 4;
export const KIND_MAD = 5;
export const KIND_SRP = 6;
/** Neither of these: reserved header or format. */
export const KIND_UNKNOWN = 7;

// Data directions.
export const DIRECTION_NONE = 0;
export const DIRECTION_OUT = 1;
export const DIRECTION_IN = 2;

// Operations that the core decodes out of the CDB.
export const OPERATION_OTHER = 0;
export const OPERATION_READ = 1;
export const OPERATION_WRITE = 2;

// What complete() does with a slot.
/** Frees the slot, sends nothing. */
export const ANSWER_NONE = 0;
/** Builds an SRP_RSP from the fields above and sends it. */
export const ANSWER_RSP = 1;
/** Sends the SLOT_RESPONSE_LENGTH bytes that the host put at SLOT_RESPONSE. */
export const ANSWER_PREPARED = 2;

// Faults: what decoding found wrong. 0 is none.
export const FAULT_NONE = 0;
/** IU length in the entry is 0 or beyond SRP_IU_MAX. */
export const FAULT_IU_LENGTH = 1;
/** The IU could not be read from the client's memory. */
export const FAULT_IU_FETCH = 2;
/** The IU is shorter than its type demands. */
export const FAULT_IU_SHORT = 3;
export const FAULT_IU_TYPE = 4;
/** Low bits of byte 31 are set. */
export const FAULT_ADDITIONAL_CDB = 5;
/** Data-out and data-in descriptors together. */
export const FAULT_BIDIRECTIONAL = 6;
/** A descriptor format other than none, direct, indirect. */
export const FAULT_DESCRIPTOR_FORMAT = 7;
/** A descriptor, or the inline entries its count claims, reach beyond the IU. */
export const FAULT_DESCRIPTOR_BOUNDS = 8;
/** Indirect table length not a multiple of 16, shorter than its inline part, or above TABLE_ENTRIES_MAX entries. */
export const FAULT_TABLE_LENGTH = 9;
/** The indirect table could not be read from the client's memory. */
export const FAULT_TABLE_FETCH = 10;
/** The buffer falls into more than EXTENT_COUNT_MAX extents. */
export const FAULT_EXTENT_COUNT = 11;
/** A descriptor leaves the window, or a page lacks the right its direction needs. */
export const FAULT_EXTENT_PERMISSION = 12;
/** Task attribute is none of simple, head of queue, ordered, ACA. */
export const FAULT_TASK_ATTRIBUTE = 13;
