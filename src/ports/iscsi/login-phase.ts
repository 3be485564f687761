import {
  BHS_FLAGS,
  BHS_ITT,
  BHS_OPCODE,
  FLAG_CONTINUE,
  FLAG_FINAL,
  ISID_LENGTH,
  LOGIN_CID,
  LOGIN_CURRENT_STAGE_SHIFT,
  LOGIN_INITIATOR_ERROR,
  LOGIN_INVALID_REQUEST,
  LOGIN_ISID,
  LOGIN_REQUEST,
  LOGIN_RESPONSE,
  LOGIN_STAGE_MASK,
  LOGIN_STATUS,
  LOGIN_SUCCESS,
  LOGIN_TSIH,
  LOGIN_UNSUPPORTED_VERSION,
  LOGIN_VERSION_MIN,
  OPCODE_MASK,
  REQUEST_CMD_SN,
  REQUEST_EXP_STAT_SN,
  STAGE_FULL_FEATURE,
} from "../../abi/iscsi.ts";
import type { PduSink, Problem, ReceivedHeader } from "../../iscsi/pdu-reader.ts";
import { formatText } from "../../iscsi/text.ts";
import { Login, type LoginAnswer, type LoginFields, type LoginPlace } from "./login.ts";
import type { Responses } from "./responses.ts";
import type { Session } from "./session.ts";

/** Text of one request, all its parts together. */
const TEXT_MAXIMUM = 0x8000;

/** A login that has succeeded: what the connection goes on with. */
export interface LoggedIn {
  readonly session: Session;
  readonly login: Login;
}

export interface LoginPhaseOptions {
  readonly place: LoginPlace;
  readonly responses: Responses;
  readonly queueDepth: number;
  /** Makes the session, or joins the connection to the one that is there. @returns a login status when it can't be */
  establish(login: Login, firstCmdSN: number): Session | number;
  /** The last response is out: the full feature phase begins. */
  finished(result: LoggedIn): void;
}

/** The login phase on the wire: Login Requests to Login Responses. [RFC 7143] 11.12, 11.13. */
export class LoginPhase implements PduSink {
  readonly #options: LoginPhaseOptions;
  readonly #login: Login;
  readonly #parts: Uint8Array[] = [];
  #textLength = 0;
  #requests = 0;
  #session: Session | undefined;

  constructor(options: LoginPhaseOptions) {
    this.#options = options;
    this.#login = new Login(options.place);
  }

  /** Who logs in, for the log. */
  get initiatorName(): string {
    return this.#login.initiatorName;
  }

  header({ view, dataLength }: ReceivedHeader): Problem | undefined {
    if ((view.getUint8(BHS_OPCODE) & OPCODE_MASK) !== LOGIN_REQUEST) return "a request before the login";
    if (this.#textLength + dataLength > TEXT_MAXIMUM) return `login text of more than ${TEXT_MAXIMUM} bytes`;
    return undefined;
  }

  data(source: Uint8Array, from: number, to: number): void {
    this.#parts.push(source.slice(from, to));
    this.#textLength += to - from;
  }

  end(pdu: ReceivedHeader): Problem | undefined {
    const { view } = pdu;
    const { responses } = this.#options;
    const fields = loginFields(pdu);
    if (this.#requests++ === 0) this.#greet(view.getUint32(REQUEST_CMD_SN), view.getUint32(REQUEST_EXP_STAT_SN));
    if (view.getUint8(LOGIN_VERSION_MIN) > 0) return this.#refuse(pdu, fields, LOGIN_UNSUPPORTED_VERSION, "version");
    if ((view.getUint8(BHS_FLAGS) & FLAG_CONTINUE) !== 0) {
      if (fields.transit) return this.#refuse(pdu, fields, LOGIN_INVALID_REQUEST, "C and T bit together");
      if (this.#parts.length === 0) return this.#refuse(pdu, fields, LOGIN_INITIATOR_ERROR, "C bit without text");
      this.#respond(pdu, fields, { status: LOGIN_SUCCESS, transit: false, pairs: [] });
      return undefined;
    }
    const text = Buffer.concat(this.#parts);
    this.#parts.length = 0;
    this.#textLength = 0;
    const answer = this.#login.step(fields, text);
    if (answer.status !== LOGIN_SUCCESS) return this.#refuse(pdu, fields, answer.status, answer.reason ?? "");
    if (!answer.transit || fields.nextStage !== STAGE_FULL_FEATURE) {
      this.#respond(pdu, fields, answer);
      return undefined;
    }
    const session = this.#options.establish(this.#login, responses.window.expCmdSN);
    if (typeof session === "number") return this.#refuse(pdu, fields, session, "no room for another session");
    this.#session = session;
    responses.window = session;
    this.#respond(pdu, fields, answer);
    this.#options.finished({ session, login: this.#login });
    return undefined;
  }

  /** The first request sets the sequence numbers. [RFC 7143] 11.12.6. */
  #greet(cmdSN: number, expStatSN: number): void {
    const { responses, queueDepth } = this.#options;
    responses.statSN = expStatSN;
    responses.window = { expCmdSN: cmdSN, maxCmdSN: (cmdSN + queueDepth - 1) >>> 0 };
  }

  #refuse(pdu: ReceivedHeader, fields: LoginFields, status: number, reason: string): Problem {
    this.#respond(pdu, fields, { status, transit: false, pairs: [] });
    return `login refused with status ${status.toString(16).padStart(4, "0")}: ${reason}`;
  }

  #respond({ bytes: request, view }: ReceivedHeader, fields: LoginFields, answer: LoginAnswer): void {
    const { responses } = this.#options;
    const text = formatText(answer.pairs);
    const stages = (fields.currentStage << LOGIN_CURRENT_STAGE_SHIFT) | (answer.transit ? fields.nextStage : 0);
    const flags = answer.status === LOGIN_SUCCESS ? (answer.transit ? FLAG_FINAL : 0) | stages : 0;
    const at = responses.begin(LOGIN_RESPONSE, flags, view.getUint32(BHS_ITT), text.length);
    const { bytes } = responses.outbox;
    for (let byte = 0; byte < ISID_LENGTH; byte++) bytes[at + LOGIN_ISID + byte] = request[LOGIN_ISID + byte] ?? 0;
    bytes.writeUInt16BE(this.#session?.tsih ?? fields.tsih, at + LOGIN_TSIH);
    bytes.writeUInt16BE(answer.status, at + LOGIN_STATUS);
    responses.outbox.endWithCopy(at, text, 0, text.length);
  }
}

function loginFields({ bytes, view }: ReceivedHeader): LoginFields {
  const flags = view.getUint8(BHS_FLAGS);
  return {
    transit: (flags & FLAG_FINAL) !== 0,
    currentStage: (flags >> LOGIN_CURRENT_STAGE_SHIFT) & LOGIN_STAGE_MASK,
    nextStage: flags & LOGIN_STAGE_MASK,
    isid: Buffer.from(bytes.subarray(LOGIN_ISID, LOGIN_ISID + ISID_LENGTH)).toString("hex"),
    tsih: view.getUint16(LOGIN_TSIH),
    cid: view.getUint16(LOGIN_CID),
  };
}
