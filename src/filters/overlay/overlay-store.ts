import {
  type BlockStore,
  type Provisioning,
  STORE_DONE,
  type StoreCompletion,
  type StoreExtent,
} from "../../scsi/block-store.ts";
import { storeDone } from "../store-result.ts";
import { OverlayChange } from "./change.ts";
import { giveBack, removePieces } from "./give-back.ts";
import { type MergeOptions, type MergeStatus, OverlayMerge } from "./merge.ts";
import { OverlayError } from "./overlay-error.ts";
import type { OverlayParts } from "./parts.ts";
import { OverlayRead } from "./read.ts";

interface OverlayStoreOptions {
  readonly readOnly: boolean;
  readonly description: string;
  /** Ends the use of what is below, when no operation is pending any more. */
  readonly closed: () => Promise<void>;
  /** What merges are made with; undefined for changes that are thrown away. */
  readonly merges?: Omit<MergeOptions, "parts"> | undefined;
}

/** A disk whose changes are kept beside it: the base is only read. */
export class OverlayStore implements BlockStore {
  readonly kind = "overlay";
  readonly size: number;
  readonly readOnly: boolean;
  readonly physicalBlockSize: number;
  readonly description: string;
  readonly provisioning: Provisioning | undefined;
  readonly #parts: OverlayParts;
  readonly #closed: () => Promise<void>;
  readonly #merges: Omit<MergeOptions, "parts"> | undefined;
  #merge: OverlayMerge | undefined;

  constructor(parts: OverlayParts, { readOnly, description, closed, merges }: OverlayStoreOptions) {
    this.#parts = parts;
    this.#closed = closed;
    this.#merges = merges;
    this.size = parts.size;
    this.readOnly = readOnly;
    this.description = description;
    this.physicalBlockSize = Math.min(parts.clusterSize, parts.changes.physicalBlockSize);
    this.provisioning = this.#findProvisioning();
  }

  /** How far the last merge is; undefined when there was none since it was opened. */
  get merge(): MergeStatus | undefined {
    return this.#merge?.status;
  }

  /** Begins to copy what it has into its base, as {@link OverlayMerge} tells. @throws OverlayError when that can't be */
  beginMerge(): void {
    const { base } = this.#parts;
    if (this.#merges === undefined)
      throw new OverlayError("changes that are thrown away can't be merged: keep the overlay, with a path");
    if (this.readOnly) throw new OverlayError("the unit was opened for reading only");
    if (!base.readOnly) throw new OverlayError(`${base.description}: there is nothing to merge into`);
    if (this.merge?.state === "merging") throw new OverlayError("it is being merged already");
    this.#merge = new OverlayMerge({ ...this.#merges, parts: this.#parts });
  }

  /** Throws all changes away: the disk is what its base is. @throws OverlayError when that can't be; StoreError */
  async discard(): Promise<void> {
    const { gate, map, keeper } = this.#parts;
    if (this.readOnly) throw new OverlayError("the unit was opened for reading only");
    if (this.merge?.state === "merging") throw new OverlayError("it is being merged");
    if (this.#merges?.kept.header.merging)
      throw new OverlayError("a merge was interrupted: the base has a part of the changes; merge it again");
    const what = `${this.description}: can't be discarded`;
    let gone: number[] = [];
    await gate.alone(async () => {
      gone = removePieces(this.#parts, () => true);
      await storeDone(what, (completion) => keeper.keep(0, map.count, completion));
      await storeDone(what, (completion) => keeper.commit(completion));
    });
    await giveBack(this.#parts, gone);
  }

  /** Bytes of the disk that the overlay has, whole clusters. */
  get changedBytes(): number {
    return Math.min(this.size, this.#parts.map.held * this.#parts.clusterSize);
  }

  read(offset: number, address: number, length: number, completion: StoreCompletion): number {
    const { reads } = this.#parts;
    return (reads.pop() ?? new OverlayRead(this.#parts)).begin(offset, address, length, completion);
  }

  write(offset: number, address: number, length: number, durable: boolean, completion: StoreCompletion): number {
    return this.#change().write(offset, address, length, durable, completion);
  }

  flush(completion: StoreCompletion): number {
    return this.#parts.keeper.commit(completion);
  }

  async close(): Promise<void> {
    await this.#merge?.stop();
    await this.#closed();
  }

  #change(): OverlayChange {
    return this.#parts.writes.pop() ?? new OverlayChange(this.#parts);
  }

  #findProvisioning(): Provisioning | undefined {
    const below = this.#parts.changes.provisioning;
    if (below === undefined || this.readOnly) return undefined;
    return {
      granularity: Math.max(below.granularity, this.#parts.clusterSize),
      deallocate: (offset, length, durable, completion) => this.#change().release(offset, length, durable, completion),
      findExtents: (offset, length, found, completion) => this.#findExtents(below, offset, length, found, completion),
    };
  }

  /** Whoever has the first cluster tells of those that are alike. */
  #findExtents(
    changes: Provisioning,
    offset: number,
    length: number,
    found: StoreExtent[],
    completion: StoreCompletion,
  ): number {
    const { map, clusterSize, base, dataOffset } = this.#parts;
    const first = Math.floor(offset / clusterSize);
    const endCluster = Math.ceil((offset + length) / clusterSize);
    const held = map.has(first);
    const alike = Math.min(length, map.find(first, endCluster, !held) * clusterSize - offset);
    if (held) return changes.findExtents(dataOffset + offset, alike, found, completion);
    if (base.provisioning !== undefined) return base.provisioning.findExtents(offset, alike, found, completion);
    found.push({ length: alike, allocated: true });
    return STORE_DONE;
  }
}
