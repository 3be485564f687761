import { TCE_PAGE_SIZE } from "../abi/papr.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import { PagePool } from "./page-pool.ts";
import type { TceWindow } from "./tce-window.ts";
import type { VirtualAdapter } from "./virtual-adapter.ts";

/** What an operator writes in a partition profile. */
export interface PartitionOptions {
  /** Root property `ibm,partition-name`. */
  readonly name: string;
  /** Root property `ibm,partition-no`; 0 would be the hypervisor itself. */
  readonly number: number;
  /** Bytes of logical memory, rounded up to whole pages. */
  readonly memorySize: number;
}

/** A window pane as a hypervisor call's LIOBN argument finds it. [LoPAR] ch_virtual_io, LRDMA. */
export interface WindowPane {
  /** Address of the WINDOW record. */
  readonly record: number;
  readonly window: TceWindow;
}

/** A logical partition: a name, a number, a region of linear memory and its virtual adapters. */
export class Partition {
  readonly name: string;
  readonly number: number;
  /** Linear address of logical address 0. */
  readonly memoryAddress: number;
  readonly memorySize: number;
  /** The pages of its memory that nobody uses yet, by logical address. */
  readonly pages: PagePool;
  /** By unit address. */
  readonly adapters = new Map<number, VirtualAdapter>();

  constructor(memory: SharedMemory, options: PartitionOptions) {
    this.name = options.name;
    this.number = options.number;
    this.memorySize = Math.ceil(options.memorySize / TCE_PAGE_SIZE) * TCE_PAGE_SIZE;
    this.memoryAddress = memory.allocate(this.memorySize, TCE_PAGE_SIZE);
    this.pages = new PagePool(`memory of partition ${options.name}`, 0, this.memorySize);
  }

  /** The window that this partition may change: pane 1 of one of its adapters. */
  ownWindow(liobn: number): TceWindow | undefined {
    for (const adapter of this.adapters.values()) if (adapter.window.liobn === liobn) return adapter.window;
    return undefined;
  }

  /** The pane that this partition may name in H_COPY_RDMA: its own, or a server's view of its client. */
  pane(liobn: number): WindowPane | undefined {
    for (const { window, remote } of this.adapters.values()) {
      if (window.liobn === liobn) return { record: window.record, window };
      if (remote?.liobn === liobn) return remote;
    }
    return undefined;
  }
}
