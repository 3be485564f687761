// A command's whole way within one process, beside what its bytes alone cost.
import { closeSync, fsyncSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { READ_10, WRITE_10 } from "../../dist/abi/scsi.js";
import { FileStore } from "../../dist/backends/file.js";
import { MemoryStore } from "../../dist/backends/memory.js";
import { NullStore } from "../../dist/backends/null.js";
import { silentLog } from "../../dist/core/log.js";
import { asynchronousRound, synchronousRound } from "../lib/round.mjs";
import { BLOCK, LoadClient, serveDisk } from "../lib/served-client.mjs";

const KIB = 1024;
/** Larger than the processor's caches, as disks are. */
const DISK_BYTES = 64 * KIB * KIB;
const STORES = {
  null: (memory) => new NullStore(memory, DISK_BYTES),
  memory: (memory) => new MemoryStore(memory, DISK_BYTES),
  file: (memory, path) => new FileStore(memory, path, false, silentLog),
};

const load = (operation, bytes, depth, store) => ({
  name: `${operation} ${bytes / KIB} KiB QD ${depth}, ${store}`,
  operation,
  bytes,
  depth,
  store,
});

const LOADS = [
  load("read", 4 * KIB, 64, "null"),
  load("read", 4 * KIB, 64, "memory"),
  load("read", 4 * KIB, 64, "file"),
  load("write", 4 * KIB, 64, "null"),
  load("write", 4 * KIB, 64, "memory"),
  load("write", 4 * KIB, 64, "file"),
  load("read", 4 * KIB, 8, "memory"),
  load("read", 4 * KIB, 1, "memory"),
  load("read", 4 * KIB, 1, "file"),
  load("read", 64 * KIB, 16, "memory"),
  load("read", 64 * KIB, 16, "file"),
  load("write", 64 * KIB, 16, "file"),
  load("read", 256 * KIB, 8, "memory"),
  load("read", 256 * KIB, 8, "file"),
];

/** Blocks all over the disk, each once, in an order that is the same every time. */
function shuffledOffsets(bytes) {
  const offsets = Array.from({ length: DISK_BYTES / bytes }, (_, index) => index * bytes);
  let state = 1;
  for (let at = offsets.length - 1; at > 0; at--) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const other = state % (at + 1);
    [offsets[at], offsets[other]] = [offsets[other], offsets[at]];
  }
  return offsets;
}

async function inProcessCase({ name, operation, bytes, depth, store }, milliseconds, folder) {
  const opcode = operation === "read" ? READ_10 : WRITE_10;
  const offsets = shuffledOffsets(bytes);
  // Few: a sample in which another process had the processor is then one of many, and not the median.
  const commands = Math.max(depth * 2, 16);
  const closers = [];
  const sides = {};
  let bare;
  for (const kind of ["wasm", "js"]) {
    const image = join(folder, `${kind}.img`);
    if (store === "file") writeImage(image);
    const served = serveDisk(kind, (memory) => STORES[store](memory, image));
    const client = new LoadClient(served, { depth, bytes });
    await client.connect();
    const lbas = offsets.map((offset) => offset / BLOCK);
    // Every block is there: holes would cost nothing to read.
    if (store === "memory") await client.run(WRITE_10, lbas, lbas.length);
    sides[kind] = asynchronousRound({
      sample: () => client.run(opcode, lbas, commands),
      operations: commands,
      milliseconds,
    });
    closers.push(async () => {
      await served.adapter.stop();
      await served.store.close();
    });
    bare ??= { served, buffers: client.buffers, image };
  }
  const floor = store === "file" ? fileFloor(operation, bare.image, closers) : copyFloor(operation, bare.served);
  sides[floor.name] = synchronousRound({
    sample: turns(floor.call, offsets, bare.buffers, bytes, commands),
    before: () => {},
    operations: commands,
    milliseconds,
  });
  return {
    name,
    sides,
    perSecond: true,
    ratios: [
      ["js", "wasm"],
      ["wasm", "copy"],
      ["preadSync", "wasm"],
      ["pwriteSync", "wasm"],
    ],
    close: async () => {
      for (const close of closers) await close();
    },
  };
}

/** In the page cache, and on the disk already: nobody writes it back while it is read. */
function writeImage(path) {
  const fd = openSync(path, "w");
  writeSync(fd, Buffer.alloc(DISK_BYTES, 0x5a));
  fsyncSync(fd);
  closeSync(fd);
}

/** The same offsets and the same buffers in the same turns. */
function turns(call, offsets, buffers, bytes, count) {
  let next = 0;
  return () => {
    for (let turn = 0; turn < count; turn++) {
      call(buffers[turn % buffers.length], offsets[next], bytes);
      if (++next >= offsets.length) next = 0;
    }
  };
}

/** The copy between disk and client that there has to be. */
function copyFloor(operation, { memory, hypervisor: { core } }) {
  const disk = memory.allocate(DISK_BYTES);
  memory.u8.fill(0x5a, disk, disk + DISK_BYTES);
  return {
    name: "copy",
    call:
      operation === "read"
        ? (buffer, offset, bytes) => core.bytes_copy(buffer, disk + offset, bytes)
        : (buffer, offset, bytes) => core.bytes_copy(disk + offset, buffer, bytes),
  };
}

/** The system call that there has to be. */
function fileFloor(operation, image, closers) {
  const fd = openSync(image, "r+");
  const target = new Uint8Array(new SharedArrayBuffer(DISK_BYTES));
  closers.push(() => closeSync(fd));
  const at = (buffer) => buffer % (DISK_BYTES / 2);
  return operation === "read"
    ? { name: "preadSync", call: (buffer, offset, bytes) => readSync(fd, target, at(buffer), bytes, offset) }
    : { name: "pwriteSync", call: (buffer, offset, bytes) => writeSync(fd, target, at(buffer), bytes, offset) };
}

/** @type {import("../main.mjs").Group} */
export const inProcess = {
  name: "in-process",
  title: "In process: initiator, hypervisor, core, target, backend, and back; a command's time",
  async *cases({ milliseconds, wanted }) {
    const folder = mkdtempSync(join(tmpdir(), "vscsi-bench-"));
    try {
      for (const entry of LOADS) if (wanted(entry.name)) yield await inProcessCase(entry, milliseconds, folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
