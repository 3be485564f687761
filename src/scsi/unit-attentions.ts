import type { Sense } from "./sense.ts";
import type { Nexus } from "./task.ts";

/** Unit attention conditions of one logical unit, per I_T nexus, and the nexuses that may have some. [SAM-5] 5.14. */
export class UnitAttentions {
  readonly #pending = new Map<Nexus, Sense[]>();
  readonly #nexuses = new Set<Nexus>();

  opened(nexus: Nexus): void {
    this.#nexuses.add(nexus);
  }

  /** What was pending for a lost nexus is forgotten. */
  lost(nexus: Nexus): void {
    this.#nexuses.delete(nexus);
    this.#pending.delete(nexus);
  }

  /** Establishes a condition for one nexus; the same one is not queued twice. */
  establish(nexus: Nexus, condition: Sense): void {
    const list = this.#pending.get(nexus);
    if (!list) this.#pending.set(nexus, [condition]);
    else if (!list.includes(condition)) list.push(condition);
  }

  /** Establishes a condition for every nexus, but the one whose command caused it. */
  establishForAll(condition: Sense, except?: Nexus): void {
    for (const nexus of this.#nexuses) if (nexus !== except) this.establish(nexus, condition);
  }

  /** Takes the oldest condition of a nexus, which clears it. */
  take(nexus: Nexus): Sense | undefined {
    // The usual case first: nobody has any.
    if (this.#pending.size === 0) return undefined;
    const list = this.#pending.get(nexus);
    const condition = list?.shift();
    if (list?.length === 0) this.#pending.delete(nexus);
    return condition;
  }

  /** Clears one condition of a nexus, whatever its place in the queue. */
  clear(nexus: Nexus, condition: Sense): void {
    const remaining = this.#pending.get(nexus)?.filter((pending) => pending !== condition);
    if (remaining === undefined) return;
    if (remaining.length > 0) this.#pending.set(nexus, remaining);
    else this.#pending.delete(nexus);
  }
}
