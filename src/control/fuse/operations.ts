import type { ErrnoName } from "../../abi/errno.ts";
import * as fuse from "../../abi/fuse.ts";
import {
  type Directory,
  isRefusal,
  NAME_MAXIMUM,
  type Outcome,
  shownBytes,
  type TreeNode,
  VALUE_MAXIMUM,
} from "../../config/tree.ts";
import { type DirectoryEntry, directoryReply, fullDirectoryReply } from "./directory-reply.ts";
import { Handles } from "./handles.ts";
import { type KnownNode, NodeTable } from "./nodes.ts";
import * as replies from "./reply.ts";

/** A reply with its header still to be filled, an error, or nothing at all. */
type Answer = Buffer | ErrnoName | undefined;

interface Operation {
  /** Bytes that the body has at least; a shorter one is malformed. */
  readonly minimum: number;
  run(file: TreeFiles, known: KnownNode, body: Buffer): Answer | Promise<Answer>;
}

/** Answers the kernel's requests from the tree. What it may hold on to is bounded by what the kernel has open. */
export class TreeFiles {
  readonly nodes: NodeTable;
  readonly handles = new Handles();
  readonly ownership: replies.Ownership;
  /** Resolves when the kernel knows what a change has removed. */
  readonly settled: () => Promise<void>;

  constructor(root: Directory, ownership: replies.Ownership, settled: () => Promise<void>) {
    this.nodes = new NodeTable(root);
    this.ownership = ownership;
    this.settled = settled;
  }

  /** @param body the request behind its header; it is the caller's again when this returns */
  answer(opcode: number, node: number, body: Buffer): Answer | Promise<Answer> {
    const operation = OPERATIONS.get(opcode);
    if (operation === undefined) return "ENOSYS";
    if (body.length < operation.minimum) return "EINVAL";
    const known = this.nodes.get(node) ?? (NODELESS.has(opcode) ? this.nodes.get(fuse.FUSE_ROOT_ID) : undefined);
    return known === undefined ? "ENOENT" : operation.run(this, known, body);
  }

  entry(parent: KnownNode, name: string): Answer {
    if (parent.node.kind !== "directory") return "ENOTDIR";
    if (Buffer.byteLength(name) > NAME_MAXIMUM) return "ENAMETOOLONG";
    const node = parent.node.lookup(name);
    return node === undefined ? "ENOENT" : replies.entryReply(this.nodes.lookedUp(parent, name, node), this.ownership);
  }
}

/** What is about no node, or none that the kernel must know. */
const NODELESS = new Set([
  fuse.FUSE_INIT,
  fuse.FUSE_DESTROY,
  fuse.FUSE_STATFS,
  fuse.FUSE_FORGET,
  fuse.FUSE_BATCH_FORGET,
  fuse.FUSE_RELEASE,
  fuse.FUSE_RELEASEDIR,
]);

const nothingMayBe: Operation = { minimum: 0, run: () => "EPERM" };
const nothingToDo: Operation = { minimum: 0, run: () => replies.emptyReply() };

