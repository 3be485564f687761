import { H_SUCCESS, TCE_PAGE_SIZE, TCE_RIGHTS } from "../abi/papr.ts";
import type { Hypervisor } from "../papr/hypervisor.ts";
import { PagePool } from "../papr/page-pool.ts";
import type { Partition } from "../papr/partition.ts";
import type { VirtualAdapter } from "../papr/virtual-adapter.ts";

/** A run of I/O space. */
export interface DmaSegment {
  readonly ioba: number;
  readonly length: number;
}

/** A piece of the partition's memory that the server can reach. */
export interface DmaBuffer {
  /** Linear address; the bytes are contiguous there. */
  readonly address: number;
  readonly length: number;
  /** Where its parts lie in I/O space, in order; parts are not neighbours. */
  readonly segments: readonly DmaSegment[];
}

/** What an operating system's DMA layer does: takes pages of its partition and maps them into the adapter's window. */
export class DmaSpace {
  readonly #hypervisor: Hypervisor;
  readonly #partition: Partition;
  readonly #liobn: number;
  readonly #iobas: PagePool;

  constructor(hypervisor: Hypervisor, adapter: VirtualAdapter) {
    this.#hypervisor = hypervisor;
    this.#partition = adapter.partition;
    this.#liobn = adapter.window.liobn;
    this.#iobas = new PagePool(`DMA window ${adapter.window.liobn.toString(16)}`, 0, adapter.window.size);
  }

  /** Zeroed memory in one segment. */
  allocate(length: number, rights = TCE_RIGHTS): DmaBuffer {
    return this.allocateScattered(length, Number.POSITIVE_INFINITY, rights);
  }

  /** Zeroed memory in segments of `segmentLength` bytes, the last one shorter; each has pages of its own to lie in. */
  allocateScattered(length: number, segmentLength: number, rights = TCE_RIGHTS): DmaBuffer {
    const start = this.#partition.pages.allocate(length);
    const address = this.#partition.memoryAddress + start;
    this.#hypervisor.memory.zero(address, length);
    const segments: DmaSegment[] = [];
    for (let offset = 0; offset < length; offset += segmentLength) {
      const bytes = Math.min(segmentLength, length - offset);
      segments.push({ ioba: this.#map(start + offset, bytes, rights), length: bytes });
    }
    return { address, length, segments };
  }

  release(buffer: DmaBuffer): void {
    for (const { ioba, length } of buffer.segments) {
      const bytes = (ioba % TCE_PAGE_SIZE) + length;
      this.#put(ioba - (ioba % TCE_PAGE_SIZE), bytes, 0, 0);
      this.#iobas.release(ioba - (ioba % TCE_PAGE_SIZE), bytes);
    }
    this.#partition.pages.release(buffer.address - this.#partition.memoryAddress, buffer.length);
  }

  #map(logical: number, length: number, rights: number): number {
    const inPage = logical % TCE_PAGE_SIZE;
    const ioba = this.#iobas.allocate(inPage + length);
    this.#put(ioba, inPage + length, logical - inPage, rights);
    return ioba + inPage;
  }

  #put(ioba: number, length: number, logical: number, rights: number): void {
    for (let offset = 0; offset < length; offset += TCE_PAGE_SIZE) {
      const tce = rights === 0 ? 0 : (logical + offset) | rights;
      const code = this.#hypervisor.tce.put(this.#partition, this.#liobn, 0, ioba + offset, 0, tce);
      if (code !== H_SUCCESS) throw new Error(`H_PUT_TCE of IOBA ${(ioba + offset).toString(16)} gave ${code}`);
    }
  }
}

/** Where a buffer that was not scattered lies; 0 for an empty one. */
export function firstIoba(buffer: DmaBuffer): number {
  return buffer.segments[0]?.ioba ?? 0;
}
