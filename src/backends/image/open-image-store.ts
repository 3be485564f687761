import { realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../../core/log.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import { lockHolder } from "../../host/lock-holder.ts";
import { findProgram } from "../../host/programs.ts";
import { privateDirectory } from "../../host/runtime-directory.ts";
import { NbdStore } from "../nbd/nbd-store.ts";
import { StoreOpenError } from "../open-file.ts";
import { checkSignature, formatOfName, givesBack, type ImageFormatName } from "./formats.ts";
import { ImageStore } from "./image-store.ts";
import { type ImageCache, QemuNbd, type QemuNbdOptions } from "./qemu-nbd.ts";
import { refuseReferences } from "./references.ts";

const CONNECTIONS = 4;
/** A process of our own that does not answer is not helped by another connection. Milliseconds. */
const TIMEOUT = 60_000;
/** How long qemu-nbd may take to open the image, in milliseconds. */
const OPENING_MOST = 20_000;
/** How long a qemu-nbd of a daemon that was killed may take to close the image. */
const CLOSING_MOST = 10_000;
const LOOK_AGAIN = 20;
/** Not yet listening. */
const NOT_YET = new Set(["ENOENT", "ECONNREFUSED"]);

/** An image backend as the configuration has it. */
export interface ImageBackendOptions {
  readonly path: string;
  /** What its name says unless told. */
  readonly format?: ImageFormatName | undefined;
  readonly cache?: ImageCache | undefined;
  /** The image may refer to other files: backing files, files for its data. */
  readonly references?: boolean | undefined;
  readonly connections?: number | undefined;
  /** Milliseconds after which an operation fails that QEMU has not answered. */
  readonly timeout?: number | undefined;
}

interface ImageContext {
  readonly readOnly: boolean;
  readonly blockSize: number;
  readonly log: Log;
}

/** Images open for writing in this process, by their true paths. */
const written = new Set<string>();
let sockets = 0;

/** Opens an image by a qemu-nbd of our own. @throws StoreOpenError */
export async function openImageStore(
  memory: SharedMemory,
  options: ImageBackendOptions,
  context: ImageContext,
): Promise<ImageStore> {
  const path = resolve(options.path);
  const { format = formatOfName(path), references = false } = options;
  if (format === undefined)
    throw new StoreOpenError(`${path}: its name does not say which format it has: give "format", such as "qcow2"`);
  const programs = findPrograms(path);
  checkSignature(path, format);
  if (!references) await refuseReferences(programs.info, path, format);
  const closed = claim(path, context.readOnly);
  const { cache = "writeback", connections = CONNECTIONS, timeout = TIMEOUT } = options;
  const server = new QemuNbd({
    ...programs,
    path,
    format,
    readOnly: context.readOnly,
    references,
    cache,
    connections,
    socket: newSocket(path),
    log: context.log,
  });
  const open = (socket: string) => {
    const address = { path: socket, host: "", port: 0, exportName: "", tls: false, text: path };
    return NbdStore.open(memory, { address, connections, timeout, retryFor: timeout, ...context });
  };
  try {
    return new ImageStore(await serve(server, path, () => open(server.socket)), server, givesBack(format), closed);
  } catch (error) {
    await server.end();
    closed();
    throw error;
  }
}

/** @throws StoreOpenError */
function findPrograms(path: string): Pick<QemuNbdOptions, "program" | "setpriv"> & { info: string } {
  const [program, info] = [findProgram("qemu-nbd"), findProgram("qemu-img")];
  if (program === undefined || info === undefined)
    throw new StoreOpenError(
      `${path}: needs qemu-nbd and qemu-img, which are not installed: install Debian's qemu-utils, Fedora's qemu-img`,
    );
  return { program, info, setpriv: findProgram("setpriv") };
}

/** Makes this the only store that writes to the image. @returns what ends that @throws StoreOpenError */
function claim(path: string, readOnly: boolean): () => void {
  if (readOnly) return () => {};
  const truePath = realpathSync(path);
  if (written.has(truePath))
    throw new StoreOpenError(`${path}: is served for writing already; make one of the two read-only`, "EBUSY");
  written.add(truePath);
  return () => void written.delete(truePath);
}

/** @throws StoreOpenError */
function newSocket(path: string): string {
  try {
    return join(privateDirectory("images"), `${process.pid}-${++sockets}.sock`);
  } catch (error) {
    throw new StoreOpenError(`${path}: there is no place for qemu-nbd's socket: ${(error as Error).message}`);
  }
}

/**
 * Starts the server and connects to it. The qemu-nbd of a daemon that was killed may still be closing the image: it is
 * waited for.
 */
async function serve(server: QemuNbd, path: string, open: () => Promise<NbdStore>): Promise<NbdStore> {
  for (const until = Date.now() + CLOSING_MOST; ; await pause(10 * LOOK_AGAIN)) {
    const outcome = await connect(server, open);
    if (outcome instanceof NbdStore) return outcome;
    const holder = outcome.includes("lock") ? lockHolder(path) : undefined;
    if (holder?.startsWith("qemu-nbd") && Date.now() < until) continue;
    const advice = holder === undefined ? "" : ` ${holder} has locked it: stop that one`;
    throw new StoreOpenError(`${path}: can't be opened: ${outcome}${advice}`, holder && "EBUSY");
  }
}

/** @returns the store, or what qemu-nbd said when it ended */
async function connect(server: QemuNbd, open: () => Promise<NbdStore>): Promise<NbdStore | string> {
  let ended: string | undefined;
  const gone = server.start().then((said) => {
    ended = said;
  });
  for (const until = Date.now() + OPENING_MOST; ; await pause(LOOK_AGAIN)) {
    try {
      return await open();
    } catch (error) {
      const { errno = "" } = error as StoreOpenError;
      // A connection that it let go of is the first that is known of its end.
      if (!NOT_YET.has(errno)) await Promise.race([gone, pause(50 * LOOK_AGAIN)]);
      if (ended !== undefined) return ended;
      if (!NOT_YET.has(errno) || Date.now() > until) throw error;
    }
  }
}
