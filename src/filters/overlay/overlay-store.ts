import {
  type BlockStore,
  type Provisioning,
  STORE_DONE,
  type StoreCompletion,
  type StoreExtent,
} from "../../scsi/block-store.ts";
import { OverlayChange } from "./change.ts";
import type { OverlayParts } from "./parts.ts";
import { OverlayRead } from "./read.ts";

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

  /** @param closed ends the use of what is below, when no operation is pending any more */
  constructor(
    parts: OverlayParts,
    { readOnly, description, closed }: Pick<OverlayStore, "readOnly" | "description"> & { closed: () => Promise<void> },
  ) {
    this.#parts = parts;
    this.#closed = closed;
    this.size = parts.size;
    this.readOnly = readOnly;
    this.description = description;
    this.physicalBlockSize = Math.min(parts.clusterSize, parts.changes.physicalBlockSize);
    this.provisioning = this.#findProvisioning();
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

  close(): Promise<void> {
    return this.#closed();
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
