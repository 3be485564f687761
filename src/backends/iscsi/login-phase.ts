import {
  BHS_FLAGS,
  BHS_ITT,
  BHS_OPCODE,
  FLAG_CONTINUE,
  FLAG_FINAL,
  LOGIN_CURRENT_STAGE_SHIFT,
  LOGIN_ISID,
  LOGIN_REQUEST,
  LOGIN_RESPONSE,
  LOGIN_STAGE_MASK,
  LOGIN_STATUS,
  LOGIN_SUCCESS,
  LOGIN_TSIH,
  OPCODE_IMMEDIATE,
  OPCODE_MASK,
  REQUEST_CMD_SN,
  REQUEST_EXP_STAT_SN,
  RESPONSE_MAX_CMD_SN,
  RESPONSE_STAT_SN,
} from "../../abi/iscsi.ts";
import type { Outbox } from "../../iscsi/outbox.ts";
import { DEFAULT_DATA_SEGMENT_LENGTH } from "../../iscsi/parameters.ts";
import type { Problem, ReceivedHeader } from "../../iscsi/pdu-reader.ts";
import { formatText, parseText } from "../../iscsi/text.ts";
import type { Phase } from "./connection.ts";
import { InitiatorLogin, LoginFailure, type LoginIdentity, type LoginTurn } from "./login.ts";
import type { Agreement } from "./offers.ts";

/** Text of one answer, all its parts together. */
const TEXT_MAXIMUM = 0x8000;
/** Login Requests are immediate: the first command has the same CmdSN. [RFC 7143] 11.12.6. */
const FIRST_CMD_SN = 1;
const LOGIN_TAG = 1;

/** What the full feature phase begins with. */
export interface LoggedIn {
  readonly agreement: Agreement;
  readonly portalGroupTag: number | undefined;
  readonly cmdSN: number;
  readonly expStatSN: number;
  readonly maxCmdSN: number;
}

export interface LoginPhaseOptions {
  readonly identity: LoginIdentity;
  /** Six bytes. */
  readonly isid: Uint8Array;
  readonly outbox: Outbox;
  /** The full feature phase begins with the next PDU. */
  finished(result: LoggedIn): void;
  /** Called once: the login has failed, or the connection was lost under it. */
  failed(failure: LoginFailure): void;
}

/** The login phase on the wire: Login Requests from Login Responses. [RFC 7143] 11.12, 11.13. */
export class LoginPhase implements Phase {
  readonly #options: LoginPhaseOptions;
  readonly #login: InitiatorLogin;
  readonly #parts: Uint8Array[] = [];
  #textLength = 0;
  #stage = 0;
  #requests = 0;
  #expStatSN = 0;
  #ended = false;

  constructor(options: LoginPhaseOptions) {
    this.#options = options;
    this.#login = new InitiatorLogin(options.identity);
  }

  /** The connection stands. */
  begin(): void {
    this.#send(this.#login.begin());
  }

  header({ view, dataLength }: ReceivedHeader): Problem | undefined {
    const opcode = view.getUint8(BHS_OPCODE) & OPCODE_MASK;
    if (opcode !== LOGIN_RESPONSE) return `PDU ${opcode.toString(16)} instead of a Login Response`;
    if (view.getUint32(BHS_ITT) !== LOGIN_TAG) return "a Login Response to no request of ours";
    if (this.#textLength + dataLength > TEXT_MAXIMUM) return `login text of more than ${TEXT_MAXIMUM} bytes`;
    return undefined;
  }

  data(source: Uint8Array, from: number, to: number): void {
    this.#parts.push(source.slice(from, to));
    this.#textLength += to - from;
  }

  end({ view }: ReceivedHeader): Problem | undefined {
    const flags = view.getUint8(BHS_FLAGS);
    const status = view.getUint16(LOGIN_STATUS);
    // StatSN is the target's choice at first; it is not valid in a refusal. [RFC 7143] 11.13.4.
    if (status === LOGIN_SUCCESS) this.#expStatSN = (view.getUint32(RESPONSE_STAT_SN) + 1) >>> 0;
    if (status === LOGIN_SUCCESS && (flags & FLAG_CONTINUE) !== 0) return this.#more();
    const keys = parseText(Buffer.concat(this.#parts));
    this.#parts.length = 0;
    this.#textLength = 0;
    if (keys === undefined) return "login text is malformed";
    const stage = (flags >> LOGIN_CURRENT_STAGE_SHIFT) & LOGIN_STAGE_MASK;
    const nextStage = (flags & FLAG_FINAL) !== 0 ? flags & LOGIN_STAGE_MASK : undefined;
    const next = this.#login.step({ status, stage, nextStage, keys });
    if (next instanceof LoginFailure) this.#fail(next);
    else if (next === "done") return this.#finish(view);
    else this.#send(next);
    return undefined;
  }

  lost(reason: string): void {
    this.#fail(new LoginFailure(reason));
  }

  returned(): void {}

  /** An empty request asks for the next part of an answer. [RFC 7143] 6.2. */
  #more(): Problem | undefined {
    if (this.#textLength === 0) return "an empty part of a login text";
    this.#send({ stage: this.#stage, nextStage: undefined, pairs: [] });
    return undefined;
  }

  #finish(view: DataView): Problem | undefined {
    if (view.getUint16(LOGIN_TSIH) === 0) return "the target gives its session no handle";
    this.#ended = true;
    this.#options.finished({
      agreement: this.#login.agreement,
      portalGroupTag: this.#login.portalGroupTag,
      cmdSN: FIRST_CMD_SN,
      expStatSN: this.#expStatSN,
      maxCmdSN: view.getUint32(RESPONSE_MAX_CMD_SN),
    });
    return undefined;
  }

  #fail(failure: LoginFailure): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.failed(failure);
  }

  /** Keys of ours fit into one request whatever the names: a target takes 8192 bytes by default. */
  #send({ stage, nextStage, pairs }: LoginTurn): void {
    const { outbox, isid } = this.#options;
    const text = formatText(pairs).subarray(0, DEFAULT_DATA_SEGMENT_LENGTH);
    this.#stage = stage;
    const transit = nextStage === undefined ? 0 : FLAG_FINAL | nextStage;
    const flags = (stage << LOGIN_CURRENT_STAGE_SHIFT) | transit;
    const at = outbox.begin(LOGIN_REQUEST | OPCODE_IMMEDIATE, flags, text.length);
    const { bytes } = outbox;
    bytes.set(isid, at + LOGIN_ISID);
    bytes.writeUInt32BE(LOGIN_TAG, at + BHS_ITT);
    bytes.writeUInt32BE(FIRST_CMD_SN, at + REQUEST_CMD_SN);
    if (this.#requests++ > 0) bytes.writeUInt32BE(this.#expStatSN, at + REQUEST_EXP_STAT_SN);
    outbox.endWithCopy(at, text, 0, text.length);
  }
}
