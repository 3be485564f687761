import { RELEASE_6, RELEASE_10, RESERVE_6, RESERVE_10, STATUS_GOOD } from "../../abi/scsi.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import type { Command } from "./command.ts";
import { EFFECT_NONE, EFFECT_OTHER, EFFECT_READ, EFFECT_WRITE, effectTable, readEffect } from "./effects.ts";

/** No device has this type. [SPC-4] 6.6.2 */
const UNKNOWN_TYPE = -1;
const RESERVE = new Set([RESERVE_6, RESERVE_10]);
const RELEASE = new Set([RELEASE_6, RELEASE_10]);

/**
 * Decides which commands are sent again when their session is lost. The target has aborted them ([RFC 7143] 7.1.4, level
 * 0), and nobody knows which had been executed. So only those are sent again whose second execution can't be told from the
 * first: see `docs/remote-iscsi.md`. The others end as "lost", and their client decides.
 */
export class ResendPolicy {
  readonly #memory: SharedMemory;
  #effects = effectTable(UNKNOWN_TYPE);
  /** This nexus holds a reservation that ends with the session. [SPC-2] 5.5.1. */
  #reserved = false;

  constructor(memory: SharedMemory) {
    this.#memory = memory;
  }

  /** A command has come. */
  begin(command: Command): void {
    readEffect(this.#effects, this.#memory, command.request.cdbOffset, command);
  }

  /**
   * A command has been answered while the `others` are with the target. A write among them to the same blocks is not sent
   * again from now on: between its first execution and the second one, this one would be seen to come undone.
   */
  answered(command: Command, others: Iterable<Command>): void {
    if (command.effect === EFFECT_NONE) return;
    if (command.effect === EFFECT_OTHER) this.#noteReservation(command);
    for (const other of others)
      if (
        other.effect === EFFECT_WRITE &&
        other !== command &&
        command.firstBlock < other.endBlock &&
        other.firstBlock < command.endBlock
      )
        other.overlapped = true;
  }

  maySendAgain({ effect, overlapped }: Command): boolean {
    if (effect === EFFECT_NONE || effect === EFFECT_READ) return true;
    // Whoever reserved the device meanwhile must not find our late write on it.
    return effect === EFFECT_WRITE && !overlapped && !this.#reserved;
  }

  /** Whether it may also where the old session may still be there, since the new one did not take its place. */
  maySendElsewhere({ effect }: Command): boolean {
    return effect !== EFFECT_WRITE;
  }

  /** A new session begins, without what the old one held. */
  sessionBegun(peripheralDeviceType: number): void {
    this.#effects = effectTable(peripheralDeviceType);
    this.#reserved = false;
  }

  #noteReservation({ request }: Command): void {
    if (request.status !== STATUS_GOOD) return;
    const opcode = this.#memory.u8[request.cdbOffset] ?? 0;
    if (RESERVE.has(opcode)) this.#reserved = true;
    if (RELEASE.has(opcode)) this.#reserved = false;
  }
}
