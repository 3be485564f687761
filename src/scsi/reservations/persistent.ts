import {
  INSUFFICIENT_REGISTRATION_RESOURCES,
  INVALID_FIELD_IN_CDB,
  INVALID_FIELD_IN_PARAMETER_LIST,
  INVALID_RELEASE_OF_PERSISTENT_RESERVATION,
  REGISTRATIONS_PREEMPTED,
  RESERVATIONS_PREEMPTED,
  RESERVATIONS_RELEASED,
  type Sense,
} from "../sense.ts";
import type { Registrant } from "./registrant.ts";
import type { PersistentType } from "./types.ts";

/** An I_T nexus with its reservation key, never 0. */
export interface Registration {
  readonly registrant: Registrant;
  key: bigint;
}

/** The status RESERVATION CONFLICT, among the ways in which a service action ends. */
export const CONFLICT = "RESERVATION CONFLICT";
/** How a service action ended: sense data, a conflict, or undefined for GOOD. */
export type Outcome = Sense | typeof CONFLICT | undefined;

export interface RegisterRequest {
  /** The nexus that asks, through each target port that it registers for: its own first. */
  readonly own: readonly [Registrant, ...Registrant[]];
  /** Others that SPEC_I_PT named; undefined without SPEC_I_PT. */
  readonly others: readonly Registrant[] | undefined;
  /** RESERVATION KEY; undefined for REGISTER AND IGNORE EXISTING KEY. */
  readonly key: bigint | undefined;
  /** SERVICE ACTION RESERVATION KEY: the new key, or 0 to unregister. */
  readonly newKey: bigint;
}

/** What lasts: the registrations in order, and the reservation with the place of its holder among them. */
export interface PersistentState {
  readonly registrations: readonly Readonly<Registration>[];
  readonly type: PersistentType | undefined;
  /** Undefined for the all registrants types. */
  readonly holder: number | undefined;
}

/** Nobody needs so many, and nobody can make us keep more. */
export const REGISTRATIONS_MAXIMUM = 1024;
const GENERATION_MODULUS = 2 ** 32;

/** Registrations and the persistent reservation of one logical unit, and the rules for both. [SPC-4] 5.12. */
export class PersistentReservations {
  readonly #tell: (registrant: Registrant, condition: Sense) => void;
  readonly #registrations = new Map<string, Registration>();
  /** Identity of the holder, when it is one. */
  #holder: string | undefined;
  #type: PersistentType | undefined;
  #generation = 0;

  /** @param tell establishes a unit attention condition for a nexus, if it is there */
  constructor(tell: (registrant: Registrant, condition: Sense) => void) {
    this.#tell = tell;
  }

  /** PRGENERATION. [SPC-4] 6.15.2. */
  get generation(): number {
    return this.#generation;
  }

  get registrations(): Iterable<Readonly<Registration>> {
    return this.#registrations.values();
  }

  get registrationCount(): number {
    return this.#registrations.size;
  }

  /** Type of the reservation; undefined when there is none. */
  get type(): PersistentType | undefined {
    return this.#type;
  }

