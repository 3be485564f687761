// Network Block Device protocol, as the NBD project's doc/proto.md has it ([NBD]). All fields are big-endian.

// Fixed newstyle handshake. Magic numbers of 64 bits stand here as two halves.
export const NBD_MAGIC = [0x4e42444d, 0x41474943] as const;
export const OPTION_MAGIC = [0x49484156, 0x454f5054] as const;
export const OPTION_REPLY_MAGIC = [0x0003e889, 0x045565a9] as const;
/** Handshake flags of the server; the client answers with the same bits. */
export const FLAG_FIXED_NEWSTYLE = 0x1;
export const FLAG_NO_ZEROES = 0x2;

// Options.
export const OPTION_STARTTLS = 5;
export const OPTION_GO = 7;
export const OPTION_STRUCTURED_REPLY = 8;
export const OPTION_SET_META_CONTEXT = 10;
/** The metadata context that tells what has storage. [NBD] "base:allocation metadata context". */
export const CONTEXT_ALLOCATION = "base:allocation";

// Option replies. Errors have the top bit set.
export const REPLY_ACK = 1;
export const REPLY_INFO = 3;
export const REPLY_META_CONTEXT = 4;
export const REPLY_ERROR = 0x8000_0000;
export const REPLY_ERROR_UNSUPPORTED = 0x8000_0001;
export const REPLY_ERROR_POLICY = 0x8000_0002;
export const REPLY_ERROR_TLS_REQUIRED = 0x8000_0005;
export const REPLY_ERROR_UNKNOWN = 0x8000_0006;
export const REPLY_ERROR_SHUTDOWN = 0x8000_0007;
export const REPLY_ERROR_BLOCK_SIZE = 0x8000_0008;

// Information types of GO.
export const INFO_EXPORT = 0;
export const INFO_BLOCK_SIZE = 3;

// Transmission flags of an export.
export const EXPORT_READ_ONLY = 0x002;
export const EXPORT_FLUSH = 0x004;
export const EXPORT_FUA = 0x008;
export const EXPORT_WRITE_ZEROES = 0x040;
export const EXPORT_MULTI_CONNECTION = 0x100;

// Transmission phase.
export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const STRUCTURED_REPLY_MAGIC = 0x668e33ef;
export const REQUEST_SIZE = 28;
export const SIMPLE_REPLY_SIZE = 16;
export const STRUCTURED_REPLY_SIZE = 20;

export const COMMAND_READ = 0;
export const COMMAND_WRITE = 1;
export const COMMAND_DISCONNECT = 2;
export const COMMAND_FLUSH = 3;
export const COMMAND_WRITE_ZEROES = 6;
export const COMMAND_BLOCK_STATUS = 7;
export const COMMAND_FLAG_FUA = 0x1;

// Chunks of a structured reply.
export const CHUNK_FLAG_DONE = 0x1;
export const CHUNK_NONE = 0;
export const CHUNK_OFFSET_DATA = 1;
export const CHUNK_OFFSET_HOLE = 2;
export const CHUNK_BLOCK_STATUS = 5;
export const CHUNK_ERROR = 0x8000;

// Status flags of an extent in the context base:allocation.
export const STATE_HOLE = 0x1;
export const STATE_ZERO = 0x2;
