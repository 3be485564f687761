import { storeResult } from "../store-result.ts";
import type { ClusterClaim, ClusterClaims } from "./cluster-claims.ts";
import { MERGE_PIECE, type OverlayParts } from "./parts.ts";

/** Keeps clusters from coming into the overlay, as an operation that brings them there does. */
class Hold implements ClusterClaim {
  readonly firstCluster: number;
  readonly endCluster: number;
  readonly has: Promise<void>;
  granted = (): void => {};

  constructor(claims: ClusterClaims, firstCluster: number, endCluster: number) {
    this.firstCluster = firstCluster;
    this.endCluster = endCluster;
    this.has = new Promise((resolve) => {
      this.granted = resolve;
      if (claims.request(this)) resolve();
    });
  }
}

/** Takes out of the map what `leaves` tells, piece by piece. @returns the pieces that had clusters */
export function removePieces({ map, clusterSize, size }: OverlayParts, leaves: (piece: number) => boolean): number[] {
  const pieces: number[] = [];
  for (let piece = 0; piece * MERGE_PIECE < size; piece++) {
    const first = (piece * MERGE_PIECE) / clusterSize;
    const end = Math.ceil(Math.min(size, (piece + 1) * MERGE_PIECE) / clusterSize);
    if (!leaves(piece) || map.find(first, end, true) === end) continue;
    map.remove(first, end);
    pieces.push(piece);
  }
  return pieces;
}

/**
 * Gives back the storage of clusters of these pieces that are in the file, and not in the map any more. What can't be given
 * back stays, and does no harm.
 */
export async function giveBack(parts: OverlayParts, pieces: readonly number[]): Promise<void> {
  const { map, claims, clusterSize, size, changes, dataOffset } = parts;
  const { provisioning } = changes;
  if (provisioning === undefined) return;
  for (const piece of pieces) {
    const first = (piece * MERGE_PIECE) / clusterSize;
    const end = Math.ceil(Math.min(size, (piece + 1) * MERGE_PIECE) / clusterSize);
    const hold = new Hold(claims, first, end);
    await hold.has;
    try {
      for (let from = map.find(first, end, false); from < end; ) {
        const to = map.find(from, end, true);
        const [start, stop] = [from * clusterSize, Math.min(size, to * clusterSize)];
        await storeResult((completion) => provisioning.deallocate(dataOffset + start, stop - start, false, completion));
        from = map.find(to, end, false);
      }
    } finally {
      claims.release(hold);
    }
  }
}
