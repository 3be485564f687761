import type { Log } from "../../core/log.ts";
import type { BlockStore, StoreExtent } from "../../scsi/block-store.ts";
import { StoreError, storeDone } from "../store-result.ts";
import { firstOtherSample, takeSamples } from "./base-samples.ts";
import { giveBack, removePieces } from "./give-back.ts";
import type { KeptOverlay } from "./kept-overlay.ts";
import { MERGE_PIECE, type OverlayParts } from "./parts.ts";

/** How far a merge is. */
export interface MergeStatus {
  readonly state: "merging" | "merged" | "failed";
  /** Bytes that the base has, of those that it is to get. */
  readonly done: number;
  readonly total: number;
  /** Why it failed; it may be begun again. */
  readonly error?: string;
}

export interface MergeOptions {
  readonly parts: OverlayParts;
  readonly kept: KeptOverlay;
  readonly openBase: (readOnly: boolean) => Promise<BlockStore>;
  readonly log: Log;
}

const EIO = -5;

/** Stands for a base that could not be opened again. */
const ABSENT: BlockStore = {
  kind: "absent",
  size: 0,
  readOnly: true,
  physicalBlockSize: 512,
  description: "a base that could not be opened again",
  read: () => EIO,
  write: () => EIO,
  flush: () => EIO,
  close: async () => {},
};

/**
 * Copies what an overlay has into its base, while the unit goes on. A cluster leaves the overlay when the base has it on
 * stable storage and nobody has written to its piece meanwhile. At any moment a cluster that is in the map is the right
 * one, whatever the base has by then: a merge that was interrupted is begun again.
 */
export class OverlayMerge {
  readonly #options: MergeOptions;
  /** Linear address of room for a piece. */
  readonly #buffer: number;
  readonly #ended: Promise<void>;
  #stopped = false;
  /** Pieces that have left the overlay. */
  #gone: number[] = [];
  #status: MergeStatus;

  /** Begins. */
  constructor(options: MergeOptions) {
    this.#options = options;
    const { memory, map, clusterSize } = options.parts;
    this.#buffer = memory.allocate(MERGE_PIECE);
    this.#status = { state: "merging", done: 0, total: map.held * clusterSize };
    this.#ended = this.#run().then(
      () => this.#told({ ...this.#status, state: "merged" }),
      (error: Error) => this.#told({ ...this.#status, state: "failed", error: error.message }),
    );
  }

  get status(): MergeStatus {
    return this.#status;
  }

  /** Ends it, as if it had failed, if it has not ended by itself. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { parts, kept } = this.#options;
    const { gate } = parts;
    try {
      await gate.alone(() => this.#exchangeBase(false));
      try {
        await kept.change({ merging: true });
        parts.touched = new Uint8Array(Math.ceil(parts.size / MERGE_PIECE));
        for (let offset = 0; offset < parts.size; offset += MERGE_PIECE) await this.#copy(offset);
        await this.#mustBeDone("flush", (completion) => parts.base.flush(completion));
        await gate.alone(() => this.#settle());
      } finally {
        parts.touched = undefined;
        await gate.alone(() => this.#exchangeBase(true));
      }
      await giveBack(parts, this.#gone);
    } finally {
      parts.memory.free(this.#buffer, MERGE_PIECE);
    }
  }

  /** Copies what the overlay has of a piece. */
  async #copy(offset: number): Promise<void> {
    const { map, clusterSize, size, touched } = this.#options.parts;
    const endCluster = Math.ceil(Math.min(size, offset + MERGE_PIECE) / clusterSize);
    let first = map.find(offset / clusterSize, endCluster, true);
    if (first === endCluster) return;
    // Whoever writes from now on, or ends a write that has begun, marks it again.
    touched?.fill(0, offset / MERGE_PIECE, offset / MERGE_PIECE + 1);
    while (first < endCluster) {
      const end = map.find(first, endCluster, false);
      await this.#copyRun(first * clusterSize, Math.min(size, end * clusterSize));
      first = map.find(end, endCluster, true);
    }
    // The unit's own commands come in between.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#stopped) throw new Error("it was interrupted");
  }

  async #copyRun(from: number, to: number): Promise<void> {
    const { base, changes, dataOffset } = this.#options.parts;
    const found: StoreExtent[] = [];
    for (let at = from; at < to; ) {
      const rest = to - at;
      found.length = 0;
      const { provisioning } = changes;
      if (provisioning === undefined) found.push({ length: rest, allocated: true });
      else
        await this.#mustBeDone("extents", (completion) =>
          provisioning.findExtents(dataOffset + at, rest, found, completion),
        );
      for (const { length, allocated } of found) {
        const offset = at;
        const { provisioning: thin } = base;
        if (!allocated && thin !== undefined) {
          await this.#mustBeDone("unmapping", (completion) => thin.deallocate(offset, length, false, completion));
        } else {
          await this.#mustBeDone("read", (completion) =>
            changes.read(dataOffset + offset, this.#buffer, length, completion),
          );
          await this.#mustBeDone("write", (completion) => base.write(offset, this.#buffer, length, false, completion));
        }
        at += length;
        this.#status = { ...this.#status, done: this.#status.done + length };
      }
    }
  }

  /** Takes out of the overlay what the base has. First the base is known by what it holds now, then the map changes. */
  async #settle(): Promise<void> {
    const { parts, kept } = this.#options;
    const { map, keeper, touched, memory, base } = parts;
    await kept.change({ samples: await takeSamples(memory, base) });
    this.#gone = removePieces(parts, (piece) => touched?.[piece] !== 1);
    await this.#mustBeDone("map", (completion) => keeper.keep(0, map.count, completion));
    await this.#mustBeDone("flush", (completion) => keeper.commit(completion));
    await kept.change({ merging: false });
  }

  /** Closes the base and opens it again, to be written or to be read. Nobody is at work. */
  async #exchangeBase(readOnly: boolean): Promise<void> {
    const { parts, openBase, log } = this.#options;
    const before = parts.base;
    parts.base = ABSENT;
    try {
      await before.close();
      parts.base = await openBase(readOnly);
      if (!readOnly) await this.#checkBase();
    } catch (error) {
      if (parts.base !== ABSENT) await parts.base.close();
      parts.base = ABSENT;
      parts.base = await openBase(true).catch((failure: unknown) => {
        log.error({ base: before.description, error: String(failure) }, "the base of an overlay can't be opened again");
        return ABSENT;
      });
      throw error;
    }
  }

  /** Nobody may have changed it while it was closed. */
  async #checkBase(): Promise<void> {
    const { parts, kept } = this.#options;
    const { base, memory, map } = parts;
    const { samples, merging } = kept.header;
    const compared = merging && map.held > 0 ? () => false : () => true;
    const other = base.size !== parts.size || firstOtherSample(samples, await takeSamples(memory, base), compared) >= 0;
    if (other) throw new StoreError(`${base.description}: was changed meanwhile`, EIO);
  }

  #mustBeDone(what: string, begin: Parameters<typeof storeDone>[1]): Promise<void> {
    const { parts } = this.#options;
    return storeDone(`merging into ${parts.base.description}: ${what}`, begin);
  }

  #told(status: MergeStatus): void {
    this.#status = status;
    const { log, parts } = this.#options;
    const fields = { base: parts.base.description, ...status, left: parts.map.held * parts.clusterSize };
    if (status.state === "merged") log.info(fields, "an overlay was merged into its base");
    else log.warn(fields, "an overlay was not merged into its base; what it has is still there");
  }
}