const OPERATIONS: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [fuse.FUSE_INIT, { minimum: fuse.INIT_IN_SIZE, run: (_files, _known, body) => init(body) }],
  [fuse.FUSE_DESTROY, { minimum: 0, run: () => undefined }],
  [fuse.FUSE_STATFS, { minimum: 0, run: () => replies.statisticsReply() }],
  [fuse.FUSE_LOOKUP, { minimum: 1, run: (files, known, body) => files.entry(known, nameIn(body, 0)) }],
  [fuse.FUSE_FORGET, { minimum: fuse.FORGET_IN_SIZE, run: forget }],
  [fuse.FUSE_BATCH_FORGET, { minimum: fuse.BATCH_FORGET_IN_SIZE, run: forgetBatch }],
  [fuse.FUSE_GETATTR, { minimum: 0, run: ({ ownership }, known) => replies.attributesReply(known, ownership) }],
  [fuse.FUSE_SETATTR, { minimum: fuse.SETATTR_SIZE, run: setAttributes }],
  [fuse.FUSE_OPEN, { minimum: fuse.OPEN_IN_SIZE, run: open }],
  [fuse.FUSE_READ, { minimum: fuse.IO_IN_SIZE, run: read }],
  [fuse.FUSE_WRITE, { minimum: fuse.IO_IN_SIZE, run: write }],
  [fuse.FUSE_FLUSH, nothingToDo],
  [fuse.FUSE_FSYNC, nothingToDo],
  [fuse.FUSE_RELEASE, { minimum: fuse.RELEASE_IN_SIZE, run: release }],
  [fuse.FUSE_OPENDIR, { minimum: 0, run: openDirectory }],
  [fuse.FUSE_READDIR, { minimum: fuse.IO_IN_SIZE, run: readDirectory }],
  [fuse.FUSE_READDIRPLUS, { minimum: fuse.IO_IN_SIZE, run: readFullDirectory }],
  [fuse.FUSE_RELEASEDIR, { minimum: fuse.RELEASE_IN_SIZE, run: release }],
  [fuse.FUSE_MKDIR, { minimum: fuse.MKDIR_IN_SIZE + 1, run: makeDirectory }],
  [fuse.FUSE_RMDIR, { minimum: 1, run: removeDirectory }],
  [fuse.FUSE_UNLINK, nothingMayBe],
  [fuse.FUSE_CREATE, nothingMayBe],
  [fuse.FUSE_MKNOD, nothingMayBe],
  [fuse.FUSE_SYMLINK, nothingMayBe],
  [fuse.FUSE_LINK, nothingMayBe],
  [fuse.FUSE_RENAME, nothingMayBe],
  [fuse.FUSE_RENAME2, nothingMayBe],
]);

/** A kernel with an older major version would not understand us; one with a newer offers ours next. */
function init(body: Buffer): Answer {
  if (body.readUInt32LE(fuse.INIT_IN_MAJOR) < fuse.FUSE_VERSION) return "EINVAL";
  return replies.initReply(body.readUInt32LE(fuse.INIT_IN_FLAGS));
}

function forget({ nodes }: TreeFiles, { id }: KnownNode, body: Buffer): undefined {
  nodes.forget(id, number64(body, 0));
}

function forgetBatch({ nodes }: TreeFiles, _known: KnownNode, body: Buffer): undefined {
  const room = Math.floor((body.length - fuse.BATCH_FORGET_IN_SIZE) / fuse.FORGET_ONE_SIZE);
  const count = Math.min(body.readUInt32LE(fuse.BATCH_FORGET_COUNT), room);
  for (let index = 0; index < count; index++) {
    const at = fuse.BATCH_FORGET_IN_SIZE + index * fuse.FORGET_ONE_SIZE;
    nodes.forget(number64(body, at), number64(body, at + 8));
  }
}

/** `echo >` cuts a file off first, which means nothing here; times are nobody's to set, and nobody minds. */
function setAttributes({ ownership }: TreeFiles, known: KnownNode, body: Buffer): Answer {
  const valid = body.readUInt32LE(fuse.SETATTR_VALID);
  if ((valid & (fuse.FATTR_MODE | fuse.FATTR_UID | fuse.FATTR_GID)) !== 0) return "EPERM";
  return replies.attributesReply(known, ownership);
}

function open({ handles }: TreeFiles, { node }: KnownNode, body: Buffer): Answer {
  if (node.kind !== "attribute") return "EISDIR";
  const access = body.readUInt32LE(fuse.OPEN_FLAGS) & fuse.ACCESS_MODE;
  // The superuser, too, may not write what can't be written: as in sysfs.
  if (access !== fuse.ACCESS_READ_ONLY && node.store === undefined) return "EACCES";
  const handle = handles.add({ attribute: node, shown: undefined });
  return handle === undefined ? "ENFILE" : replies.openReply(handle);
}

/** The value is taken when it is read from its start; the rest of a long one is of the same moment. */
function read({ handles }: TreeFiles, _known: KnownNode, body: Buffer): Answer {
  const opened = handles.attribute(number64(body, fuse.IO_HANDLE));
  if (opened === undefined) return "EINVAL";
  const offset = number64(body, fuse.IO_OFFSET);
  if (offset === 0 || opened.shown === undefined) {
    const value = opened.attribute.show();
    if (isRefusal(value)) return value.errno;
    opened.shown = shownBytes(value);
  }
  return replies.dataReply(opened.shown.subarray(offset, offset + body.readUInt32LE(fuse.IO_SIZE)));
}

