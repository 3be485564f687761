import { PROTOCOL_ISCSI } from "../../abi/iscsi.ts";
import type { Nexus, TargetDevice, TargetPort } from "../../scsi/task.ts";
import type { ChapCredentials } from "./chap.ts";
import type { Session } from "./session.ts";

export interface IscsiTargetOptions {
  readonly name: string;
  readonly device: TargetDevice;
  /** Names of the initiators that may log in; none: any. */
  readonly initiators?: readonly string[] | undefined;
  readonly chap?: ChapCredentials | undefined;
  /** Portal group tags at which the target is to be found, with the relative identifier of the port there. */
  readonly portalGroups: ReadonlyMap<number, number>;
}

/** One iSCSI target: its logical units, who may use them, and where. */
export class IscsiTarget {
  readonly name: string;
  readonly device: TargetDevice;
  readonly chap: ChapCredentials | undefined;
  readonly sessions = new Set<Session>();
  readonly #initiators: ReadonlySet<string> | undefined;
  readonly #ports = new Map<number, TargetPort>();

  constructor({ name, device, initiators, chap, portalGroups }: IscsiTargetOptions) {
    this.name = name;
    this.device = device;
    this.chap = chap;
    if (initiators !== undefined) this.#initiators = new Set(initiators);
    for (const [tag, relativeIdentifier] of portalGroups)
      this.#ports.set(tag, {
        relativeIdentifier,
        name: `${name},t,0x${hexadecimal(tag, 4)}`,
        protocolIdentifier: PROTOCOL_ISCSI,
      });
  }

  admits(initiatorName: string): boolean {
    return this.#initiators?.has(initiatorName) ?? true;
  }

  /** Tags of the portal groups where it is. */
  get portalGroupTags(): number[] {
    return [...this.#ports.keys()];
  }

  /** The I_T nexus of an initiator port and this target's port at a portal group; undefined when it is not there. */
  nexus(initiatorName: string, isid: string, tag: number): Nexus | undefined {
    const port = this.#ports.get(tag);
    if (port === undefined) return undefined;
    const initiator = `${initiatorName},i,0x${isid}`;
    return { name: `${initiator}|${port.name}`, transportId: transportId(initiator), port };
  }
}

export function hexadecimal(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** TransportID with the name of an initiator port: format 01b, NUL-terminated, padded. [SPC-4] 7.6.4.6. */
function transportId(initiatorPort: string): Uint8Array {
  const FORMAT_PORT_NAME = 0x40;
  const HEADER = 4;
  const NAME_MINIMUM = 20;
  const length = Math.max(NAME_MINIMUM, (initiatorPort.length + 1 + 3) & ~3);
  const bytes = new Uint8Array(HEADER + length);
  bytes[0] = FORMAT_PORT_NAME | PROTOCOL_ISCSI;
  new DataView(bytes.buffer).setUint16(2, length);
  bytes.set(Buffer.from(initiatorPort, "latin1"), HEADER);
  return bytes;
}
