import { MEDIA_EVENT_NO_CHANGE } from "../abi/mmc.ts";
import { type Medium, NO_MEDIUM } from "./medium.ts";
import type { Nexus } from "./task.ts";

/**
 * What carries a medium in and out. A closed tray has its medium in the drive, which then has it; an open one has it
 * lying here, out of everybody's reach until the tray is closed, or an operator takes it away.
 */
export class Tray {
  #open = false;
  #lying: Medium = NO_MEDIUM;

  get open(): boolean {
    return this.#open;
  }

  /** What lies in an open tray: NO_MEDIUM when nothing does. */
  get lying(): Medium {
    return this.#lying;
  }

  /** Comes out of the drive, with what was in it. */
  moveOut(medium: Medium): void {
    this.#open = true;
    this.#lying = medium;
  }

  /** Goes into the drive. @returns what it brings */
  moveIn(): Medium {
    const medium = this.#lying;
    this.#open = false;
    this.#lying = NO_MEDIUM;
    return medium;
  }
}

/**
 * Who prevents medium removal. [SPC-4] 6.13, [MMC-6] 6.14: the medium is free when the last nexus has allowed its removal
 * or is lost. A persistent prevention stops the operator alone: initiators may still eject.
 */
export class RemovalPrevention {
  readonly #preventing = new Set<Nexus>();
  readonly #persistently = new Set<Nexus>();

  /** Whether initiators' commands may not move the tray. */
  get ofInitiators(): boolean {
    return this.#preventing.size > 0;
  }

  /** Whether the operator may not. */
  get ofOperator(): boolean {
    return this.#preventing.size + this.#persistently.size > 0;
  }

  get persistent(): boolean {
    return this.#persistently.size > 0;
  }

  set(nexus: Nexus, prevents: boolean, persistently: boolean): void {
    const nexuses = persistently ? this.#persistently : this.#preventing;
    if (prevents) nexuses.add(nexus);
    else nexuses.delete(nexus);
  }

  lost(nexus: Nexus): void {
    this.#preventing.delete(nexus);
    this.#persistently.delete(nexus);
  }

  clear(): void {
    this.#preventing.clear();
    this.#persistently.clear();
  }
}

/**
 * What happened to the medium since each nexus last asked. [MMC-6] 6.6. The newest event stands for those before it: who
 * missed a removal and then a new medium needs to know of the new one.
 */
export class MediaEvents {
  readonly #pending = new Map<Nexus, number>();

  opened(nexus: Nexus): void {
    this.#pending.set(nexus, MEDIA_EVENT_NO_CHANGE);
  }

  lost(nexus: Nexus): void {
    this.#pending.delete(nexus);
  }

  raise(event: number): void {
    for (const nexus of this.#pending.keys()) this.#pending.set(nexus, event);
  }

  pending(nexus: Nexus): number {
    return this.#pending.get(nexus) ?? MEDIA_EVENT_NO_CHANGE;
  }

  /** The event that `pending` told was reported. */
  reported(nexus: Nexus): void {
    if (this.#pending.has(nexus)) this.#pending.set(nexus, MEDIA_EVENT_NO_CHANGE);
  }
}
