import type { SharedMemory } from "../core/shared-memory.ts";

const SMALLEST = 4096;
/** Bytes of the commands of one adapter; beyond it they are answered BUSY. */
const TOTAL_MAXIMUM = 0x1000_0000;

/** Data buffers in linear memory, by powers of two, kept for the next command. */
export class DataBuffers {
  readonly #memory: SharedMemory;
  readonly #maximum: number;
  readonly #idle = new Map<number, number[]>();
  #total = 0;
  /** Buffers that were taken and not given back. */
  inUse = 0;

  /** @param maximum bytes, taken and idle, that there may be at a time */
  constructor(memory: SharedMemory, maximum = TOTAL_MAXIMUM) {
    this.#memory = memory;
    this.#maximum = maximum;
  }

  /** Size of the buffer that `take(bytes)` gives. */
  sizeFor(bytes: number): number {
    let size = SMALLEST;
    while (size < bytes) size *= 2;
    return size;
  }

  /** Address of a buffer of `sizeFor(bytes)` bytes, or 0 when there is no more memory for data. */
  take(bytes: number): number {
    const size = this.sizeFor(bytes);
    const idle = this.#idle.get(size)?.pop();
    if (idle !== undefined) {
      this.inUse++;
      return idle;
    }
    // What is kept of other sizes is not to keep this command waiting.
    if (this.#total + size > this.#maximum) this.#freeIdle();
    if (this.#total + size > this.#maximum) return 0;
    const address = this.#allocate(size);
    if (address === 0) return 0;
    this.#total += size;
    this.inUse++;
    return address;
  }

  give(address: number, size: number): void {
    this.inUse--;
    const list = this.#idle.get(size);
    if (list) list.push(address);
    else this.#idle.set(size, [address]);
  }

  /** Gives everything idle back to the allocator. */
  close(): void {
    this.#freeIdle();
  }

  /** @returns 0 when linear memory has run out */
  #allocate(size: number): number {
    try {
      return this.#memory.allocate(size);
    } catch {
      return 0;
    }
  }

  #freeIdle(): void {
    for (const [size, list] of this.#idle) {
      for (const address of list) this.#memory.free(address, size);
      this.#total -= size * list.length;
    }
    this.#idle.clear();
  }
}
