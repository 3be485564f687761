import type { SharedMemory } from "../core/shared-memory.ts";
import {
  type BlockStore,
  type Provisioning,
  STORE_DONE,
  type StoreCompletion,
  type StoreExtent,
} from "../scsi/block-store.ts";

/** Memory is taken in chunks of this many bytes, at the first write to each. */
const CHUNK = 0x10000;
const ENOMEM = -12;

/** A disk in the shared linear memory. Holes read as zeros and take no memory. Gone when it is closed. */
export class MemoryStore implements BlockStore, Provisioning {
  readonly kind = "memory";
  readonly readOnly = false;
  readonly physicalBlockSize = 512;
  readonly granularity = CHUNK;
  readonly provisioning: Provisioning = this;
  size: number;
  readonly #memory: SharedMemory;
  /** Linear address of each chunk, 0 for a hole. */
  #chunks: Uint32Array;

  constructor(memory: SharedMemory, size: number) {
    this.#memory = memory;
    this.size = size;
    this.#chunks = new Uint32Array(Math.ceil(size / CHUNK));
  }

  get description(): string {
    return `${this.size} bytes of memory`;
  }

  read(offset: number, address: number, length: number, _completion: StoreCompletion): number {
    return this.readNow(offset, address, length);
  }

  readNow(offset: number, address: number, length: number): number {
    const memory = this.#memory;
    for (let done = 0; done < length; ) {
      const at = (offset + done) % CHUNK;
      const piece = Math.min(CHUNK - at, length - done);
      const chunk = this.#chunks[Math.floor((offset + done) / CHUNK)] ?? 0;
      if (chunk === 0) memory.zero(address + done, piece);
      else memory.copy(address + done, chunk + at, piece);
      done += piece;
    }
    return STORE_DONE;
  }

  write(offset: number, address: number, length: number, _durable: boolean, _completion: StoreCompletion): number {
    for (let done = 0; done < length; ) {
      const at = (offset + done) % CHUNK;
      const piece = Math.min(CHUNK - at, length - done);
      const chunk = this.#chunk(Math.floor((offset + done) / CHUNK));
      if (chunk === 0) return ENOMEM;
      this.#memory.copy(chunk + at, address + done, piece);
      done += piece;
    }
    return STORE_DONE;
  }

  deallocate(offset: number, length: number, _durable: boolean, _completion: StoreCompletion): number {
    for (let done = 0; done < length; ) {
      const at = (offset + done) % CHUNK;
      const piece = Math.min(CHUNK - at, length - done);
      const index = Math.floor((offset + done) / CHUNK);
      const chunk = this.#chunks[index] ?? 0;
      // What the last chunk has behind the end of the disk is nobody's.
      const whole = at === 0 && (piece === CHUNK || offset + done + piece === this.size);
      if (chunk !== 0 && whole) this.#release(index, chunk);
      else if (chunk !== 0) this.#memory.zero(chunk + at, piece);
      done += piece;
    }
    return STORE_DONE;
  }

  findExtents(offset: number, length: number, found: StoreExtent[], _completion: StoreCompletion): number {
    const first = Math.floor(offset / CHUNK);
    const end = Math.ceil((offset + length) / CHUNK);
    const allocated = this.#chunks[first] !== 0;
    let next = first + 1;
    while (next < end && (this.#chunks[next] !== 0) === allocated) next++;
    found.push({ length: Math.min(length, next * CHUNK - offset), allocated });
    return STORE_DONE;
  }

  /** What is cut off is gone: it reads as zeros should the disk grow again. */
  resize(size = this.size): void {
    const chunks = new Uint32Array(Math.ceil(size / CHUNK));
    chunks.set(this.#chunks.subarray(0, chunks.length));
    for (const chunk of this.#chunks.subarray(chunks.length)) if (chunk !== 0) this.#memory.free(chunk, CHUNK);
    const last = size % CHUNK === 0 ? 0 : (chunks.at(-1) ?? 0);
    if (last !== 0) this.#memory.u8.fill(0, last + (size % CHUNK), last + CHUNK);
    this.#chunks = chunks;
    this.size = size;
  }

  flush(_completion: StoreCompletion): number {
    return STORE_DONE;
  }

  async close(): Promise<void> {
    this.#chunks.forEach((chunk, index) => {
      if (chunk !== 0) this.#release(index, chunk);
    });
  }

  #release(index: number, chunk: number): void {
    this.#chunks[index] = 0;
    this.#memory.free(chunk, CHUNK);
  }

  /** Address of a chunk, allocated if it was a hole; 0 when linear memory has run out. */
  #chunk(index: number): number {
    const there = this.#chunks[index] ?? 0;
    if (there !== 0) return there;
    try {
      const address = this.#memory.allocate(CHUNK);
      this.#chunks[index] = address;
      return address;
    } catch {
      return 0;
    }
  }
}
