import { type Blocks, blocks, wholeBlocks } from "../units.ts";
import type { Disk } from "./disk.ts";

/** Longest single transfer: 16 MiB. */
export const MAXIMUM_TRANSFER_BYTES = 0x100_0000;
/** Longer transfers gain nothing more: 1 MiB. */
const OPTIMAL_TRANSFER_BYTES = 0x10_0000;

/** WRITE SAME: no more than one write could bring, which any storage has written before an initiator loses patience. */
const MAXIMUM_WRITE_SAME_BYTES = MAXIMUM_TRANSFER_BYTES;
/** Blocks of one COMPARE AND WRITE: what its CDB can tell. */
const COMPARE_AND_WRITE_MAXIMUM = blocks(255);
/** UNMAP: 512 MiB in 256 pieces. */
const MAXIMUM_UNMAP_BYTES = 0x2000_0000;
const MAXIMUM_UNMAP_DESCRIPTORS = 256;
/** WRITE ATOMIC(16): what is kept aside until it is on the medium. */
const ATOMIC_MAXIMUM = blocks(256);

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
  /** WRITE ATOMIC(16): physical blocks as a whole, since a part of one is written together with what is around it. */
  readonly maximumAtomicTransfer: Blocks;
  readonly atomicAlignment: Blocks;
  readonly atomicGranularity: Blocks;
  readonly maximumAtomicTransferWithBoundary: Blocks;
  readonly maximumAtomicBoundary: Blocks;
}

const NONE = blocks(0);

/** The limits of a disk with the medium that is in it. */
export function blockLimits({ medium, thin, keepsState }: Disk): BlockLimits {
  const { blockSize } = medium;
  const granularity = wholeBlocks(medium.store.provisioning?.granularity ?? 0, blockSize);
  const physical = wholeBlocks(medium.physicalBlockSize, blockSize);
  const atomicUnit = keepsState && physical > 1 ? physical : NONE;
  return {
    maximumTransfer: wholeBlocks(MAXIMUM_TRANSFER_BYTES, blockSize),
    optimalTransfer: wholeBlocks(OPTIMAL_TRANSFER_BYTES, blockSize),
    optimalGranularity: physical,
    maximumPrefetch: NONE,
    maximumCompareAndWrite: COMPARE_AND_WRITE_MAXIMUM,
    maximumUnmap: thin ? wholeBlocks(MAXIMUM_UNMAP_BYTES, blockSize) : NONE,
    maximumUnmapDescriptors: thin ? MAXIMUM_UNMAP_DESCRIPTORS : 0,
    optimalUnmapGranularity: thin ? blocks(Math.max(1, granularity)) : NONE,
    unmapGranularityAlignment: thin ? NONE : undefined,
    maximumWriteSame: wholeBlocks(MAXIMUM_WRITE_SAME_BYTES, blockSize),
    writeSameNonZero: false,
    maximumAtomicTransfer: keepsState ? ATOMIC_MAXIMUM : NONE,
    atomicAlignment: atomicUnit,
    atomicGranularity: atomicUnit,
    maximumAtomicTransferWithBoundary: NONE,
    maximumAtomicBoundary: NONE,
  };
}
