import type { LunAddress } from "./lun.ts";
import type { Sense } from "./sense.ts";
import type { Nexus, ScsiTask } from "./task.ts";

/** One logical unit as the target device sees it. */
export interface LogicalUnit {
  readonly address: LunAddress;
  /** Capacity in bytes, for status. */
  readonly size: number;
  readonly readOnly: boolean;
  readonly description: string;
  /** Executes one command; calls `task.done()` exactly once. */
  execute(task: ScsiTask): void;
  /** Everything acknowledged is on stable storage, then the store is closed. */
  close(): Promise<void>;
}

/** Unit attention conditions of one logical unit, per I_T nexus. [SAM-5] 5.14. */
export class UnitAttentions {
  readonly #pending = new Map<Nexus, Sense[]>();

  /** Establishes a condition for a nexus; the same one is not queued twice. */
  establish(nexus: Nexus, condition: Sense): void {
    const list = this.#pending.get(nexus);
    if (!list) this.#pending.set(nexus, [condition]);
    else if (!list.includes(condition)) list.push(condition);
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

  forget(nexus: Nexus): void {
    this.#pending.delete(nexus);
  }
}
