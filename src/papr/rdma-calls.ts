import { H_DEST_PARM, H_PARAMETER, H_SOURCE_PARM } from "../abi/papr.ts";
import type { CoreExports } from "../core/exports.ts";
import type { Partition } from "./partition.ts";

/** Logical remote DMA. [LoPAR] ch_virtual_io, LRDMA. */
export class RdmaCalls {
  readonly #core: CoreExports;
  readonly #maximum: number | undefined;

  /** @param maximum `/vdevice`'s `ibm,max-virtual-dma-size`; no limit without it */
  constructor(core: CoreExports, maximum: number | undefined) {
    this.#core = core;
    this.#maximum = maximum;
  }

  /**
   * H_COPY_RDMA. A server names its own pane and its client's; the latter is cut unless both queues are registered.
   * @returns H_SUCCESS; H_PARAMETER above the maximum; H_SOURCE_PARM, H_DEST_PARM for a LIOBN or range that is not the
   * caller's; H_PERMISSION for a missing right or a partner that is gone
   */
  copy(
    partition: Partition,
    length: number,
    sourceLiobn: number,
    sourceHigh: number,
    sourceLow: number,
    destinationLiobn: number,
    destinationHigh: number,
    destinationLow: number,
  ): number {
    if (this.#maximum !== undefined && length > this.#maximum) return H_PARAMETER;
    const source = partition.pane(sourceLiobn);
    if (!source?.window.covers(sourceHigh, sourceLow, length)) return H_SOURCE_PARM;
    const destination = partition.pane(destinationLiobn);
    if (!destination?.window.covers(destinationHigh, destinationLow, length)) return H_DEST_PARM;
    return this.#core.rdma_copy(
      length,
      source.record,
      sourceHigh,
      sourceLow,
      destination.record,
      destinationHigh,
      destinationLow,
    );
  }
}
