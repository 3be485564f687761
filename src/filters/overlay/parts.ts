import type { SharedMemory } from "../../core/shared-memory.ts";
import type { BlockStore } from "../../scsi/block-store.ts";
import type { OverlayChange } from "./change.ts";
import type { ClusterClaims } from "./cluster-claims.ts";
import type { ClusterMap } from "./cluster-map.ts";
import type { Gate } from "./gate.ts";
import type { MapKeeper } from "./map-keeper.ts";
import type { OverlayRead } from "./read.ts";

/** Bytes that a merge copies at once: whole clusters of every size. */
export const MERGE_PIECE = 0x10_0000;

/** What the operations of an overlay work on. */
export interface OverlayParts {
  readonly memory: SharedMemory;
  /** What is below. A merge exchanges it. */
  base: BlockStore;
  /** Where changed clusters are. */
  readonly changes: BlockStore;
  /** Byte of `changes` where the first cluster is, or would be. */
  readonly dataOffset: number;
  /** Bytes of the disk. */
  readonly size: number;
  readonly clusterSize: number;
  readonly map: ClusterMap;
  readonly claims: ClusterClaims;
  readonly gate: Gate;
  readonly keeper: MapKeeper;
  /** Pieces of MERGE_PIECE bytes that were written since a merge has copied them; undefined when there is none. */
  touched: Uint8Array | undefined;
  /** Operations that are free. */
  readonly reads: OverlayRead[];
  readonly writes: OverlayChange[];
}
