import type { StoreCompletion } from "../../scsi/block-store.ts";
import { OverlayOperation, STEPS_ENDED } from "./operation.ts";
import type { OverlayParts } from "./parts.ts";

/**
 * Reads what lies partly in the base and partly in the overlay: first the base, in one piece, then what the overlay has
 * over it.
 */
export class OverlayRead extends OverlayOperation {
  readonly #parts: OverlayParts;
  /** Byte from which on the overlay has still to be looked at; -1 before the base was read. */
  #next = -1;

  constructor(parts: OverlayParts) {
    super(parts.gate);
    this.#parts = parts;
  }

  begin(offset: number, address: number, length: number, completion: StoreCompletion): number {
    this.#next = -1;
    return this.start(offset, address, length, completion);
  }

  protected prepare(): boolean {
    return true;
  }

  protected step(): number {
    return this.#next < 0 ? this.#readBase() : this.#readChanges();
  }

  protected end(): void {
    this.#parts.reads.push(this);
  }

  #readBase(): number {
    const { map, clusterSize, base } = this.#parts;
    const { offset, length } = this;
    this.#next = offset;
    const endCluster = Math.ceil((offset + length) / clusterSize);
    const firstBare = map.find(Math.floor(offset / clusterSize), endCluster, false);
    if (firstBare === endCluster) return this.#readChanges();
    let endBare = endCluster;
    while (map.has(endBare - 1)) endBare--;
    const from = Math.max(offset, firstBare * clusterSize);
    const to = Math.min(offset + length, endBare * clusterSize);
    return base.read(from, this.address + from - offset, to - from, this);
  }

  #readChanges(): number {
    const { map, clusterSize, changes, dataOffset } = this.#parts;
    const { offset, address, length } = this;
    const end = offset + length;
    const endCluster = Math.ceil(end / clusterSize);
    const first = map.find(Math.floor(this.#next / clusterSize), endCluster, true);
    if (first === endCluster) return STEPS_ENDED;
    const from = Math.max(this.#next, first * clusterSize);
    const to = Math.min(end, map.find(first, endCluster, false) * clusterSize);
    this.#next = to;
    // find() would begin with the last cluster again.
    if (to === end) this.#next = endCluster * clusterSize;
    return changes.read(dataOffset + from, address + from - offset, to - from, this);
  }
}