/** Each write is one store of its whole buffer, wherever in the file it is made: as in sysfs. */
async function write(files: TreeFiles, _known: KnownNode, body: Buffer): Promise<Answer> {
  const opened = files.handles.attribute(number64(body, fuse.IO_HANDLE));
  const size = body.readUInt32LE(fuse.IO_SIZE);
  if (opened === undefined || size > body.length - fuse.IO_IN_SIZE) return "EINVAL";
  if (size > VALUE_MAXIMUM) return "EFBIG";
  const text = textIn(body.subarray(fuse.IO_IN_SIZE, fuse.IO_IN_SIZE + size));
  const { store } = opened.attribute;
  if (text === undefined) return "EINVAL";
  if (store === undefined) return "EACCES";
  const outcome = await store(text);
  if (outcome !== undefined) return outcome.errno;
  await files.settled();
  return replies.writtenReply(size);
}

function release({ handles }: TreeFiles, _known: KnownNode, body: Buffer): Answer {
  handles.release(number64(body, fuse.RELEASE_HANDLE));
  return replies.emptyReply();
}

function openDirectory({ handles }: TreeFiles, { node }: KnownNode): Answer {
  if (node.kind !== "directory") return "ENOTDIR";
  const handle = handles.add({ directory: node, entries: undefined });
  return handle === undefined ? "ENFILE" : replies.openReply(handle);
}

/** A listing is of one moment, from its start to its end. */
function readDirectory(files: TreeFiles, _known: KnownNode, body: Buffer): Answer {
  const page = pageIn(files, body);
  return page === undefined ? "EINVAL" : directoryReply(page.entries, page.first, page.size);
}

function readFullDirectory(files: TreeFiles, known: KnownNode, body: Buffer): Answer {
  const page = pageIn(files, body);
  if (page === undefined) return "EINVAL";
  const lookedUp = (name: string, node: TreeNode) => files.nodes.lookedUp(known, name, node);
  return fullDirectoryReply(page.entries, page.first, page.size, lookedUp, files.ownership);
}

interface Page {
  readonly entries: readonly DirectoryEntry[];
  readonly first: number;
  /** Bytes that may be answered. */
  readonly size: number;
}

function pageIn({ handles }: TreeFiles, body: Buffer): Page | undefined {
  const opened = handles.directory(number64(body, fuse.IO_HANDLE));
  if (opened === undefined) return undefined;
  const first = number64(body, fuse.IO_OFFSET);
  const size = Math.min(body.readUInt32LE(fuse.IO_SIZE), replies.WRITE_MAXIMUM);
  if (first === 0 || opened.entries === undefined) opened.entries = listed(opened.directory);
  return { entries: opened.entries, first, size };
}

function listed(directory: Directory): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [
    { name: ".", node: undefined },
    { name: "..", node: undefined },
  ];
  for (const name of directory.list()) {
    const node = directory.lookup(name);
    if (node !== undefined) entries.push({ name, node });
  }
  return entries;
}

async function makeDirectory(files: TreeFiles, known: KnownNode, body: Buffer): Promise<Answer> {
  const { node } = known;
  if (node.kind !== "directory") return "ENOTDIR";
  if (node.make === undefined) return "EPERM";
  const name = nameIn(body, fuse.MKDIR_IN_SIZE);
  if (Buffer.byteLength(name) > NAME_MAXIMUM) return "ENAMETOOLONG";
  const outcome: Outcome = await node.make(name);
  return outcome === undefined ? files.entry(known, name) : outcome.errno;
}

/** The kernel forgets the name by itself, and holds its folder meanwhile: nothing more is waited for. */
async function removeDirectory(_files: TreeFiles, { node }: KnownNode, body: Buffer): Promise<Answer> {
  if (node.kind !== "directory") return "ENOTDIR";
  if (node.remove === undefined) return "EPERM";
  const outcome: Outcome = await node.remove(nameIn(body, 0));
  return outcome === undefined ? replies.emptyReply() : outcome.errno;
}

/** A name ends with a zero byte. */
function nameIn(body: Buffer, at: number): string {
  const end = body.indexOf(0, at);
  return body.toString("utf8", at, end < 0 ? body.length : end);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function textIn(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Handles, offsets and node numbers of ours fit a double; others find nothing. */
function number64(body: Buffer, at: number): number {
  return Number(body.readBigUInt64LE(at));
}
