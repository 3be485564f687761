import type { ReservationClass } from "../command.ts";
import type { Sense } from "../sense.ts";
import type { Nexus, TargetPort } from "../task.ts";
import { PersistentReservations } from "./persistent.ts";
import { type Registrant, registrantOf } from "./registrant.ts";
import { encodeState, loadState, type ReservationStorage } from "./stored-state.ts";

/** Who may use one logical unit: a RESERVE [SPC-2] 5.5, or a persistent reservation [SPC-4] 5.12; never both. */
export class Reservations {
  readonly persistent: PersistentReservations;
  readonly #storage: ReservationStorage | undefined;
  readonly #ports = new Map<number, TargetPort>();
  /** What the storage holds, as far as we asked for; null when that failed. */
  #stored: string | undefined | null;
  /** Who holds a RESERVE. */
  #holder: Registrant | undefined;
  #outlivesPower = false;

  /**
   * @param tell establishes a unit attention condition for a nexus, if it is there
   * @param storage without one no reservation outlives the process, and nobody is promised that
   * @throws StoredStateError
   */
  constructor(tell: (registrant: Registrant, condition: Sense) => void, storage: ReservationStorage | undefined) {
    this.persistent = new PersistentReservations(tell);
    this.#storage = storage;
    const kept = storage && loadState(storage);
    if (kept === undefined) return;
    this.#stored = kept.text;
    this.persistent.restore(kept.state);
    this.#outlivesPower = true;
  }

  /** Somebody holds a RESERVE. */
  get reserved(): boolean {
    return this.#holder !== undefined;
  }

  /** PTPL_C. [SPC-4] 6.15.4. */
  get canOutlivePower(): boolean {
    return this.#storage !== undefined;
  }

  /** PTPL_A: the APTPL bit that was sent last. */
  get outlivesPower(): boolean {
    return this.#outlivesPower;
  }

  set outlivesPower(active: boolean) {
    this.#outlivesPower = active;
  }

  /** Ports that nexuses came through: those that the device server knows. */
  get ports(): ReadonlyMap<number, TargetPort> {
    return this.#ports;
  }

  /** False when no command of anybody can conflict: all that the data path asks. */
  get active(): boolean {
    return this.#holder !== undefined || this.persistent.type !== undefined;
  }

  /** True when the nexus's command must end with RESERVATION CONFLICT. [SPC-4] 5.12.1, table 47; [SPC-2] table 10. */
  conflicts(nexus: Nexus, what: ReservationClass): boolean {
    if (what === "allowed") return false;
    if (this.#holder !== undefined) return !this.#holdsReserve(nexus);
    const { type } = this.persistent;
    if (type === undefined || what === "inspect") return false;
    if (what === "read" && !type.exclusiveAccess) return false;
    return !this.persistent.isPrivileged(registrantOf(nexus));
  }

  /** RESERVE. @returns false for a conflict */
  reserve(nexus: Nexus): boolean {
    if (this.#holder !== undefined && !this.#holdsReserve(nexus)) return false;
    this.#holder = registrantOf(nexus);
    return true;
  }

  /** RELEASE: that of another nexus stays. */
  release(nexus: Nexus): void {
    if (this.#holdsReserve(nexus)) this.#holder = undefined;
  }

  /** A reset ends a RESERVE; registrations and a persistent reservation stay. [SPC-2] 5.5.1, [SPC-4] 5.12.1. */
  reset(): void {
    this.#holder = undefined;
  }

  nexusOpened(nexus: Nexus): void {
    this.#ports.set(nexus.port.relativeIdentifier, nexus.port);
  }

  nexusLost(nexus: Nexus): void {
    this.release(nexus);
  }

  /** Brings what has changed to the storage, if that is what APTPL asked for: undefined when nothing need be written. */
  save(): Promise<void> | undefined {
    const state = this.#outlivesPower ? encodeState(this.persistent.state) : undefined;
    if (this.#storage === undefined || state === this.#stored) return undefined;
    this.#stored = state;
    return this.#storage.save(state).catch((error: unknown) => {
      this.#stored = null;
      throw error;
    });
  }

  async close(): Promise<void> {
    await this.#storage?.close();
  }

  #holdsReserve(nexus: Nexus): boolean {
    return this.#holder?.identity === registrantOf(nexus).identity;
  }
}
