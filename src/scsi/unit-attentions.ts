import { RESET_OCCURRED, type Sense } from "./sense.ts";
import type { Nexus } from "./task.ts";

/** Conditions that one nexus can have waiting. Beyond that it has to look at everything anew, as after a reset. */
const CONDITIONS_MAXIMUM = 16;

/**
 * Unit attention conditions of one logical unit, per I_T nexus, and the nexuses that may have some. [SAM-5] 5.14. They are
 * told in the order in which they came, each once; a reset makes all earlier ones void.
 *
 * A nexus begins without any, also when the daemon has just started: 29h for a power on would make Linux fail what it was
 * reading of a removable medium when FF 06 lets it recover, and costs firmware that counts its retries some of them.
 * Nothing on the medium is lost with the daemon; who held a RESERVE, or a registration without APTPL, finds out by the
 * conflict that it meets.
 */
export class UnitAttentions {
  readonly #pending = new Map<Nexus, Sense[]>();
  readonly #nexuses = new Set<Nexus>();

  /** Somebody is there to be told. */
  get hasNexuses(): boolean {
    return this.#nexuses.size > 0;
  }

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
    if (list === undefined || voidsEarlier(condition)) this.#pending.set(nexus, [condition]);
    else if (list.includes(condition)) return;
    else if (list.length >= CONDITIONS_MAXIMUM) this.#pending.set(nexus, [RESET_OCCURRED]);
    else list.push(condition);
  }

  /** Establishes a condition for every nexus that `which` picks. */
  establishWhere(which: (nexus: Nexus) => boolean, condition: Sense): void {
    for (const nexus of this.#nexuses) if (which(nexus)) this.establish(nexus, condition);
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

/** 29h: power on, resets. What came before them is part of what they tell. [SAM-5] 5.14. */
function voidsEarlier({ asc }: Sense): boolean {
  return asc === RESET_OCCURRED.asc;
}
