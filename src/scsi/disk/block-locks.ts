import type { Blocks } from "../units.ts";

/** A range of logical blocks that a command works on, or waits for. */
export interface BlockClaim {
  readonly first: Blocks;
  readonly count: Blocks;
  /** Nobody else may work on the blocks at the same time. */
  readonly exclusive: boolean;
  /** A claim that had to wait holds its blocks from now on. */
  granted(): void;
}

/**
 * Keeps commands that read and write blocks in one step (COMPARE AND WRITE, ORWRITE) apart from all others on the same
 * blocks. Others may overlap one another, as [SAM-5] 8 lets them. Whoever waits is served in the order of arrival.
 */
export class BlockLocks {
  readonly #held: BlockClaim[] = [];
  readonly #waiting: BlockClaim[] = [];
  /** Exclusive claims held or waiting: without any, no one has to ask. */
  #exclusive = 0;

  /** True when a command that shares its blocks has to wait for one that does not. */
  mustWait(first: Blocks, count: Blocks): boolean {
    if (this.#exclusive === 0) return false;
    return isBlocked(first, count, false, this.#held) || isBlocked(first, count, false, this.#waiting);
  }

  /** Holds the blocks of a command that shares them and need not wait. */
  hold(claim: BlockClaim): void {
    this.#held.push(claim);
  }

  /** @returns true when the blocks are held at once; otherwise `granted` follows */
  request(claim: BlockClaim): boolean {
    const { first, count, exclusive } = claim;
    if (exclusive) this.#exclusive++;
    const blocked = isBlocked(first, count, exclusive, this.#held) || isBlocked(first, count, exclusive, this.#waiting);
    (blocked ? this.#waiting : this.#held).push(claim);
    return !blocked;
  }

  /** The claim is over, held or waiting: those that waited for it are told. */
  release(claim: BlockClaim): void {
    if (!remove(this.#held, claim) && !remove(this.#waiting, claim)) return;
    if (claim.exclusive) this.#exclusive--;
    if (this.#waiting.length > 0) this.#grant();
  }

  #grant(): void {
    for (let at = 0; at < this.#waiting.length; ) {
      const claim = this.#waiting[at];
      if (claim === undefined) return;
      const { first, count, exclusive } = claim;
      const earlier = this.#waiting.slice(0, at);
      if (isBlocked(first, count, exclusive, this.#held) || isBlocked(first, count, exclusive, earlier)) {
        at++;
        continue;
      }
      this.#waiting.splice(at, 1);
      this.#held.push(claim);
      claim.granted();
      // What it did may have changed the list.
      at = 0;
    }
  }
}

function isBlocked(first: Blocks, count: Blocks, exclusive: boolean, by: readonly BlockClaim[]): boolean {
  for (const other of by)
    if ((exclusive || other.exclusive) && first < other.first + other.count && other.first < first + count) return true;
  return false;
}

function remove(claims: BlockClaim[], claim: BlockClaim): boolean {
  const at = claims.indexOf(claim);
  if (at >= 0) claims.splice(at, 1);
  return at >= 0;
}
