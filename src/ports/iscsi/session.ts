import type { Parameters } from "../../iscsi/parameters.ts";
import type { Nexus } from "../../scsi/task.ts";
import type { Connection } from "./connection.ts";
import type { IscsiTarget } from "./target.ts";

/** A request that waits for its turn in CmdSN order. */
export interface OrderedRequest {
  /** Its turn has come. */
  deliver(): void;
}

export interface SessionOptions {
  readonly initiatorName: string;
  readonly isid: string;
  readonly tsih: number;
  readonly portalGroupTag: number;
  readonly parameters: Parameters;
  /** Undefined for a discovery session. */
  readonly target: IscsiTarget | undefined;
  readonly nexus: Nexus | undefined;
  /** CmdSN of the first command: that of the leading login. */
  readonly firstCmdSN: number;
  /** Requests that the initiator may have outstanding. */
  readonly queueDepth: number;
}

/** True when serial number `a` comes after `b`. [RFC 1982]. */
function after(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

/** A session: its connections, and the one command order that they share. [RFC 7143] 4.2.2.1. */
export class Session {
  readonly initiatorName: string;
  readonly isid: string;
  readonly tsih: number;
  readonly portalGroupTag: number;
  readonly parameters: Parameters;
  readonly target: IscsiTarget | undefined;
  readonly nexus: Nexus | undefined;
  /** Connections in the full feature phase, by CID. */
  readonly connections = new Map<number, Connection>();
  readonly #held = new Map<number, OrderedRequest>();
  readonly #nothing: OrderedRequest = { deliver: () => this.ended() };
  expCmdSN: number;
  maxCmdSN: number;
  /** SCSI commands received since login. */
  commands = 0;
  /** Immediate commands without an answer. */
  immediate = 0;
  closed = false;

  constructor(options: SessionOptions) {
    this.initiatorName = options.initiatorName;
    this.isid = options.isid;
    this.tsih = options.tsih;
    this.portalGroupTag = options.portalGroupTag;
    this.parameters = options.parameters;
    this.target = options.target;
    this.nexus = options.nexus;
    this.expCmdSN = options.firstCmdSN;
    this.maxCmdSN = (options.firstCmdSN + options.queueDepth - 1) >>> 0;
  }

  get discovery(): boolean {
    return this.target === undefined;
  }

  /** A CmdSN that is to be taken: not yet seen, and not beyond the window. Others are ignored. [RFC 7143] 4.2.2.1. */
  expects(cmdSN: number): boolean {
    return !after(this.expCmdSN, cmdSN) && !after(cmdSN, this.maxCmdSN) && !this.#held.has(cmdSN);
  }

  /** Delivers a request at its turn: now, or when those before it have come. `expects` has said yes. */
  submit(cmdSN: number, request: OrderedRequest): void {
    if (cmdSN !== this.expCmdSN) {
      this.#held.set(cmdSN, request);
      return;
    }
    this.expCmdSN = (cmdSN + 1) >>> 0;
    request.deliver();
    if (this.#held.size > 0) this.#deliverHeld();
  }

  /** Counts a CmdSN as received whose request is refused, or will not come. */
  skip(cmdSN: number): void {
    if (this.expects(cmdSN)) this.submit(cmdSN, this.#nothing);
  }

  #deliverHeld(): void {
    for (let next = this.#held.get(this.expCmdSN); next !== undefined; next = this.#held.get(this.expCmdSN)) {
      this.#held.delete(this.expCmdSN);
      this.expCmdSN = (this.expCmdSN + 1) >>> 0;
      next.deliver();
    }
  }

  /** A request that took a CmdSN has its answer, or will have none: the window opens by one. */
  ended(): void {
    this.maxCmdSN = (this.maxCmdSN + 1) >>> 0;
  }

  /** Nothing that waits is delivered any more. */
  dropHeld(): void {
    this.#held.clear();
  }
}
