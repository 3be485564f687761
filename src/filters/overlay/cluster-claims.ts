/** Who wants clusters for itself; reused. */
export interface ClusterClaim {
  /** The clusters: [firstCluster, endCluster). */
  readonly firstCluster: number;
  readonly endCluster: number;
  /** It has them now. */
  granted(): void;
}

/**
 * Which operations are bringing clusters into the overlay: no two of them the same one, or the later copy from the base
 * would lie over what the earlier one wrote. In the order in which they came.
 */
export class ClusterClaims {
  readonly #holding: ClusterClaim[] = [];
  readonly #waiting: ClusterClaim[] = [];

  /** @returns false when the claim has to wait; it is told when it has its clusters */
  request(claim: ClusterClaim): boolean {
    if (meets(claim, this.#holding, this.#holding.length) || meets(claim, this.#waiting, this.#waiting.length)) {
      this.#waiting.push(claim);
      return false;
    }
    this.#holding.push(claim);
    return true;
  }

  release(claim: ClusterClaim): void {
    const at = this.#holding.indexOf(claim);
    const last = this.#holding.pop();
    if (last !== undefined && last !== claim) this.#holding[at] = last;
    for (let index = 0; index < this.#waiting.length; ) {
      const next = this.#waiting[index];
      if (next === undefined || meets(next, this.#holding, this.#holding.length) || meets(next, this.#waiting, index)) {
        index++;
        continue;
      }
      this.#waiting.splice(index, 1);
      this.#holding.push(next);
      next.granted();
      // What it did may have changed the list: look from the beginning.
      index = 0;
    }
  }
}

/** Whether a claim has clusters in common with one of the first `count` others. */
function meets({ firstCluster, endCluster }: ClusterClaim, others: readonly ClusterClaim[], count: number): boolean {
  for (let index = 0; index < count; index++) {
    const other = others[index];
    if (other !== undefined && other.firstCluster < endCluster && firstCluster < other.endCluster) return true;
  }
  return false;
}
