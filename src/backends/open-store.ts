import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import type { BlockStore } from "../scsi/block-store.ts";
import { FileStore } from "./file.ts";
import { formatOfName } from "./image/formats.ts";
import { type ImageBackendOptions, openImageStore } from "./image/open-image-store.ts";
import { MemoryStore } from "./memory.ts";
import { type NbdBackendOptions, openNbdStore } from "./nbd/open-nbd-store.ts";
import { NullStore } from "./null.ts";

/** What each kind of store is told, by its `type`. */
interface BackendOptions {
  null: { size: number };
  memory: { size: number };
  file: { path: string };
  image: ImageBackendOptions;
  nbd: NbdBackendOptions;
}

type BackendType = keyof BackendOptions;

/** Where a logical unit's bytes are, as the configuration has it. */
export type Backend = { [Type in BackendType]: { type: Type } & BackendOptions[Type] }[BackendType];

export interface StoreContext {
  memory: SharedMemory;
  /** The store refuses writes, and what it opens is opened for reading only. */
  readOnly: boolean;
  log: Log;
  /** Nobody else may write to it meanwhile, though we only read. */
  undisturbed?: boolean;
  /** Bytes of the smallest piece that is read or written. */
  blockSize: number;
}

/** Every kind of store: a new one is a file beside this one, and a line here. */
const OPENERS: {
  [Type in BackendType]: (options: BackendOptions[Type], context: StoreContext) => BlockStore | Promise<BlockStore>;
} = {
  null: ({ size }, { memory }) => new NullStore(memory, size),
  memory: ({ size }, { memory }) => new MemoryStore(memory, size),
  // A file whose name says that it has a format is an image of it.
  file: ({ path }, { memory, ...context }) =>
    formatOfName(path) === undefined
      ? new FileStore(memory, path, context.readOnly, context.log, context.undisturbed)
      : openImageStore(memory, { path }, context),
  image: (options, { memory, ...context }) => openImageStore(memory, options, context),
  nbd: (options, { memory, ...context }) => openNbdStore(memory, { ...options, ...context }),
};

/** Opens the store of a backend. @throws StoreOpenError */
export async function openStore<Type extends BackendType>(
  backend: { type: Type } & BackendOptions[Type],
  context: StoreContext,
): Promise<BlockStore> {
  return OPENERS[backend.type](backend, context);
}
