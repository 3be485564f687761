import { TCE_PAGE_SIZE } from "../abi/papr.ts";

/** Pages ran out: the partition's memory or its DMA window is too small for what is asked of it. */
export class OutOfPages extends Error {
  readonly code = "VSCSI_OUT_OF_PAGES";
  constructor(what: string, bytes: number) {
    super(`${what} has no ${bytes} contiguous bytes left; make it larger or keep fewer requests in flight`);
  }
}

/**
 * Hands out runs of 4 KiB pages of one address range: a partition's memory, or its side of a DMA window. Runs are
 * powers of two, so that given-back ones fit again.
 */
export class PagePool {
  readonly #what: string;
  readonly #size: number;
  readonly #free = new Map<number, number[]>();
  #next: number;

  constructor(what: string, start: number, size: number) {
    this.#what = what;
    this.#size = size;
    this.#next = start;
  }

  /** @returns the first address of a page-aligned run of at least `bytes` bytes; its contents are unspecified */
  allocate(bytes: number): number {
    const run = runLength(bytes);
    const reused = this.#free.get(run)?.pop();
    if (reused !== undefined) return reused;
    if (this.#next + run > this.#size) throw new OutOfPages(this.#what, bytes);
    const address = this.#next;
    this.#next += run;
    return address;
  }

  /** Gives a run back; `bytes` as it was asked for. */
  release(address: number, bytes: number): void {
    const run = runLength(bytes);
    const list = this.#free.get(run);
    if (list) list.push(address);
    else this.#free.set(run, [address]);
  }
}

function runLength(bytes: number): number {
  let run = TCE_PAGE_SIZE;
  while (run < bytes) run *= 2;
  return run;
}
