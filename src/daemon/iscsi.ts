import type { IscsiConfig } from "../config/schema.ts";
import type { IscsiStatus } from "../control/results.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import { readSecret, SecretFileError } from "../host/secret-file.ts";
import { IscsiService } from "../ports/iscsi/iscsi-service.ts";
import { IscsiTarget } from "../ports/iscsi/target.ts";
import { FLAT_ADDRESSING } from "../scsi/lun-addressing.ts";
import { ScsiTargetDevice } from "../scsi/target-device.ts";

type TargetConfig = IscsiConfig["targets"][number];
type ChapConfig = NonNullable<TargetConfig["chap"]>;

export interface IscsiExportOptions {
  readonly config: IscsiConfig;
  readonly memory: SharedMemory;
  readonly clock: Clock;
  readonly log: Log;
  /** Relative target port identifiers from here on are free. */
  readonly firstRelativeIdentifier: number;
  /** A target has a port at a portal, counted from 0. */
  portAdded(portal: number, relativeIdentifier: number): void;
}

/** The iSCSI side of the daemon: its targets with their units, and the portals. */
export class IscsiExports {
  readonly #service: IscsiService;
  readonly #devices = new Map<string, ScsiTargetDevice>();

  /** The targets show nothing yet. @throws SecretFileError */
  constructor(options: IscsiExportOptions) {
    const { config, memory, clock, log } = options;
    const portals = config.portals.map(({ address, port }, index) => ({ address, port, tag: index + 1 }));
    let relativeIdentifier = options.firstRelativeIdentifier;
    const addPort = (tag: number) => {
      options.portAdded(tag - 1, relativeIdentifier);
      return relativeIdentifier++;
    };
    const targets = config.targets.map((target) => {
      const device = new ScsiTargetDevice(log, FLAT_ADDRESSING);
      this.#devices.set(target.name, device);
      const shown = portals.filter((_portal, index) => target.portals?.includes(index) ?? true);
      return new IscsiTarget({
        name: target.name,
        device,
        initiators: target.initiators,
        chap: target.chap && credentials(target.chap),
        portalGroups: new Map(shown.map(({ tag }) => [tag, addPort(tag)])),
      });
    });
    this.#service = new IscsiService({ memory, clock, log, limits: config.limits, targets, portals });
  }

  /** Target devices by the names of their targets. */
  get devices(): ReadonlyMap<string, ScsiTargetDevice> {
    return this.#devices;
  }

  /** @throws SocketError */
  listen(): Promise<void> {
    return this.#service.listen();
  }

  close(): Promise<void> {
    return this.#service.close();
  }

  status(): IscsiStatus {
    return {
      portals: this.#service.portals.map(({ address, port, tag }) => ({ address, port, tag })),
      targets: this.#service.targets.map(({ name, chap, portalGroupTags }) => ({
        name,
        portalGroupTags,
        authentication: chap === undefined ? "none" : chap.mutualSecret === undefined ? "CHAP" : "mutual CHAP",
        logicalUnits: [...(this.#devices.get(name)?.logicalUnits ?? [])].map(([lun, unit]) => ({
          lun,
          size: unit.size,
          readOnly: unit.readOnly,
          description: unit.description,
        })),
      })),
      sessions: this.#service.sessions.map((session) => ({
        initiator: session.initiatorName,
        isid: session.isid,
        target: session.target?.name ?? "discovery",
        portalGroupTag: session.portalGroupTag,
        connections: [...session.connections.values()].map(({ peer }) => peer),
        commands: session.commands,
        outstanding: [...session.connections.values()].reduce(
          (sum, { commands }) => sum + (commands?.outstanding ?? 0),
          0,
        ),
      })),
    };
  }
}

function credentials(chap: ChapConfig) {
  const secret = chap.secret ?? readSecret(chap.secretFile);
  const mutualSecret = chap.mutualSecret ?? readSecret(chap.mutualSecretFile);
  if (secret === undefined) throw new Error("a CHAP user without a secret");
  if (secret === mutualSecret) throw new SecretFileError("CHAP: the two secrets of a target must differ");
  return { user: chap.user, secret, mutualUser: chap.mutualUser, mutualSecret };
}
