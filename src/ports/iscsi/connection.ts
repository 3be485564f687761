import type { Socket } from "node:net";
import { ASYNC_CONNECTION_DROP, ASYNC_LOGOUT_REQUEST, RESERVED_TAG } from "../../abi/iscsi.ts";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import { Outbox } from "../../iscsi/outbox.ts";
import { DEFAULT_DATA_SEGMENT_LENGTH } from "../../iscsi/parameters.ts";
import { PduReader, type PduSink, type Problem, type ReceivedHeader } from "../../iscsi/pdu-reader.ts";
import type { DataBuffers } from "../../scsi/data-buffers.ts";
import { Commands } from "./commands.ts";
import { FullFeature } from "./full-feature.ts";
import type { IscsiLimits } from "./limits.ts";
import type { Login, LoginPlace } from "./login.ts";
import { type LoggedIn, LoginPhase } from "./login-phase.ts";
import { Responses } from "./responses.ts";
import type { Session } from "./session.ts";
import { TextExchange } from "./text-exchange.ts";

/** Bytes that may wait for the initiator to take them before no more is read from it. */
const UNWRITTEN_MAXIMUM = 0x40_0000;
/** How long the last bytes may take to leave, in milliseconds. */
const LINGER = 2_000;

/** What a connection needs of the portal where it came in. */
export interface ConnectionHost {
  readonly place: LoginPlace;
  readonly limits: IscsiLimits;
  readonly memory: SharedMemory;
  readonly buffers: DataBuffers;
  /** Eight bytes of linear memory for the LUN of a task management request. */
  readonly lunOffset: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Makes or finds the session of a login. @returns a login status when it can't be */
  establish(login: Login, firstCmdSN: number): Session | number;
  /** A login has succeeded: the connection belongs to the session now. */
  joined(connection: Connection, session: Session, cid: number): void;
  sendTargets(connection: Connection, session: Session, name: string): Iterable<readonly [string, string]>;
  /** The session ends with all its connections. */
  endSession(session: Session, reason: string): void;
  /** Every session of the session's target ends. */
  coldReset(session: Session): void;
  closed(connection: Connection): void;
}

/** One TCP connection: its socket, its phase, and how it ends. */
export class Connection implements PduSink {
  readonly #host: ConnectionHost;
  readonly #socket: Socket;
  readonly #reader: PduReader;
  readonly #outbox: Outbox;
  readonly #responses: Responses;
  /** "127.0.0.1:45678", for status and logs. */
  readonly peer: string;
  #phase: PduSink;
  #log: Log;
  session: Session | undefined;
  cid = 0;
  /** SCSI commands of a normal session. */
  commands: Commands | undefined;
  #ending = false;
  #paused = false;
  #cancelTimer: () => void = () => {};
  #lastHeard = 0;
  #pingTag = 0;
  #pingSent = false;

