// The kernel's FUSE protocol, version 7.31. Source: Linux include/uapi/linux/fuse.h. Integers have the machine's byte
// order, which is little-endian wherever Node runs.

export const FUSE_VERSION = 7;
export const FUSE_MINOR_VERSION = 31;
export const FUSE_ROOT_ID = 1;
/** Inode number of an entry whose node nobody has looked up. */
export const FUSE_UNKNOWN_INO = 0xffff_ffff;

// Operation codes.
export const FUSE_LOOKUP = 1;
export const FUSE_FORGET = 2;
export const FUSE_GETATTR = 3;
export const FUSE_SETATTR = 4;
export const FUSE_SYMLINK = 6;
export const FUSE_MKNOD = 8;
export const FUSE_MKDIR = 9;
export const FUSE_UNLINK = 10;
export const FUSE_RMDIR = 11;
export const FUSE_RENAME = 12;
export const FUSE_LINK = 13;
export const FUSE_OPEN = 14;
export const FUSE_READ = 15;
export const FUSE_WRITE = 16;
export const FUSE_STATFS = 17;
export const FUSE_RELEASE = 18;
export const FUSE_FSYNC = 20;
export const FUSE_FLUSH = 25;
export const FUSE_INIT = 26;
export const FUSE_OPENDIR = 27;
export const FUSE_READDIR = 28;
export const FUSE_RELEASEDIR = 29;
export const FUSE_CREATE = 35;
export const FUSE_DESTROY = 38;
export const FUSE_BATCH_FORGET = 42;
export const FUSE_READDIRPLUS = 44;
export const FUSE_RENAME2 = 45;

/** Unasked messages have it in the place of the error. */
export const FUSE_NOTIFY_INVAL_ENTRY = 3;

// fuse_in_header.
export const IN_LENGTH = 0;
export const IN_OPCODE = 4;
export const IN_UNIQUE = 8;
export const IN_NODE = 16;
export const IN_HEADER_SIZE = 40;

// fuse_out_header.
export const OUT_LENGTH = 0;
export const OUT_ERROR = 4;
export const OUT_UNIQUE = 8;
export const OUT_HEADER_SIZE = 16;

// fuse_init_in, fuse_init_out.
export const INIT_IN_MAJOR = 0;
export const INIT_IN_FLAGS = 12;
export const INIT_IN_SIZE = 16;
export const INIT_OUT_MAJOR = 0;
export const INIT_OUT_MINOR = 4;
export const INIT_OUT_FLAGS = 12;
export const INIT_OUT_MAX_BACKGROUND = 16;
export const INIT_OUT_CONGESTION_THRESHOLD = 18;
export const INIT_OUT_MAX_WRITE = 20;
export const INIT_OUT_TIME_GRANULARITY = 24;
export const INIT_OUT_SIZE = 64;
/** A write may be longer than a page. */
export const FUSE_BIG_WRITES = 1 << 5;
/** Entries of a directory are listed with what a LOOKUP of each would tell; where the kernel expects to need it. */
export const FUSE_DO_READDIRPLUS = 1 << 13;
export const FUSE_READDIRPLUS_AUTO = 1 << 14;

// fuse_attr.
export const ATTR_INO = 0;
export const ATTR_SIZE_FIELD = 8;
export const ATTR_ATIME = 24;
export const ATTR_MTIME = 32;
export const ATTR_CTIME = 40;
export const ATTR_MODE = 60;
export const ATTR_NLINK = 64;
export const ATTR_UID = 68;
export const ATTR_GID = 72;
export const ATTR_BLKSIZE = 80;
const ATTR_SIZE = 88;

// fuse_entry_out: node, generation, validity of name and attributes, attributes.
export const ENTRY_NODE = 0;
export const ENTRY_VALID = 16;
export const ENTRY_ATTR_VALID = 24;
export const ENTRY_ATTR = 40;
export const ENTRY_OUT_SIZE = ENTRY_ATTR + ATTR_SIZE;

// fuse_attr_out.
export const ATTR_OUT_VALID = 0;
export const ATTR_OUT_ATTR = 16;
export const ATTR_OUT_SIZE = ATTR_OUT_ATTR + ATTR_SIZE;

// fuse_setattr_in.
export const SETATTR_VALID = 0;
export const SETATTR_SIZE = 88;
export const FATTR_MODE = 1 << 0;
export const FATTR_UID = 1 << 1;
export const FATTR_GID = 1 << 2;

// fuse_open_in, fuse_open_out.
export const OPEN_FLAGS = 0;
export const OPEN_IN_SIZE = 8;
export const OPEN_HANDLE = 0;
export const OPEN_OUT_FLAGS = 8;
export const OPEN_OUT_SIZE = 16;
export const FOPEN_DIRECT_IO = 1 << 0;
/** O_ACCMODE of Linux, and its values. */
export const ACCESS_MODE = 3;
export const ACCESS_READ_ONLY = 0;

// fuse_read_in and fuse_write_in begin alike.
export const IO_HANDLE = 0;
export const IO_OFFSET = 8;
export const IO_SIZE = 16;
export const IO_IN_SIZE = 40;
export const WRITE_OUT_SIZE = 8;

// fuse_release_in, fuse_mkdir_in, fuse_forget_in, fuse_batch_forget_in.
export const RELEASE_HANDLE = 0;
export const RELEASE_IN_SIZE = 24;
export const MKDIR_IN_SIZE = 8;
export const FORGET_IN_SIZE = 8;
export const BATCH_FORGET_COUNT = 0;
export const BATCH_FORGET_IN_SIZE = 8;
export const FORGET_ONE_SIZE = 16;

// fuse_kstatfs.
export const STATFS_BSIZE = 40;
export const STATFS_NAMELEN = 44;
export const STATFS_OUT_SIZE = 80;

// fuse_dirent, padded to eight bytes.
export const DIRENT_INO = 0;
export const DIRENT_OFFSET = 8;
export const DIRENT_NAMELEN = 16;
export const DIRENT_TYPE = 20;
export const DIRENT_NAME = 24;
export const DIRENT_ALIGNMENT = 8;
// fuse_direntplus is a fuse_entry_out with a fuse_dirent behind it; a node of 0 in it tells nothing of the entry.

// fuse_notify_inval_entry_out.
export const INVAL_PARENT = 0;
export const INVAL_NAMELEN = 8;
export const INVAL_SIZE = 16;

// Types and modes of Linux. Source: linux/stat.h.
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
