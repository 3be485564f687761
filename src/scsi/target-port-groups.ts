import type { TargetPort } from "./task.ts";

/** Asymmetric access states of a target port group. The numbers are those of the wire. [SPC-4] 6.37. */
export const ACTIVE_OPTIMIZED = 0x0;
export const ACTIVE_NON_OPTIMIZED = 0x1;
export const STANDBY = 0x2;
export const UNAVAILABLE = 0x3;
/** The states that a group of ours can be in. */
export type AccessState = typeof ACTIVE_OPTIMIZED | typeof ACTIVE_NON_OPTIMIZED | typeof STANDBY | typeof UNAVAILABLE;

/** What changed a group's state last. [SPC-4] 6.37. */
export const NO_STATUS = 0x0;
export const CHANGED_BY_COMMAND = 0x1;
export const CHANGED_IMPLICITLY = 0x2;

/** Target ports that always have the same access state. */
export interface TargetPortGroup {
  /** TARGET PORT GROUP, 1 to 65535. */
  readonly identifier: number;
  /** Relative target port identifiers of its ports. */
  readonly ports: readonly number[];
  /** PREF: initiators had better use these ports. */
  readonly preferred: boolean;
  readonly state: AccessState;
  readonly status: number;
}

/** How the daemon describes a group. */
export type TargetPortGroupOptions = Pick<TargetPortGroup, "identifier" | "ports"> &
  Partial<Pick<TargetPortGroup, "preferred" | "state">>;

const AS_MADE: Pick<TargetPortGroup, "preferred" | "state" | "status"> = {
  preferred: false,
  state: ACTIVE_OPTIMIZED,
  status: NO_STATUS,
};
/** The group of every port when none is described. */
const ONLY_GROUP = 1;

/**
 * The target port groups of logical units: which of their ports may be used for what. The daemon gives one to all units
 * that share their fate. Without a description all ports stand in one group that is always active, and units tell
 * initiators that there is no asymmetric access (TPGS 00b). [SPC-4] 5.15.
 */
export class TargetPortGroups {
  readonly #groups: Map<number, TargetPortGroup>;
  readonly #listeners = new Set<() => void>();
  /** Initiators may learn and set access states: TPGS is not 00b. */
  readonly asymmetric: boolean;
  /** Some group is not active: the gate has to look. */
  restricted = false;

  /** @throws RangeError when two groups have an identifier or a port in common */
  constructor(groups: readonly TargetPortGroupOptions[] = []) {
    this.asymmetric = groups.length > 0;
    this.#groups = new Map(groups.map((group) => [group.identifier, { ...AS_MADE, ...group }]));
    const ports = groups.flatMap((group) => group.ports);
    if (this.#groups.size !== groups.length || new Set(ports).size !== ports.length)
      throw new RangeError("target port groups share an identifier or a port");
    this.#restrict();
  }

  /** A port that came later stands in a group that is described. */
  join(identifier: number, relativeIdentifier: number): void {
    const group = this.#groups.get(identifier);
    if (group !== undefined) this.#groups.set(identifier, { ...group, ports: [...group.ports, relativeIdentifier] });
  }

  /** Groups as described. @param port stands for all ports when none is described */
  groups(port: TargetPort): readonly TargetPortGroup[] {
    return this.asymmetric ? [...this.#groups.values()] : [onlyGroup(port)];
  }

  /** The group that a port stands in. */
  groupOf({ relativeIdentifier }: TargetPort): number {
    for (const { identifier, ports } of this.#groups.values())
      if (ports.includes(relativeIdentifier)) return identifier;
    return ONLY_GROUP;
  }

  /** Access state through a port; one that stands in no described group is active. */
  stateThrough(port: TargetPort): AccessState {
    return this.#groups.get(this.groupOf(port))?.state ?? ACTIVE_OPTIMIZED;
  }

  has(identifier: number): boolean {
    return this.asymmetric ? this.#groups.has(identifier) : identifier === ONLY_GROUP;
  }

  /**
   * Sets states of groups that are there. Listeners are told before this returns, when a state has changed.
   * @param status CHANGED_BY_COMMAND for SET TARGET PORT GROUPS, CHANGED_IMPLICITLY for an operator
   */
  set(states: ReadonlyMap<number, AccessState>, status: number): void {
    let changed = false;
    for (const [identifier, state] of states) {
      const group = this.#groups.get(identifier);
      if (group === undefined) continue;
      changed ||= group.state !== state;
      this.#groups.set(identifier, { ...group, state, status });
    }
    this.#restrict();
    if (changed) for (const listener of this.#listeners) listener();
  }

  /** Calls back after a state has changed. The returned function ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #restrict(): void {
    this.restricted = [...this.#groups.values()].some(({ state }) => state >= STANDBY);
  }
}

function onlyGroup({ relativeIdentifier }: TargetPort): TargetPortGroup {
  return { ...AS_MADE, identifier: ONLY_GROUP, ports: [relativeIdentifier] };
}
