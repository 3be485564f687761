import { H_FUNCTION, H_P4, H_PARAMETER, H_SUCCESS, TCE_COUNT_MAX, TCE_PAGE_SIZE } from "../abi/papr.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import type { Partition } from "./partition.ts";
import type { Tce } from "./tce-window.ts";

const TCE_BYTES = 8;
const NO_TCE: Tce = { high: 0, low: 0 };

/** The TCE calls. [LoPAR] ch_lpar_option, H_PUT_TCE and its kin. IOBAs and TCEs come as (high, low) words. */
export class TceCalls {
  readonly #memory: SharedMemory;

  constructor(memory: SharedMemory) {
    this.#memory = memory;
  }

  /** H_PUT_TCE: H_PARAMETER for an unknown LIOBN, an IOBA outside the window, or rights to a foreign page. */
  put(partition: Partition, liobn: number, high: number, low: number, tceHigh: number, tceLow: number): number {
    const window = partition.ownWindow(liobn);
    if (!window?.coversEntries(high, low, 1)) return H_PARAMETER;
    return window.set(low, 1, tceHigh, tceLow);
  }

  /** H_GET_TCE: same range checks. H_PARTIAL cannot arise: {@link put} admits only the caller's own pages. */
  get(partition: Partition, liobn: number, high: number, low: number): { code: number; tce: Tce } {
    const window = partition.ownWindow(liobn);
    if (!window?.coversEntries(high, low, 1)) return { code: H_PARAMETER, tce: NO_TCE };
    return { code: H_SUCCESS, tce: window.get(low) };
  }

  /** H_STUFF_TCE: H_P4 above 512 entries, otherwise as {@link put}. */
  stuff(
    partition: Partition,
    liobn: number,
    high: number,
    low: number,
    tceHigh: number,
    tceLow: number,
    count: number,
  ): number {
    const window = partition.ownWindow(liobn);
    if (!window) return H_PARAMETER;
    if (count > TCE_COUNT_MAX) return H_P4;
    if (!window.coversEntries(high, low, count)) return H_PARAMETER;
    return window.set(low, count, tceHigh, tceLow);
  }

  /**
   * H_PUT_TCE_INDIRECT: the entries stand big-endian in a page of the caller's. Stored in order; entries before the
   * first illegal one stay. H_FUNCTION for a negative LIOBN (multi-table option, absent).
   * @param list logical address of the list page
   */
  putIndirect(partition: Partition, liobn: number, high: number, low: number, list: number, count: number): number {
    if (liobn < 0) return H_FUNCTION;
    const window = partition.ownWindow(liobn);
    if (!window) return H_PARAMETER;
    if (list % TCE_PAGE_SIZE !== 0 || list < 0 || list + TCE_PAGE_SIZE > partition.memorySize) return H_PARAMETER;
    if (count > TCE_COUNT_MAX || !window.coversEntries(high, low, count)) return H_PARAMETER;
    const address = partition.memoryAddress + list;
    for (let index = 0; index < count; index++) {
      const entry = address + index * TCE_BYTES;
      const { view } = this.#memory;
      const code = window.set(low + index * TCE_PAGE_SIZE, 1, view.getUint32(entry), view.getUint32(entry + 4));
      if (code !== H_SUCCESS) return code;
    }
    return H_SUCCESS;
  }
}
