import { createServer, type Server, type Socket } from "node:net";
import { LOGIN_NO_SESSION, LOGIN_OUT_OF_RESOURCES } from "../../abi/iscsi.ts";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import { listenOnTcp } from "../../host/listen.ts";
import { DataBuffers } from "../../scsi/data-buffers.ts";
import { Connection, type ConnectionHost } from "./connection.ts";
import type { IscsiLimits } from "./limits.ts";
import type { Login } from "./login.ts";
import type { Preferences } from "./negotiation.ts";
import { Session } from "./session.ts";
import type { IscsiTarget } from "./target.ts";

const TSIH_MAXIMUM = 0xffff;
const LUN_BYTES = 8;
/** How often it is looked whether the sessions have logged out, in milliseconds. */
const LOGOUT_POLL = 50;

/** A place where initiators come in: each is a portal group of its own, so that they count as paths. */
export interface PortalOptions {
  /** Portal group tag, 1 to 65535. */
  readonly tag: number;
  readonly address: string;
  readonly port: number;
}

export interface IscsiServiceOptions {
  readonly memory: SharedMemory;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: IscsiLimits;
  readonly targets: readonly IscsiTarget[];
  readonly portals: readonly PortalOptions[];
}

interface Portal extends PortalOptions {
  readonly server: Server;
}

/** Every portal, target and session of iSCSI in the daemon. */
export class IscsiService {
  readonly #options: IscsiServiceOptions;
  readonly #preferences: Preferences;
  readonly #targets: ReadonlyMap<string, IscsiTarget>;
  readonly #portals: Portal[] = [];
  readonly #connections = new Set<Connection>();
  readonly #sessions = new Map<number, Session>();
  readonly #buffers: DataBuffers;
  readonly #lunOffset: number;
  #lastTsih = 0;

