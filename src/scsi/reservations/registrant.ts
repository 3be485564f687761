import type { Nexus } from "../task.ts";
import { initiatorPortName } from "./transport-id.ts";

/** An I_T nexus as persistent reservations know it, whether it has a session now or not. [SPC-4] 5.12.7. */
export interface Registrant {
  readonly transportId: Uint8Array;
  readonly relativeTargetPort: number;
  /** The same for the same initiator port and target port. */
  readonly identity: string;
}

const ofNexus = new WeakMap<Nexus, Registrant>();

export function makeRegistrant(transportId: Uint8Array, relativeTargetPort: number): Registrant {
  return { transportId, relativeTargetPort, identity: `${relativeTargetPort} ${initiatorPortName(transportId)}` };
}

export function registrantOf(nexus: Nexus): Registrant {
  const known = ofNexus.get(nexus);
  if (known !== undefined) return known;
  const registrant = makeRegistrant(nexus.transportId, nexus.port.relativeIdentifier);
  ofNexus.set(nexus, registrant);
  return registrant;
}
