import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import type { BlockStore } from "../scsi/block-store.ts";
import { FileStore } from "./file.ts";
import { MemoryStore } from "./memory.ts";
import { NullStore } from "./null.ts";

/** What each kind of store is told, by its `type`. */
interface BackendOptions {
  null: { size: number };
  memory: { size: number };
  file: { path: string };
}

type BackendType = keyof BackendOptions;

/** Where a logical unit's bytes are, as the configuration has it. */
export type Backend = { [Type in BackendType]: { type: Type } & BackendOptions[Type] }[BackendType];

interface StoreContext {
  memory: SharedMemory;
  /** The store refuses writes, and what it opens is opened for reading only. */
  readOnly: boolean;
  log: Log;
}

/** Every kind of store: a new one is a file beside this one, and a line here. */
const OPENERS: { [Type in BackendType]: (options: BackendOptions[Type], context: StoreContext) => BlockStore } = {
  null: ({ size }, { memory }) => new NullStore(memory, size),
  memory: ({ size }, { memory }) => new MemoryStore(memory, size),
  file: ({ path }, { memory, readOnly, log }) => new FileStore(memory, path, readOnly, log),
};

/** Opens the store of a backend. @throws StoreOpenError */
export function openStore<Type extends BackendType>(
  backend: { type: Type } & BackendOptions[Type],
  context: StoreContext,
): BlockStore {
  return OPENERS[backend.type](backend, context);
}