  constructor(options: IscsiServiceOptions) {
    this.#options = options;
    const { limits, memory } = options;
    this.#preferences = {
      maxConnections: limits.connectionsPerSession,
      maxBurstLength: limits.maxBurstLength,
      firstBurstLength: limits.firstBurstLength,
      maxOutstandingR2T: limits.maxOutstandingR2T,
      maxRecvDataSegmentLength: limits.maxRecvDataSegmentLength,
    };
    this.#targets = new Map(options.targets.map((target) => [target.name, target]));
    this.#buffers = new DataBuffers(memory);
    this.#lunOffset = memory.allocate(LUN_BYTES);
  }

  /** Listens at every portal. @throws SocketError */
  async listen(): Promise<void> {
    for (const options of this.#options.portals) {
      const server = createServer((socket) => this.#accept(socket, portal));
      const port = await listenOnTcp(server, options.address, options.port);
      const portal: Portal = { ...options, port, server };
      this.#portals.push(portal);
      this.#options.log.info({ address: options.address, port, portalGroup: options.tag }, "iSCSI portal");
    }
  }

  get portals(): readonly PortalOptions[] {
    return this.#portals;
  }

  get targets(): readonly IscsiTarget[] {
    return this.#options.targets;
  }

  get sessions(): readonly Session[] {
    return [...this.#sessions.values()];
  }

  #accept(socket: Socket, portal: Portal): void {
    if (this.#connections.size >= this.#options.limits.connections) {
      this.#options.log.warn({ peer: socket.remoteAddress }, "iSCSI connection refused: there are too many");
      socket.destroy();
      return;
    }
    this.#connections.add(new Connection(socket, this.#hostAt(portal)));
  }

  /** What connections at a portal need of us. */
  #hostAt(portal: Portal): ConnectionHost {
    const { limits, memory, clock, log } = this.#options;
    return {
      place: {
        preferences: this.#preferences,
        portalGroupTag: portal.tag,
        findTarget: (name) => {
          const target = this.#targets.get(name);
          return target?.portalGroupTags.includes(portal.tag) ? target : undefined;
        },
        findSession: (tsih) => this.#sessions.get(tsih),
      },
      limits,
      memory,
      buffers: this.#buffers,
      lunOffset: this.#lunOffset,
      clock,
      log,
      establish: (login, firstCmdSN) => this.#establish(login, firstCmdSN, portal.tag),
      joined: (connection, session, cid) => this.#joined(connection, session, cid),
      sendTargets: (connection, session, name) => this.#sendTargets(connection, session, name),
      endSession: (session, reason) => this.#endSession(session, reason),
      coldReset: (session) => {
        for (const other of [...(session.target?.sessions ?? [])]) this.#endSession(other, "target cold reset");
      },
      closed: (connection) => this.#connections.delete(connection),
    };
  }

  /** A session for a login that has succeeded. One that the same initiator port had before ends. [RFC 7143] 6.3.5. */
  #establish(login: Login, firstCmdSN: number, tag: number): Session | number {
    if (login.session !== undefined) return login.session.closed ? LOGIN_NO_SESSION : login.session;
    const { target, initiatorName, parameters } = login;
    const isid = login.fields?.isid ?? "";
    for (const old of target?.sessions ?? [])
      if (old.initiatorName === initiatorName && old.isid === isid && old.portalGroupTag === tag)
        this.#endSession(old, "reinstated");
    const tsih = this.#freeTsih();
    if (tsih === undefined) return LOGIN_OUT_OF_RESOURCES;
    const session = new Session({
      initiatorName,
      isid,
      tsih,
      portalGroupTag: tag,
      parameters,
      target,
      nexus: target?.nexus(initiatorName, isid, tag),
      firstCmdSN,
      queueDepth: this.#options.limits.queueDepth,
    });
    this.#sessions.set(tsih, session);
    if (session.nexus !== undefined) {
      target?.sessions.add(session);
      target?.device.nexusOpened(session.nexus);
    }
    this.#options.log.info({ initiator: initiatorName, isid, target: target?.name ?? "discovery" }, "iSCSI session");
    return session;
  }

  #freeTsih(): number | undefined {
    if (this.#sessions.size >= this.#options.limits.sessions) return undefined;
    do this.#lastTsih = (this.#lastTsih % TSIH_MAXIMUM) + 1;
    while (this.#sessions.has(this.#lastTsih));
    return this.#lastTsih;
  }

  #joined(connection: Connection, session: Session, cid: number): void {
    // A connection with the same CID is reinstated: the old one is gone. [RFC 7143] 6.3.4.
    session.connections.get(cid)?.leave("reinstated");
    session.connections.set(cid, connection);
  }

  #endSession(session: Session, reason: string): void {
    if (session.closed) return;
    session.closed = true;
    session.dropHeld();
    for (const connection of [...session.connections.values()]) connection.leave(reason);
    this.#sessions.delete(session.tsih);
    session.target?.sessions.delete(session);
    if (session.nexus !== undefined) session.target?.device.nexusLost(session.nexus);
    this.#options.log.info({ initiator: session.initiatorName, isid: session.isid, reason }, "iSCSI session ended");
  }

  /** SendTargets: what the initiator may see, and where. [RFC 7143] appendix C. */
  *#sendTargets(connection: Connection, session: Session, name: string): Generator<[string, string]> {
    for (const target of this.#targets.values()) {
      const wanted = session.target === undefined ? name === "All" || name === target.name : target === session.target;
      if (!wanted || !target.admits(session.initiatorName)) continue;
      yield ["TargetName", target.name];
      for (const tag of target.portalGroupTags) {
        const portal = this.#portals.find((candidate) => candidate.tag === tag);
        if (portal === undefined) continue;
        const address = isWildcard(portal.address) ? connection.localAddress : portal.address;
        yield ["TargetAddress", `${address.includes(":") ? `[${address}]` : address}:${portal.port},${tag}`];
      }
    }
  }

  /** Asks every initiator to log out, waits a little for that, then drops them and stops listening. */
  async close(): Promise<void> {
    const { limits, clock } = this.#options;
    const closed = this.#portals.map(({ server }) => new Promise((resolve) => server.close(resolve)));
    for (const connection of this.#connections)
      if (connection.session !== undefined) connection.requestLogout(Math.ceil(limits.logoutTimeout / 1000));
    const deadline = clock.now() + limits.logoutTimeout;
    while (this.#sessions.size > 0 && clock.now() < deadline)
      await new Promise<void>((resolve) => clock.after(LOGOUT_POLL, resolve));
    for (const connection of [...this.#connections]) connection.announceDrop();
    for (const session of [...this.#sessions.values()]) this.#endSession(session, "the target is stopping");
    await Promise.all(closed);
    this.#buffers.close();
    this.#options.memory.free(this.#lunOffset, LUN_BYTES);
  }
}

function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}
