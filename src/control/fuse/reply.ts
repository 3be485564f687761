import {
  ATTR_ATIME,
  ATTR_BLKSIZE,
  ATTR_CTIME,
  ATTR_GID,
  ATTR_INO,
  ATTR_MODE,
  ATTR_MTIME,
  ATTR_NLINK,
  ATTR_OUT_ATTR,
  ATTR_OUT_SIZE,
  ATTR_OUT_VALID,
  ATTR_SIZE_FIELD,
  ATTR_UID,
  ENTRY_ATTR,
  ENTRY_ATTR_VALID,
  ENTRY_NODE,
  ENTRY_OUT_SIZE,
  ENTRY_VALID,
  FOPEN_DIRECT_IO,
  FUSE_BIG_WRITES,
  FUSE_DO_READDIRPLUS,
  FUSE_MINOR_VERSION,
  FUSE_NOTIFY_INVAL_ENTRY,
  FUSE_READDIRPLUS_AUTO,
  FUSE_VERSION,
  INIT_OUT_CONGESTION_THRESHOLD,
  INIT_OUT_FLAGS,
  INIT_OUT_MAJOR,
  INIT_OUT_MAX_BACKGROUND,
  INIT_OUT_MAX_WRITE,
  INIT_OUT_MINOR,
  INIT_OUT_SIZE,
  INIT_OUT_TIME_GRANULARITY,
  INVAL_NAMELEN,
  INVAL_PARENT,
  INVAL_SIZE,
  OPEN_HANDLE,
  OPEN_OUT_FLAGS,
  OPEN_OUT_SIZE,
  OUT_ERROR,
  OUT_HEADER_SIZE,
  OUT_LENGTH,
  S_IFDIR,
  S_IFREG,
  STATFS_BSIZE,
  STATFS_NAMELEN,
  STATFS_OUT_SIZE,
  WRITE_OUT_SIZE,
} from "../../abi/fuse.ts";
import { NAME_MAXIMUM, VALUE_MAXIMUM } from "../../config/tree.ts";
import type { KnownNode } from "./nodes.ts";

/** Seconds for which the kernel need not ask again; it is told of what vanishes earlier. */
const VALIDITY = 1;
/** Bytes of the longest write that comes in one piece: longer than any value, so that none is cut into two. */
export const WRITE_MAXIMUM = 0x10000;
const WANTED = FUSE_BIG_WRITES | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO;
const BACKGROUND_MAXIMUM = 16;
const DIRECTORY_MODE = S_IFDIR | 0o755;
const NANOSECONDS = 1;
const WORD = 0x1_0000_0000;

/** Who owns what is shown, and since when it is there. */
export interface Ownership {
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly time: number;
}

/** A reply with room for a body of `size` bytes behind its header, which the session fills in. */
export function reply(size: number): Buffer {
  // Of Node's pool: a buffer of its own for each reply costs as much as all the rest.
  return Buffer.allocUnsafe(OUT_HEADER_SIZE + size).fill(0);
}

export function emptyReply(): Buffer {
  return reply(0);
}

/** @param offered flags of the kernel's */
export function initReply(offered: number): Buffer {
  const out = reply(INIT_OUT_SIZE);
  out.writeUInt32LE(FUSE_VERSION, OUT_HEADER_SIZE + INIT_OUT_MAJOR);
  out.writeUInt32LE(FUSE_MINOR_VERSION, OUT_HEADER_SIZE + INIT_OUT_MINOR);
  out.writeUInt32LE(offered & WANTED, OUT_HEADER_SIZE + INIT_OUT_FLAGS);
  out.writeUInt16LE(BACKGROUND_MAXIMUM, OUT_HEADER_SIZE + INIT_OUT_MAX_BACKGROUND);
  out.writeUInt16LE(BACKGROUND_MAXIMUM, OUT_HEADER_SIZE + INIT_OUT_CONGESTION_THRESHOLD);
  out.writeUInt32LE(WRITE_MAXIMUM, OUT_HEADER_SIZE + INIT_OUT_MAX_WRITE);
  out.writeUInt32LE(NANOSECONDS, OUT_HEADER_SIZE + INIT_OUT_TIME_GRANULARITY);
  return out;
}

export function entryReply(known: KnownNode, ownership: Ownership): Buffer {
  const out = reply(ENTRY_OUT_SIZE);
  writeEntry(out, OUT_HEADER_SIZE, known, ownership);
  return out;
}

