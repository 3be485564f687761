import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { FileStore } from "../../backends/file.ts";
import { StoreOpenError } from "../../backends/open-file.ts";
import type { Log } from "../../core/log.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import { bootId } from "../../host/boot-id.ts";
import type { BlockStore } from "../../scsi/block-store.ts";
import { storeDone } from "../store-result.ts";
import { ClusterClaims } from "./cluster-claims.ts";
import { ClusterMap } from "./cluster-map.ts";
import { Gate } from "./gate.ts";
import { KeptOverlay, newHeader } from "./kept-overlay.ts";
import { clusterShiftFor } from "./layout.ts";
import { FORGETFUL } from "./map-keeper.ts";
import { makeOverlayFile, makeTemporaryFile, overlayExists } from "./overlay-file.ts";
import { OverlayStore } from "./overlay-store.ts";
import type { OverlayParts } from "./parts.ts";

/** An overlay as the configuration has it. */
export type OverlayOptions =
  | { readonly path: string; readonly keep?: true | undefined }
  | { readonly keep: false; readonly directory?: string | undefined };

export interface OverlayContext {
  readonly memory: SharedMemory;
  readonly log: Log;
  /** Nothing is written, to the overlay either. */
  readonly readOnly: boolean;
  /** Opens what is below. @throws StoreOpenError */
  readonly openBase: (readOnly: boolean) => Promise<BlockStore>;
}

/** Opens a base, and an overlay over it. @throws StoreOpenError, StoreError */
export async function openOverlay(options: OverlayOptions, context: OverlayContext): Promise<OverlayStore> {
  const base = await context.openBase(true);
  try {
    return "path" in options
      ? await openKept(options.path, base, context)
      : openThrownAway(options.directory ?? tmpdir(), base, context);
  } catch (error) {
    await base.close();
    throw error;
  }
}

async function openKept(path: string, base: BlockStore, context: OverlayContext): Promise<OverlayStore> {
  const { memory, log, readOnly } = context;
  if (!overlayExists(path)) {
    if (readOnly) throw new StoreOpenError(`${path}: there is no overlay; it is made for a unit that may be written`);
    makeOverlayFile(path, await newHeader(memory, base));
    log.info({ overlay: path, base: base.description }, "an overlay without changes was made");
  }
  const file = new FileStore(memory, path, readOnly, log);
  try {
    return await overlayIn(file, base, bootId(), context);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The overlay that a file has over a base; both are its own from then on. @throws StoreOpenError, StoreError */
export async function overlayIn(
  file: BlockStore,
  base: BlockStore,
  boot: Uint8Array,
  { memory, log, openBase }: Pick<OverlayContext, "memory" | "log" | "openBase">,
): Promise<OverlayStore> {
  const kept = await KeptOverlay.open({ memory, base, file, bootId: boot, log });
  const { map, keeper, layout } = kept;
  const { readOnly, description } = file;
  const parts = partsOf(memory, base, file, { map, keeper, dataOffset: layout.data, clusterSize: layout.clusterSize });
  const closed = async () => {
    try {
      if (!readOnly) await storeDone(`${description}: can't be flushed`, (completion) => keeper.commit(completion));
    } finally {
      kept.free();
      await closeAll(parts);
    }
  };
  const names = { readOnly, description: `${base.description}, changes in ${description}` };
  return new OverlayStore(parts, { ...names, closed, merges: { kept, openBase, log } });
}

function openThrownAway(directory: string, base: BlockStore, { memory, log, readOnly }: OverlayContext): OverlayStore {
  const path = makeTemporaryFile(directory, base.size);
  let file: FileStore;
  try {
    file = new FileStore(memory, path, readOnly, log);
  } finally {
    // It lasts as long as it is open.
    rmSync(path, { force: true });
  }
  const clusterSize = 2 ** clusterShiftFor(base.size);
  const map = new ClusterMap(memory, Math.ceil(base.size / clusterSize));
  const parts = partsOf(memory, base, file, { map, keeper: FORGETFUL, dataOffset: 0, clusterSize });
  const closed = () => {
    map.free();
    return closeAll(parts);
  };
  return new OverlayStore(parts, { readOnly, description: `${base.description}, changes are thrown away`, closed });
}

function partsOf(
  memory: SharedMemory,
  base: BlockStore,
  changes: BlockStore,
  kind: Pick<OverlayParts, "map" | "keeper" | "dataOffset" | "clusterSize">,
): OverlayParts {
  const own = { claims: new ClusterClaims(), gate: new Gate(), touched: undefined, reads: [], writes: [] };
  return { memory, base, changes, size: base.size, ...kind, ...own };
}

async function closeAll({ base, changes, writes }: OverlayParts): Promise<void> {
  for (const write of writes) write.free();
  const ends = await Promise.allSettled([changes.close(), base.close()]);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}
