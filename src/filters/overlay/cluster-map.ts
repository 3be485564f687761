import type { SharedMemory } from "../../core/shared-memory.ts";
import { PAGE } from "./layout.ts";

/** How many bits of a byte are set. */
const ONES = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);

/** Which clusters an overlay has: a bit each, in linear memory, from where they are written to its file. */
export class ClusterMap {
  readonly count: number;
  /** Whole pages; the bits behind the last cluster are 0. */
  readonly bytes: number;
  readonly address: number;
  readonly #memory: SharedMemory;
  /** Clusters that are in the map. */
  #held = 0;

  /** @throws when linear memory has run out */
  constructor(memory: SharedMemory, count: number) {
    this.#memory = memory;
    this.count = count;
    this.bytes = Math.ceil(count / (PAGE * 8)) * PAGE;
    this.address = memory.allocate(this.bytes);
  }

  /** Clusters that are in the map. */
  get held(): number {
    return this.#held;
  }

  has(cluster: number): boolean {
    return ((this.#memory.u8[this.address + (cluster >>> 3)] ?? 0) & (1 << (cluster & 7))) !== 0;
  }

  /** The first cluster of [first, end) that is in the map, or is not; `end` when there is none. */
  find(first: number, end: number, held: boolean): number {
    const { u8 } = this.#memory;
    const other = held ? 0 : 0xff;
    for (let cluster = first; cluster < end; ) {
      if ((cluster & 7) === 0 && u8[this.address + (cluster >>> 3)] === other) cluster += 8;
      else if (this.has(cluster) === held) return cluster;
      else cluster++;
    }
    return end;
  }

  /** Takes [first, end) into the map. */
  add(first: number, end: number): void {
    this.#change(first, end, true);
  }

  /** Takes [first, end) out of it. */
  remove(first: number, end: number): void {
    this.#change(first, end, false);
  }

  /** Counts anew what was read into linear memory. @returns false when there are clusters behind the last one */
  recount(): boolean {
    const { u8 } = this.#memory;
    let held = 0;
    for (let at = this.address; at < this.address + this.bytes; at++) held += ONES[u8[at] ?? 0] ?? 0;
    this.#held = held;
    return this.find(this.count, this.bytes * 8, true) === this.bytes * 8;
  }

  free(): void {
    this.#memory.free(this.address, this.bytes);
  }

  #change(first: number, end: number, held: boolean): void {
    const { u8 } = this.#memory;
    for (let cluster = first; cluster < end; ) {
      const at = this.address + (cluster >>> 3);
      const bits = Math.min(8 - (cluster & 7), end - cluster);
      const mask = ((1 << bits) - 1) << (cluster & 7);
      const before = u8[at] ?? 0;
      const after = held ? before | mask : before & ~mask;
      u8[at] = after;
      this.#held += (ONES[after] ?? 0) - (ONES[before] ?? 0);
      cluster += bits;
    }
  }
}
