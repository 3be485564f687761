import type { Command } from "./command.ts";
import type { Sense } from "./sense.ts";

/**
 * An operation that has a whole logical unit for itself, as SANITIZE and FORMAT UNIT have: the gate asks it what other
 * commands are told meanwhile. [SBC-3] 4.11.3, 4.33.
 */
export interface Occupation {
  /** Why a command is refused now; undefined when it is let through. */
  refusalOf(command: Command): Sense | undefined;
  /** How much is done, 0 to 1; undefined when nothing is under way, as after a failure. */
  readonly progress: number | undefined;
  /** What REQUEST SENSE tells. */
  readonly condition: Sense;
  /** Stops where it is, as the daemon does at its end. Resolves when no store operation is under way. */
  stop(): Promise<void>;
}
