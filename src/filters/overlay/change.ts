import { STORE_DONE, type StoreCompletion } from "../../scsi/block-store.ts";
import type { ClusterClaim } from "./cluster-claims.ts";
import { OverlayOperation, STEPS_ENDED } from "./operation.ts";
import { MERGE_PIECE, type OverlayParts } from "./parts.ts";

const ENOMEM = -12;
const NOWHERE = -1;

/** What is to be done next. */
type Stage = "head" | "head copied" | "tail" | "tail copied" | "body" | "mark" | "commit" | "end";

/**
 * Writes bytes, or lets go of them. Clusters that the overlay does not have yet come into it: those that are written in
 * part are copied up from the base first. They are in the map only when all their bytes are in the file.
 */
export class OverlayChange extends OverlayOperation implements ClusterClaim {
  readonly #parts: OverlayParts;
  firstCluster = 0;
  endCluster = 0;
  #durable = false;
  /** Nothing is written: the bytes are given back. */
  #releases = false;
  #claims = false;
  #stage: Stage = "head";
  /** What is left to be written when the clusters at both ends are: [from, to). */
  #from = 0;
  #to = 0;
  /** Linear address of room for a cluster. */
  #scratch = NOWHERE;

  constructor(parts: OverlayParts) {
    super(parts.gate);
    this.#parts = parts;
  }

  write(offset: number, address: number, length: number, durable: boolean, completion: StoreCompletion): number {
    return this.#begin(offset, address, length, durable, completion);
  }

  release(offset: number, length: number, durable: boolean, completion: StoreCompletion): number {
    return this.#begin(offset, NOWHERE, length, durable, completion);
  }

  /** Gives back what it has between its uses. */
  free(): void {
    if (this.#scratch !== NOWHERE) this.#parts.memory.free(this.#scratch, this.#parts.clusterSize);
  }

  protected prepare(): boolean {
    const { map, claims } = this.#parts;
    this.#touch();
    this.#claims = map.find(this.firstCluster, this.endCluster, false) < this.endCluster;
    return !this.#claims || claims.request(this);
  }

  protected step(): number {
    switch (this.#stage) {
      case "head":
        return this.#copyUp(this.firstCluster, "head copied", "tail");
      case "head copied":
        this.#from = Math.min(this.#to, (this.firstCluster + 1) * this.#parts.clusterSize);
        return this.#writeCopy(this.firstCluster, "tail");
      case "tail":
        return this.#from === this.#to
          ? this.#skipTo("body")
          : this.#copyUp(this.endCluster - 1, "tail copied", "body");
      case "tail copied":
        this.#to = Math.max(this.#from, (this.endCluster - 1) * this.#parts.clusterSize);
        return this.#writeCopy(this.endCluster - 1, "body");
      case "body":
        return this.#change();
      case "mark":
        return this.#mark();
      case "commit":
        this.#stage = "end";
        return this.#durable ? this.#parts.keeper.commit(this) : STORE_DONE;
      case "end":
        return STEPS_ENDED;
    }
  }

  protected end(): void {
    const { claims, writes } = this.#parts;
    this.#touch();
    if (this.#claims) claims.release(this);
    writes.push(this);
  }

  #begin(offset: number, address: number, length: number, durable: boolean, completion: StoreCompletion): number {
    const { clusterSize } = this.#parts;
    this.firstCluster = Math.floor(offset / clusterSize);
    this.endCluster = Math.ceil((offset + length) / clusterSize);
    this.#durable = durable;
    this.#releases = address === NOWHERE;
    this.#stage = "head";
    this.#from = offset;
    this.#to = offset + length;
    return this.start(offset, address, length, completion);
  }

  /** Reads a cluster of the base whose bytes are not all written, unless the overlay has it. */
  #copyUp(cluster: number, then: Stage, otherwise: Stage): number {
    const { map, clusterSize, size, base } = this.#parts;
    const from = cluster * clusterSize;
    const to = Math.min(size, from + clusterSize);
    if ((this.#from <= from && this.#to >= to) || map.has(cluster)) return this.#skipTo(otherwise);
    if (!this.#hasScratch()) return ENOMEM;
    this.#stage = then;
    return base.read(from, this.#scratch, to - from, this);
  }

  /** Puts the new bytes into the copy, and the copy into the file. */
  #writeCopy(cluster: number, then: Stage): number {
    const { memory, clusterSize, size, changes, dataOffset } = this.#parts;
    const from = cluster * clusterSize;
    const to = Math.min(size, from + clusterSize);
    const first = Math.max(from, this.offset);
    const end = Math.min(to, this.offset + this.length);
    const at = this.#scratch + first - from;
    const source = this.address + first - this.offset;
    if (this.#releases) memory.zero(at, end - first);
    else memory.copy(at, source, end - first);
    this.#stage = then;
    return changes.write(dataOffset + from, this.#scratch, to - from, false, this);
  }

  /** All the rest at once. */
  #change(): number {
    const { changes, dataOffset } = this.#parts;
    const from = this.#from;
    const length = this.#to - from;
    this.#stage = "mark";
    if (length === 0) return STORE_DONE;
    if (!this.#releases)
      return changes.write(dataOffset + from, this.address + from - this.offset, length, false, this);
    return changes.provisioning?.deallocate(dataOffset + from, length, false, this) ?? ENOMEM;
  }

  #mark(): number {
    const { map, keeper } = this.#parts;
    this.#stage = "commit";
    if (!this.#claims) return STORE_DONE;
    map.add(this.firstCluster, this.endCluster);
    return keeper.keep(this.firstCluster, this.endCluster, this);
  }

  #skipTo(stage: Stage): number {
    this.#stage = stage;
    return STORE_DONE;
  }

  /** Tells a merge under way, at the beginning and at the end: what it copied in between may be neither old nor new. */
  #touch(): void {
    const { touched } = this.#parts;
    touched?.fill(1, Math.floor(this.offset / MERGE_PIECE), Math.ceil((this.offset + this.length) / MERGE_PIECE));
  }

  #hasScratch(): boolean {
    if (this.#scratch !== NOWHERE) return true;
    const { memory, clusterSize } = this.#parts;
    try {
      this.#scratch = memory.allocate(clusterSize);
      return true;
    } catch {
      return false;
    }
  }
}
