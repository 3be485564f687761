import type { CoreExports } from "./exports.ts";

const PAGE = 65_536;
const DOUBLE = 8;
/** 4 GiB: the modules are built with the same maximum; a larger one would be a LinkError. */
const MEMORY_PAGES_MAXIMUM = 65_536;
/** The first page belongs to the modules' static data (`asc --memoryBase`) and is never handed out. */
const RESERVED = PAGE;

/** Bytes that ran out: linear memory ends at 4 GiB. */
export class OutOfLinearMemory extends Error {
  readonly code = "VSCSI_OUT_OF_LINEAR_MEMORY";
  constructor(bytes: number) {
    super(`linear memory cannot grow by ${bytes} bytes: its ceiling is 4 GiB; serve fewer adapters or smaller disks`);
  }
}

/** A `WebAssembly.Memory` by its shape: not every project that uses this package has the type. */
export interface LinearMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  /** @returns the pages of 64 KiB that there were */
  grow(pages: number): number;
}

/**
 * The one linear memory that the core, the host and the workers share, and the allocator of its regions.
 * Views are made anew in one place after growth; take `u8`, `u32` and `view` from here each time, never keep them
 * across a call that may allocate.
 */
export class SharedMemory {
  readonly memory: LinearMemory;
  u8: Uint8Array;
  u32: Uint32Array;
  i32: Int32Array;
  view: DataView;
  #f64: Float64Array;
  #copy = (destination: number, source: number, length: number): void => {
    this.u8.copyWithin(destination, source, source + length);
  };
  #next = RESERVED;
  /** Freed regions by size, reused for the same size. */
  readonly #free = new Map<number, number[]>();

  /**
   * @param initialPages pages of 64 KiB to begin with
   * @param shared false for the portable build, and for runtimes without shared memory
   */
  constructor(initialPages = 64, shared = true) {
    this.memory = new WebAssembly.Memory({ initial: initialPages, maximum: MEMORY_PAGES_MAXIMUM, shared });
    const buffer = this.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.view = new DataView(buffer);
    this.#f64 = new Float64Array(buffer);
  }

  /**
   * Hands out `bytes` of zeroed memory (rounded up to 64), aligned to `alignment` (a power of two, at least 64).
   * @returns the linear address
   * @throws OutOfLinearMemory
   */
  allocate(bytes: number, alignment = 64): number {
    const size = roundUp(Math.max(bytes, 64), 64);
    const reused = alignment <= 64 ? this.#free.get(size)?.pop() : undefined;
    if (reused !== undefined) {
      this.zero(reused, size);
      return reused;
    }
    const address = roundUp(this.#next, alignment);
    this.#ensure(address + size);
    this.#next = address + size;
    return address;
  }

  /** A core that has been loaded on this memory copies for everybody, should it be the faster one. */
  copyWith({ bytes_copy }: Pick<CoreExports, "bytes_copy">): void {
    this.#copy = bytes_copy;
  }

  /**
   * Copies bytes between ranges that don't overlap. On shared memory the engine's `copyWithin` takes four times as long as
   * the core, and twenty times when the ranges are aligned differently: then it goes byte by byte.
   */
  copy(destination: number, source: number, length: number): void {
    this.#copy(destination, source, length);
  }

  /** Clears bytes; on shared memory the engine's `fill` stores element by element, so that the larger ones are the faster. */
  zero(address: number, length: number): void {
    if (address % DOUBLE === 0 && length % DOUBLE === 0)
      this.#f64.fill(0, address / DOUBLE, (address + length) / DOUBLE);
    else this.u8.fill(0, address, address + length);
  }

  /** Gives a region back; `bytes` as it was asked for. */
  free(address: number, bytes: number): void {
    const size = roundUp(Math.max(bytes, 64), 64);
    const list = this.#free.get(size);
    if (list) list.push(address);
    else this.#free.set(size, [address]);
  }

  #ensure(end: number): void {
    const missing = end - this.u8.byteLength;
    if (missing <= 0) return;
    const current = this.u8.byteLength / PAGE;
    // Grow by a quarter at least, so that growth is rare and views are seldom renewed.
    const wanted = Math.max(Math.ceil(missing / PAGE), current >> 2);
    const pages = Math.min(wanted, MEMORY_PAGES_MAXIMUM - current);
    if (pages * PAGE < missing) throw new OutOfLinearMemory(missing);
    this.memory.grow(pages);
    const buffer = this.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.view = new DataView(buffer);
    this.#f64 = new Float64Array(buffer);
  }
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
