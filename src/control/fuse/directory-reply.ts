import {
  DIRENT_ALIGNMENT,
  DIRENT_INO,
  DIRENT_NAME,
  DIRENT_NAMELEN,
  DIRENT_OFFSET,
  DIRENT_TYPE,
  ENTRY_OUT_SIZE,
  FUSE_UNKNOWN_INO,
  OUT_HEADER_SIZE,
  S_IFDIR,
  S_IFREG,
} from "../../abi/fuse.ts";
import type { TreeNode } from "../../config/tree.ts";
import type { KnownNode } from "./nodes.ts";
import { type Ownership, reply, writeEntry, writeUint64 } from "./reply.ts";

const TYPE_SHIFT = 12;

/** One name of a directory that is listed; `node` is undefined for the two that every directory has. */
export interface DirectoryEntry {
  readonly name: string;
  readonly node: TreeNode | undefined;
}

/** The entries from `first` on that fit `size` bytes. */
export function directoryReply(entries: readonly DirectoryEntry[], first: number, size: number): Buffer {
  const { last, bytes } = pageOf(entries, first, size, 0);
  const out = reply(bytes);
  for (let index = first, at = OUT_HEADER_SIZE; index < last; index++) at = writeName(out, at, entries, index);
  return out;
}

/**
 * The same, each with what a LOOKUP would tell.
 * @param lookedUp makes a node known to the kernel: it counts as looked up
 */
export function fullDirectoryReply(
  entries: readonly DirectoryEntry[],
  first: number,
  size: number,
  lookedUp: (name: string, node: TreeNode) => KnownNode,
  ownership: Ownership,
): Buffer {
  const { last, bytes } = pageOf(entries, first, size, ENTRY_OUT_SIZE);
  const out = reply(bytes);
  for (let index = first, at = OUT_HEADER_SIZE; index < last; index++) {
    const { name, node } = entries[index] ?? NOTHING;
    if (node !== undefined) writeEntry(out, at, lookedUp(name, node), ownership);
    at = writeName(out, at + ENTRY_OUT_SIZE, entries, index);
  }
  return out;
}

const NOTHING: DirectoryEntry = { name: "", node: undefined };

/** Which entries fit, with `extra` bytes before each, and how many bytes they take. */
function pageOf(
  entries: readonly DirectoryEntry[],
  first: number,
  size: number,
  extra: number,
): { last: number; bytes: number } {
  let bytes = 0;
  for (let index = first; index < entries.length; index++) {
    const more = extra + paddedLength(Buffer.byteLength(entries[index]?.name ?? ""));
    if (bytes + more > size) return { last: index, bytes };
    bytes += more;
  }
  return { last: entries.length, bytes };
}

/** @returns the place behind it */
function writeName(out: Buffer, at: number, entries: readonly DirectoryEntry[], index: number): number {
  const { name, node } = entries[index] ?? NOTHING;
  const length = out.write(name, at + DIRENT_NAME);
  writeUint64(out, FUSE_UNKNOWN_INO, at + DIRENT_INO);
  writeUint64(out, index + 1, at + DIRENT_OFFSET);
  out.writeUInt32LE(length, at + DIRENT_NAMELEN);
  out.writeUInt32LE((node?.kind === "attribute" ? S_IFREG : S_IFDIR) >> TYPE_SHIFT, at + DIRENT_TYPE);
  return at + paddedLength(length);
}

function paddedLength(nameLength: number): number {
  return Math.ceil((DIRENT_NAME + nameLength) / DIRENT_ALIGNMENT) * DIRENT_ALIGNMENT;
}
