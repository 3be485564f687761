import type { Medium } from "../medium.ts";
import { type Blocks, blocks, wholeBlocks } from "../units.ts";

/** Longest single transfer: 16 MiB. */
export const MAXIMUM_TRANSFER_BYTES = 0x100_0000;
/** Longer transfers gain nothing more: 1 MiB. */
const OPTIMAL_TRANSFER_BYTES = 0x10_0000;

/**
 * What the commands of a disk accept, in logical blocks: VPD page B0 tells it, the commands judge by it. 0 for what the
 * disk does not limit, or does not support, as [SBC-4] 6.6.4 says for each field.
 */
export interface BlockLimits {
  readonly maximumTransfer: Blocks;
  readonly optimalTransfer: Blocks;
  /** Transfers are best whole multiples of it. */
  readonly optimalGranularity: Blocks;
  /** PRE-FETCH(10), (16). */
  readonly maximumPrefetch: Blocks;
  /** COMPARE AND WRITE; at most 255. */
  readonly maximumCompareAndWrite: Blocks;
  /** Blocks of all descriptors of one UNMAP command. */
  readonly maximumUnmap: Blocks;
  readonly maximumUnmapDescriptors: number;
  readonly optimalUnmapGranularity: Blocks;
  /** First LBA of a unit of unmapping; undefined when there is none to tell. */
  readonly unmapGranularityAlignment: Blocks | undefined;
  /** WRITE SAME(10), (16). */
  readonly maximumWriteSame: Blocks;
  /** WSNZ: WRITE SAME with a NUMBER OF LOGICAL BLOCKS of 0 is refused. */
  readonly writeSameNonZero: boolean;
  /** WRITE ATOMIC(16). */
  readonly maximumAtomicTransfer: Blocks;
  readonly atomicAlignment: Blocks;
  readonly atomicGranularity: Blocks;
  readonly maximumAtomicTransferWithBoundary: Blocks;
  readonly maximumAtomicBoundary: Blocks;
}

const NONE = blocks(0);

/** The limits of a disk with this medium. */
export function blockLimits({ physicalBlockSize, blockSize }: Medium): BlockLimits {
  return {
    maximumTransfer: wholeBlocks(MAXIMUM_TRANSFER_BYTES, blockSize),
    optimalTransfer: wholeBlocks(OPTIMAL_TRANSFER_BYTES, blockSize),
    optimalGranularity: wholeBlocks(physicalBlockSize, blockSize),
    maximumPrefetch: NONE,
    maximumCompareAndWrite: NONE,
    maximumUnmap: NONE,
    maximumUnmapDescriptors: 0,
    optimalUnmapGranularity: NONE,
    unmapGranularityAlignment: undefined,
    maximumWriteSame: NONE,
    writeSameNonZero: false,
    maximumAtomicTransfer: NONE,
    atomicAlignment: NONE,
    atomicGranularity: NONE,
    maximumAtomicTransferWithBoundary: NONE,
    maximumAtomicBoundary: NONE,
  };
}
