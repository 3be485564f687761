import { StoreOpenError } from "../../backends/open-file.ts";
import type { Log } from "../../core/log.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import { type BlockStore, STORE_DONE } from "../../scsi/block-store.ts";
import { StoreError, storeDone, storeResult } from "../store-result.ts";
import { firstOtherSample, sampleOffset, takeSamples } from "./base-samples.ts";
import { ClusterMap } from "./cluster-map.ts";
import { BOOT_ID_LENGTH, decodeHeader, encodeHeader, HEADER_SIZE, type OverlayHeader } from "./header.ts";
import { clusterShiftFor, HEADER_PLACES, type OverlayLayout, overlayLayout, PAGE } from "./layout.ts";
import { KeptMap } from "./map-keeper.ts";

/** Bytes of the maps that are read or compared at once. */
const PIECE = 0x1_0000;

/** A machine's boot that no machine has had. */
const NO_BOOT = new Uint8Array(BOOT_ID_LENGTH);

/** The header of an overlay without changes over a base. @throws StoreError when the base can't be read */
export async function newHeader(memory: SharedMemory, base: BlockStore): Promise<OverlayHeader> {
  return {
    generation: 0,
    clusterShift: clusterShiftFor(base.size),
    merging: false,
    baseSize: base.size,
    bootId: NO_BOOT,
    samples: await takeSamples(memory, base),
  };
}

/** What a kept overlay is opened with. */
export interface KeptOverlayOptions {
  readonly memory: SharedMemory;
  readonly base: BlockStore;
  /** The file. */
  readonly file: BlockStore;
  /** Of the present boot of this machine. */
  readonly bootId: Uint8Array;
  readonly log: Log;
}

/** The file of an overlay, checked, with its map in memory. */
export class KeptOverlay {
  readonly layout: OverlayLayout;
  readonly map: ClusterMap;
  readonly keeper: KeptMap;
  readonly #memory: SharedMemory;
  readonly #file: BlockStore;
  #header: OverlayHeader;

  private constructor({ memory, file, log }: KeptOverlayOptions, header: OverlayHeader) {
    this.layout = overlayLayout(header.baseSize, header.clusterShift);
    this.map = new ClusterMap(memory, this.layout.clusterCount);
    this.keeper = new KeptMap(memory, file, this.layout, this.map, log);
    this.#memory = memory;
    this.#file = file;
    this.#header = header;
  }

  get header(): OverlayHeader {
    return this.#header;
  }

  /** Reads and checks what the file has. @throws StoreOpenError when it can't be used; StoreError */
  static async open(options: KeptOverlayOptions): Promise<KeptOverlay> {
    const { memory, base, file, bootId } = options;
    const header = await readHeader(memory, file);
    if (header.baseSize !== base.size)
      throw new StoreOpenError(
        `${file.description}: is an overlay over ${header.baseSize} bytes, and ${base.description} has ${base.size}`,
      );
    const overlay = new KeptOverlay(options, header);
    try {
      await overlay.#load(base, bootId);
    } catch (error) {
      overlay.free();
      throw error;
    }
    return overlay;
  }

  /** Writes a new header, which holds from then on. @throws StoreError */
  async change(changes: Partial<OverlayHeader>): Promise<void> {
    const header = { ...this.#header, ...changes, generation: this.#header.generation + 1 };
    const address = this.#memory.allocate(PAGE);
    try {
      this.#memory.u8.set(encodeHeader(header), address);
      const place = HEADER_PLACES[header.generation % 2] ?? 0;
      const what = `${this.#file.description}: its header can't be written`;
      await storeDone(what, (completion) => this.#file.write(place, address, HEADER_SIZE, true, completion));
    } finally {
      this.#memory.free(address, PAGE);
    }
    this.#header = header;
  }

  free(): void {
    this.keeper.free();
    this.map.free();
  }

  async #load(base: BlockStore, bootId: Uint8Array): Promise<void> {
    const { layout, map } = this;
    const file = this.#file;
    if (file.size < Math.floor(layout.fileSize / HEADER_SIZE) * HEADER_SIZE)
      throw new StoreOpenError(`${file.description}: is cut off: ${layout.fileSize} bytes belong to it`);
    // Since the machine started nothing that was written is lost, flushed or not.
    const sameBoot = Buffer.compare(bootId, this.#header.bootId) === 0;
    await this.#read(sameBoot ? layout.recentMap : layout.flushedMap, map.address, layout.mapBytes);
    if (!map.recount()) throw new StoreOpenError(`${file.description}: its map tells of clusters behind its end`);
    await this.#checkBase(base);
    if (file.readOnly) return;
    if (sameBoot) return this.keeper.distrust();
    await this.#write(layout.recentMap, map.address, layout.mapBytes);
    await storeDone(`${file.description}: can't be flushed`, (completion) => file.flush(completion));
    await this.change({ bootId });
  }

  /** A merge that was interrupted has changed the base, but only where the overlay has clusters. */
  async #checkBase(base: BlockStore): Promise<void> {
    const { samples, merging, baseSize } = this.#header;
    const { clusterSize } = this.layout;
    const counts = (index: number) => {
      const offset = sampleOffset(index, baseSize);
      const first = Math.floor(offset / clusterSize);
      // A piece may lie in two clusters.
      const end = Math.min(this.map.count, first + 2);
      return !merging || this.map.find(first, end, true) === end;
    };
    const other = firstOtherSample(samples, await takeSamples(this.#memory, base), counts);
    if (other >= 0)
      throw new StoreOpenError(
        `${this.#file.description}: is an overlay over another disk than ${base.description}, or that was changed since: ` +
          `they differ at byte ${sampleOffset(other, baseSize)}`,
      );
  }

  async #read(offset: number, address: number, length: number): Promise<void> {
    for (let done = 0; done < length; done += PIECE) {
      const piece = Math.min(PIECE, length - done);
      const what = `${this.#file.description}: its map can't be read`;
      await storeDone(what, (completion) => this.#file.read(offset + done, address + done, piece, completion));
    }
  }

  async #write(offset: number, address: number, length: number): Promise<void> {
    for (let done = 0; done < length; done += PIECE) {
      const piece = Math.min(PIECE, length - done);
      const what = `${this.#file.description}: its map can't be written`;
      await storeDone(what, (completion) => this.#file.write(offset + done, address + done, piece, false, completion));
    }
  }
}

/** The header that holds: of those that are whole, the one that was written last. */
async function readHeader(memory: SharedMemory, file: BlockStore): Promise<OverlayHeader> {
  let found: OverlayHeader | undefined;
  let damage = "";
  const address = memory.allocate(PAGE);
  try {
    for (const place of HEADER_PLACES) {
      if (file.size < place + HEADER_SIZE) break;
      const result = await storeResult((completion) => file.read(place, address, HEADER_SIZE, completion));
      if (result !== STORE_DONE) throw new StoreError(`${file.description}: can't be read`, result);
      const header = decodeHeader(Buffer.from(memory.u8.slice(address, address + HEADER_SIZE)));
      if ("fault" in header) {
        if (header.whole) throw new StoreOpenError(`${file.description}: ${header.fault}`);
        damage ||= header.fault;
      } else if (found === undefined || header.generation > found.generation) {
        found = header;
      }
    }
  } finally {
    memory.free(address, PAGE);
  }
  if (found === undefined) throw new StoreOpenError(`${file.description}: ${damage || "is no overlay"}`);
  return found;
}