  constructor(socket: Socket, host: ConnectionHost) {
    this.#socket = socket;
    this.#host = host;
    this.#log = host.log;
    this.peer = `${socket.remoteAddress ?? "?"}:${socket.remotePort ?? 0}`;
    this.#reader = new PduReader(this, DEFAULT_DATA_SEGMENT_LENGTH);
    this.#outbox = new Outbox(
      socket,
      (address, size) => this.commands?.giveBack(address, size),
      () => this.#relieve(),
    );
    this.#responses = new Responses(this.#outbox);
    this.#phase = new LoginPhase({
      place: host.place,
      responses: this.#responses,
      queueDepth: host.limits.queueDepth,
      establish: (login, firstCmdSN) => host.establish(login, firstCmdSN),
      finished: (result) => this.#enterFullFeature(result),
    });
    this.#cancelTimer = host.clock.after(host.limits.loginTimeout, () => this.drop("login took too long"));
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", (error) =>
      this.#log.debug({ peer: this.peer, error: error.message }, "iSCSI connection failed"),
    );
    socket.on("end", () => this.#finish("the initiator closed the connection"));
    socket.on("close", () => this.#closed());
  }

  /** Address of ours that the initiator has reached, for SendTargets. */
  get localAddress(): string {
    return this.#socket.localAddress ?? "";
  }

  #receive(chunk: Buffer): void {
    if (this.#ending) return;
    const problem = this.#reader.receive(chunk);
    this.#outbox.flush();
    if (problem !== undefined) return this.drop(problem);
    if (this.#outbox.unwritten > UNWRITTEN_MAXIMUM && !this.#paused) {
      this.#paused = true;
      this.#socket.pause();
    }
  }

  /** The initiator has taken something: read on when it was too far behind. */
  #relieve(): void {
    if (!this.#paused || this.#outbox.unwritten > UNWRITTEN_MAXIMUM) return;
    this.#paused = false;
    this.#socket.resume();
  }

  header(pdu: ReceivedHeader): Problem | undefined {
    return this.#phase.header(pdu);
  }

  data(source: Uint8Array, from: number, to: number): void {
    this.#phase.data(source, from, to);
  }

  end(pdu: ReceivedHeader, intact: boolean): Problem | undefined {
    this.#lastHeard = this.#host.clock.now();
    return this.#phase.end(pdu, intact);
  }

  #enterFullFeature({ session, login }: LoggedIn): void {
    const { parameters } = login;
    const { limits, memory, buffers, clock } = this.#host;
    this.session = session;
    this.cid = login.fields?.cid ?? 0;
    const { target, nexus } = session;
    if (target !== undefined && nexus !== undefined)
      this.commands = new Commands({
        clock,
        memory,
        buffers,
        device: target.device,
        nexus,
        session,
        parameters,
        responses: this.#responses,
      });
    this.#phase = new FullFeature({
      session,
      responses: this.#responses,
      commands: this.commands,
      management: target &&
        nexus && {
          memory,
          lunOffset: this.#host.lunOffset,
          session,
          target,
          nexus,
          coldReset: () => this.#host.coldReset(session),
        },
      text: new TextExchange({
        session,
        parameters,
        preferences: this.#host.place.preferences,
        responses: this.#responses,
        sendTargets: (name) => this.#host.sendTargets(this, session, name),
      }),
      cid: this.cid,
      echoMaximum: () => parameters.sendDataMaximum,
      pong: (tag) => this.#pong(tag),
      loggedOut: (wholeSession, cid) => this.#loggedOut(session, wholeSession, cid),
    });
    this.#reader.dataMaximum = limits.maxRecvDataSegmentLength;
    this.#reader.headerDigest = parameters.headerDigest;
    this.#reader.dataDigest = parameters.dataDigest;
    this.#outbox.headerDigest = parameters.headerDigest;
    this.#outbox.dataDigest = parameters.dataDigest;
    this.#cancelTimer();
    this.#watch(limits.idleTimeout);
    this.#host.joined(this, session, this.cid);
  }

  /** Looks after `milliseconds` whether the initiator is still there. */
  #watch(milliseconds: number): void {
    const { clock } = this.#host;
    this.#cancelTimer = clock.after(milliseconds, () => this.#checkAlive());
  }

  /** Nothing heard for long: ask once by NOP-In, then give up. [RFC 7143] 11.19. */
  #checkAlive(): void {
    const { clock, limits } = this.#host;
    const idle = clock.now() - this.#lastHeard;
    if (idle < limits.idleTimeout) {
      this.#pingSent = false;
      return this.#watch(limits.idleTimeout - idle);
    }
    // Discovery sessions know no NOP.
    if (this.session?.discovery !== false) return this.drop("idle for too long");
    if (this.#pingSent) return this.drop("no answer to NOP-In");
    this.#pingSent = true;
    this.#pingTag = (this.#pingTag + 1) % RESERVED_TAG;
    this.#responses.ping(this.#pingTag);
    this.#watch(limits.pingTimeout);
  }

  #pong(tag: number): void {
    if (tag === this.#pingTag) this.#pingSent = false;
  }

  #loggedOut(session: Session, wholeSession: boolean, cid: number): void {
    if (wholeSession) return this.#host.endSession(session, "logout");
    session.connections.get(cid)?.leave("logout");
  }

  /** Asks the initiator to log out within `seconds`. [RFC 7143] 11.9, event 1. */
  requestLogout(seconds: number): void {
    this.#responses.asyncMessage(ASYNC_LOGOUT_REQUEST, [0, 0, seconds]);
  }

  /** Tells the initiator that the connection is dropped, then drops it. [RFC 7143] 11.9, event 2. */
  announceDrop(): void {
    this.#responses.asyncMessage(ASYNC_CONNECTION_DROP, [this.cid, 0, 0]);
    this.leave("the target is stopping");
  }

  /** Ends the connection for a fault of the initiator's. At error recovery level 0 its session ends with it. */
  drop(reason: string): void {
    if (this.#ending) return;
    const initiator = this.session?.initiatorName;
    this.#log.warn({ peer: this.peer, initiator, reason }, "iSCSI connection dropped");
    this.#finish(reason);
  }

  /** The connection is over, and its session with it. [RFC 7143] 7.1.4: level 0 recovers by a new session. */
  #finish(reason: string): void {
    // One that has left its session already takes nobody with it.
    if (this.#ending) return;
    const { session } = this;
    this.leave(reason);
    if (session !== undefined) this.#host.endSession(session, reason);
  }

  /** Sends what is still to be sent, then closes. Its session goes on, if others are left. */
  leave(reason: string): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#log.debug({ peer: this.peer, reason }, "iSCSI connection ends");
    this.#cancelTimer();
    this.commands?.close();
    this.#outbox.flush();
    this.#socket.end();
    this.#cancelTimer = this.#host.clock.after(LINGER, () => this.#socket.destroy());
    // What the initiator still sends goes nowhere, but has to be read for its end to be seen.
    this.#paused = false;
    this.#socket.resume();
    if (this.session?.connections.get(this.cid) === this) this.session.connections.delete(this.cid);
  }

  /** Ends the socket without waiting for anything. */
  destroy(): void {
    this.#socket.destroy();
  }

  #closed(): void {
    this.#finish("the connection is gone");
    this.#cancelTimer();
    this.#outbox.abandon();
    this.#host.closed(this);
  }
}
