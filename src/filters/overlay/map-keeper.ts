import type { Log } from "../../core/log.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import { type BlockStore, STORE_DONE, STORE_PENDING, type StoreCompletion } from "../../scsi/block-store.ts";
import type { ClusterMap } from "./cluster-map.ts";
import { CLUSTERS_A_PAGE, type OverlayLayout, PAGE } from "./layout.ts";

/** What the file system writes as a whole, and a disk. */
const SECTOR = 512;
const EIO = -5;

/** Where the map of an overlay outlives the process. */
export interface MapKeeper {
  /** Keeps what has changed of [first, end), so that it is there when another process opens the file. */
  keep(first: number, end: number, completion: StoreCompletion): number;
  /** Brings data, and then the map as it is now, to stable storage. */
  commit(completion: StoreCompletion): number;
}

/** That of an overlay which ends with its store: nothing of it need outlive anything. */
export const FORGETFUL: MapKeeper = { keep: () => STORE_DONE, commit: () => STORE_DONE };

/** What a commit is at. */
type Stage = "idle" | "data" | "pages" | "map";

/**
 * Keeps the map in the file, twice. The recent one is written at once: it is right as long as the machine runs, whatever
 * becomes of this process. The flushed one is written by a commit, after the data that it tells of are on stable storage:
 * it is right after a power failure. Commits that are asked for while one is under way are made together.
 */
export class KeptMap implements MapKeeper, StoreCompletion {
  readonly #memory: SharedMemory;
  readonly #store: BlockStore;
  readonly #layout: OverlayLayout;
  readonly #map: ClusterMap;
  readonly #log: Log;
  /** Linear address of the map as the commit under way began it. */
  readonly #image: number;
  /** Pages in which the map differs from the flushed one. */
  readonly #dirty: Uint8Array;
  /** Pages of the commit under way, and how many of them are written. */
  readonly #pages: Uint32Array;
  #pageCount = 0;
  #written = 0;
  #stage: Stage = "idle";
  /** Who waits for the commit under way, and for the next one. */
  #served: StoreCompletion[] = [];
  #waiting: StoreCompletion[] = [];
  #failed = false;

  /** @throws when linear memory has run out */
  constructor(memory: SharedMemory, store: BlockStore, layout: OverlayLayout, map: ClusterMap, log: Log) {
    this.#memory = memory;
    this.#store = store;
    this.#layout = layout;
    this.#map = map;
    this.#log = log;
    this.#image = memory.allocate(layout.mapBytes);
    this.#dirty = new Uint8Array(layout.mapBytes / PAGE);
    this.#pages = new Uint32Array(layout.mapBytes / PAGE);
  }

  /** The flushed map is another one, as far as anyone knows: the next commit writes it as a whole. */
  distrust(): void {
    this.#dirty.fill(1);
  }

  keep(first: number, end: number, completion: StoreCompletion): number {
    this.#dirty.fill(1, Math.floor(first / CLUSTERS_A_PAGE), Math.ceil(end / CLUSTERS_A_PAGE));
    const from = Math.floor(first / 8 / SECTOR) * SECTOR;
    const to = Math.ceil(end / 8 / SECTOR) * SECTOR;
    return this.#store.write(this.#layout.recentMap + from, this.#map.address + from, to - from, false, completion);
  }

  commit(completion: StoreCompletion): number {
    this.#waiting.push(completion);
    if (this.#stage !== "idle") return STORE_PENDING;
    const result = this.#begin();
    if (result !== STORE_PENDING) this.#served.pop();
    return result;
  }

  storeDone(result: number): void {
    let ended = this.#goOn(result);
    while (ended !== STORE_PENDING) {
      const told = this.#served;
      this.#served = [];
      // What waits begins first: whoever is told may ask for the next commit.
      const more = this.#waiting.length > 0;
      const next = more ? this.#begin() : STORE_PENDING;
      for (const completion of told) completion.storeDone(ended);
      ended = next;
    }
  }

  free(): void {
    this.#memory.free(this.#image, this.#layout.mapBytes);
  }

  /** The next commit, for all who wait. */
  #begin(): number {
    const served = this.#served;
    this.#served = this.#waiting;
    this.#waiting = served;
    const { u8 } = this.#memory;
    this.#pageCount = 0;
    this.#written = 0;
    for (let page = this.#dirty.indexOf(1); page >= 0; page = this.#dirty.indexOf(1, page + 1)) {
      const at = this.#map.address + page * PAGE;
      u8.copyWithin(this.#image + page * PAGE, at, at + PAGE);
      this.#pages[this.#pageCount++] = page;
      this.#dirty[page] = 0;
    }
    this.#stage = "data";
    // Linux has dropped what it could not write: the map must not tell of it.
    return this.#goOn(this.#failed ? EIO : this.#store.flush(this));
  }

  /** Goes on with the commit as long as the store answers at once. @returns its result, or that it is pending */
  #goOn(last: number): number {
    let result = last;
    while (result === STORE_DONE && this.#stage !== "idle") result = this.#next();
    if (result === STORE_PENDING) return result;
    this.#stage = "idle";
    if (result !== STORE_DONE) this.#fail(result);
    return result;
  }

  /** What follows the step that is done; the last one leaves the stage idle. */
  #next(): number {
    const page = this.#written < this.#pageCount ? this.#pages[this.#written] : undefined;
    if (page !== undefined && this.#stage !== "map") {
      this.#stage = "pages";
      this.#written++;
      const at = page * PAGE;
      return this.#store.write(this.#layout.flushedMap + at, this.#image + at, PAGE, false, this);
    }
    const follows = this.#stage === "pages";
    this.#stage = follows ? "map" : "idle";
    return follows ? this.#store.flush(this) : STORE_DONE;
  }

  #fail(errno: number): void {
    for (let index = 0; index < this.#pageCount; index++) this.#dirty[this.#pages[index] ?? 0] = 1;
    if (!this.#failed)
      this.#log.error(
        { overlay: this.#store.description, errno },
        "an overlay could not be flushed: it can't be any more",
      );
    this.#failed = true;
  }
}