/** What a LOOKUP tells of a node, at `at`, where everything is zero. */
export function writeEntry(out: Buffer, at: number, known: KnownNode, ownership: Ownership): void {
  writeUint64(out, known.id, at + ENTRY_NODE);
  writeUint64(out, VALIDITY, at + ENTRY_VALID);
  writeUint64(out, VALIDITY, at + ENTRY_ATTR_VALID);
  writeAttributes(out, at + ENTRY_ATTR, known, ownership);
}

export function attributesReply(known: KnownNode, ownership: Ownership): Buffer {
  const out = reply(ATTR_OUT_SIZE);
  writeUint64(out, VALIDITY, OUT_HEADER_SIZE + ATTR_OUT_VALID);
  writeAttributes(out, OUT_HEADER_SIZE + ATTR_OUT_ATTR, known, ownership);
  return out;
}

/** Reads and writes of attributes come here as they are: the kernel caches nothing. */
export function openReply(handle: number): Buffer {
  const out = reply(OPEN_OUT_SIZE);
  out.writeBigUInt64LE(BigInt(handle), OUT_HEADER_SIZE + OPEN_HANDLE);
  out.writeUInt32LE(FOPEN_DIRECT_IO, OUT_HEADER_SIZE + OPEN_OUT_FLAGS);
  return out;
}

export function dataReply(bytes: Uint8Array): Buffer {
  const out = reply(bytes.length);
  out.set(bytes, OUT_HEADER_SIZE);
  return out;
}

export function writtenReply(bytes: number): Buffer {
  const out = reply(WRITE_OUT_SIZE);
  out.writeUInt32LE(bytes, OUT_HEADER_SIZE);
  return out;
}

export function statisticsReply(): Buffer {
  const out = reply(STATFS_OUT_SIZE);
  out.writeUInt32LE(VALUE_MAXIMUM, OUT_HEADER_SIZE + STATFS_BSIZE);
  out.writeUInt32LE(NAME_MAXIMUM, OUT_HEADER_SIZE + STATFS_NAMELEN);
  return out;
}

/** Tells the kernel, unasked, that a name is not there any more. */
export function vanishedNotice(parent: number, name: string): Buffer {
  const length = Buffer.byteLength(name);
  const out = reply(INVAL_SIZE + length + 1);
  out.writeUInt32LE(out.length, OUT_LENGTH);
  out.writeInt32LE(FUSE_NOTIFY_INVAL_ENTRY, OUT_ERROR);
  out.writeBigUInt64LE(BigInt(parent), OUT_HEADER_SIZE + INVAL_PARENT);
  out.writeUInt32LE(length, OUT_HEADER_SIZE + INVAL_NAMELEN);
  out.write(name, OUT_HEADER_SIZE + INVAL_SIZE);
  return out;
}

/** As sysfs shows attributes: a page long, whatever their value is. */
function writeAttributes(out: Buffer, at: number, { id, node }: KnownNode, { uid, gid, time }: Ownership): void {
  const mode = node.kind === "directory" ? DIRECTORY_MODE : S_IFREG | (node.store === undefined ? 0o444 : 0o644);
  writeUint64(out, id, at + ATTR_INO);
  out.writeUInt32LE(node.kind === "directory" ? 0 : VALUE_MAXIMUM, at + ATTR_SIZE_FIELD);
  writeUint64(out, time, at + ATTR_ATIME);
  writeUint64(out, time, at + ATTR_MTIME);
  writeUint64(out, time, at + ATTR_CTIME);
  out.writeUInt32LE(mode, at + ATTR_MODE);
  out.writeUInt32LE(node.kind === "directory" ? 2 : 1, at + ATTR_NLINK);
  out.writeUInt32LE(uid, at + ATTR_UID);
  out.writeUInt32LE(gid, at + ATTR_GID);
  out.writeUInt32LE(VALUE_MAXIMUM, at + ATTR_BLKSIZE);
}

/** Node numbers, offsets and times of ours fit a double; a BigInt for each of a listing's would cost more than the rest. */
export function writeUint64(out: Buffer, value: number, at: number): void {
  out.writeUInt32LE(value >>> 0, at);
  out.writeUInt32LE(Math.floor(value / WORD) >>> 0, at + 4);
}