  /** Key that READ RESERVATION tells: the holder's, 0 when every registrant holds it. [SPC-4] 6.15.3. */
  get holderKey(): bigint {
    return (this.#holder !== undefined && this.#registrations.get(this.#holder)?.key) || 0n;
  }

  isRegistered({ identity }: Registrant): boolean {
    return this.#registrations.has(identity);
  }

  isHolder({ identity }: Registrant): boolean {
    if (this.#type === undefined || !this.#registrations.has(identity)) return false;
    return this.#type.allRegistrants || this.#holder === identity;
  }

  /** True when the reservation that is there keeps nothing from this nexus. */
  isPrivileged(registrant: Registrant): boolean {
    return this.isHolder(registrant) || (this.#type?.registrantsOnly === true && this.isRegistered(registrant));
  }

  /** Everything but registering takes a registered nexus that gives its key. [SPC-4] 6.16.3. */
  authorize({ identity }: Registrant, key: bigint): Outcome {
    return this.#registrations.get(identity)?.key === key ? undefined : CONFLICT;
  }

  /** REGISTER, REGISTER AND IGNORE EXISTING KEY. [SPC-4] 5.12.7, tables 50 and 51. */
  register({ own, others, key, newKey }: RegisterRequest): Outcome {
    const keyOf = ({ identity }: Registrant) => this.#registrations.get(identity)?.key ?? 0n;
    if (key !== undefined && own.some((registrant) => keyOf(registrant) !== key)) return CONFLICT;
    if (others !== undefined && this.isRegistered(own[0])) return INVALID_FIELD_IN_CDB;
    if (newKey === 0n) return this.#unregister(own);
    const added = [...own, ...(others ?? [])].filter((registrant) => !this.isRegistered(registrant));
    if (this.#registrations.size + added.length > REGISTRATIONS_MAXIMUM) return INSUFFICIENT_REGISTRATION_RESOURCES;
    for (const registrant of own) this.#set(registrant, newKey);
    for (const registrant of added) this.#set(registrant, newKey);
    this.#changed();
    return undefined;
  }

  /** RESERVE. The type is a valid one. [SPC-4] 5.12.9. */
  reserve(own: Registrant, type: PersistentType): Outcome {
    if (this.#type !== undefined) return this.isHolder(own) && this.#type === type ? undefined : CONFLICT;
    this.#hold(own, type);
    return undefined;
  }

  /** RELEASE. `type` is undefined for one that is none. [SPC-4] 5.12.11.2. */
  release(own: Registrant, type: PersistentType | undefined): Outcome {
    if (!this.isHolder(own)) return undefined;
    if (this.#type !== type) return INVALID_RELEASE_OF_PERSISTENT_RESERVATION;
    this.#release(own);
    return undefined;
  }

  /** CLEAR. [SPC-4] 5.12.11.5. */
  clear(own: Registrant): Outcome {
    const told = [...this.#registrations.values()];
    this.#registrations.clear();
    this.#type = undefined;
    this.#holder = undefined;
    this.#changed();
    this.#tellOthers(told, own, RESERVATIONS_PREEMPTED);
    return undefined;
  }

  /**
   * PREEMPT, and what PREEMPT AND ABORT does before it aborts. `type` is undefined for one that is none: only looked at
   * when the reservation itself is preempted. Who lost its registration is added to `preempted`. [SPC-4] 5.12.11.4
   */
  preempt(own: Registrant, victim: bigint, type: PersistentType | undefined, preempted: Registrant[]): Outcome {
    const everyone = this.#type?.allRegistrants === true && victim === 0n;
    if (victim === 0n && !everyone) return INVALID_FIELD_IN_PARAMETER_LIST;
    const takesOver = everyone || (this.#holder !== undefined && victim === this.holderKey);
    if (takesOver && type === undefined) return INVALID_FIELD_IN_CDB;
    const victims = [...this.#registrations.values()].filter(
      ({ key, registrant }) => (everyone || key === victim) && !(takesOver && registrant.identity === own.identity),
    );
    // A holder may take its own reservation over, to change its type: then nobody need lose a registration.
    if (victims.length === 0 && !takesOver) return CONFLICT;
    for (const { registrant } of victims) this.#registrations.delete(registrant.identity);
    if (takesOver && type !== undefined) this.#takeOver(own, type);
    else if (this.#registrations.size === 0) this.#type = undefined;
    this.#changed();
    this.#tellOthers(victims, own, REGISTRATIONS_PREEMPTED);
    for (const { registrant } of victims) preempted.push(registrant);
    return undefined;
  }

  /** REGISTER AND MOVE. [SPC-4] 5.12.8. */
  move(own: Registrant, to: Registrant, newKey: bigint, unregister: boolean): Outcome {
    if (this.#type === undefined) return INVALID_FIELD_IN_CDB;
    if (this.#type.allRegistrants || !this.isHolder(own)) return CONFLICT;
    if (newKey === 0n || to.identity === own.identity) return INVALID_FIELD_IN_PARAMETER_LIST;
    if (!this.isRegistered(to) && this.#registrations.size >= REGISTRATIONS_MAXIMUM)
      return INSUFFICIENT_REGISTRATION_RESOURCES;
    this.#set(to, newKey);
    this.#holder = to.identity;
    if (unregister) this.#registrations.delete(own.identity);
    this.#changed();
    return undefined;
  }

  /** What a power loss must not take, if APTPL is in force. */
  get state(): PersistentState {
    const registrations = [...this.#registrations.values()];
    const holder = registrations.findIndex(({ registrant }) => registrant.identity === this.#holder);
    return { registrations, type: this.#type, holder: holder < 0 ? undefined : holder };
  }

  /** As after power on with what was kept: PRGENERATION begins with 0. */
  restore({ registrations, type, holder }: PersistentState): void {
    this.#registrations.clear();
    for (const { registrant, key } of registrations) this.#set(registrant, key);
    this.#type = type;
    this.#holder = holder === undefined ? undefined : registrations[holder]?.registrant.identity;
  }

  #unregister(own: readonly Registrant[]): Outcome {
    const registered = own.filter((registrant) => this.isRegistered(registrant));
    // Nothing to remove is no error, and no change.
    if (registered.length === 0) return undefined;
    for (const registrant of registered) {
      const ends = this.#holder === registrant.identity || this.#registrations.size === 1;
      this.#registrations.delete(registrant.identity);
      if (ends) this.#release(registrant);
    }
    this.#changed();
    return undefined;
  }

  #set(registrant: Registrant, key: bigint): void {
    const registration = this.#registrations.get(registrant.identity);
    if (registration !== undefined) registration.key = key;
    else this.#registrations.set(registrant.identity, { registrant, key });
  }

  #hold({ identity }: Registrant, type: PersistentType): void {
    this.#type = type;
    this.#holder = type.allRegistrants ? undefined : identity;
  }

  /** Another type is another reservation: those that stay registered are told that the old one is gone. */
  #takeOver(own: Registrant, type: PersistentType): void {
    if (this.#type !== type) this.#tellOthers(this.#registrations.values(), own, RESERVATIONS_RELEASED);
    this.#hold(own, type);
  }

  /** [SPC-4] 5.12.11.2.2: where registrants shared it, they are told. */
  #release(own: Registrant): void {
    if (this.#type?.registrantsOnly) this.#tellOthers(this.#registrations.values(), own, RESERVATIONS_RELEASED);
    this.#type = undefined;
    this.#holder = undefined;
  }

  #tellOthers(registrations: Iterable<Registration>, own: Registrant, condition: Sense): void {
    for (const { registrant } of registrations)
      if (registrant.identity !== own.identity) this.#tell(registrant, condition);
  }

  #changed(): void {
    this.#generation = (this.#generation + 1) % GENERATION_MODULUS;
  }
}
