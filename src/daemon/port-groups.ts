import type { PortGroupConfig } from "../config/port-group-schema.ts";
import {
  ACTIVE_NON_OPTIMIZED,
  ACTIVE_OPTIMIZED,
  STANDBY,
  TargetPortGroups,
  UNAVAILABLE,
} from "../scsi/target-port-groups.ts";

const STATES = {
  "active/optimized": ACTIVE_OPTIMIZED,
  "active/non-optimized": ACTIVE_NON_OPTIMIZED,
  standby: STANDBY,
  unavailable: UNAVAILABLE,
} as const;

/** The configured target port groups of all units: ports join the group that names their adapter or portal. */
export class PortGroups {
  readonly groups: TargetPortGroups;
  readonly #config: readonly PortGroupConfig[];

  constructor(config: readonly PortGroupConfig[]) {
    this.#config = config;
    this.groups = new TargetPortGroups(
      config.map(({ identifier, preferred, state }) => ({ identifier, ports: [], preferred, state: STATES[state] })),
    );
  }

  /** @param index of the adapter or portal in the configuration */
  join(kind: "adapters" | "portals", index: number, relativeIdentifier: number): void {
    const group = this.#config.find((each) => each[kind].includes(index));
    if (group !== undefined) this.groups.join(group.identifier, relativeIdentifier);
  }
}
