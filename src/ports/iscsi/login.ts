import {
  LOGIN_AUTHENTICATION_FAILURE,
  LOGIN_AUTHORIZATION_FAILURE,
  LOGIN_CANNOT_INCLUDE,
  LOGIN_INITIATOR_ERROR,
  LOGIN_INVALID_REQUEST,
  LOGIN_MISSING_PARAMETER,
  LOGIN_NO_SESSION,
  LOGIN_SESSION_TYPE_UNSUPPORTED,
  LOGIN_SUCCESS,
  LOGIN_TARGET_NOT_FOUND,
  LOGIN_TOO_MANY_CONNECTIONS,
  STAGE_FULL_FEATURE,
  STAGE_OPERATIONAL,
  STAGE_SECURITY,
} from "../../abi/iscsi.ts";
import { isIscsiName } from "../../iscsi/names.ts";
import { Parameters } from "../../iscsi/parameters.ts";
import { parseList, parseText, type TextKeys } from "../../iscsi/text.ts";
import { ChapExchange } from "./chap.ts";
import { negotiateAll, type Preferences } from "./negotiation.ts";
import type { Session } from "./session.ts";
import type { IscsiTarget } from "./target.ts";

/** Requests that a login may take; an honest one needs four. */
const STEPS_MAXIMUM = 16;

/** Keys that the operational table does not know: who is there, and security. */
const IDENTIFICATION: ReadonlySet<string> = new Set(["InitiatorName", "SessionType", "TargetName"]);
const SECURITY: ReadonlySet<string> = new Set(["AuthMethod", "CHAP_A", "CHAP_I", "CHAP_C", "CHAP_N", "CHAP_R"]);
const NOT_OPERATIONAL: ReadonlySet<string> = new Set([...IDENTIFICATION, ...SECURITY]);

/** What a login finds at the portal where it came in. */
export interface LoginPlace {
  readonly preferences: Preferences;
  readonly portalGroupTag: number;
  findTarget(name: string): IscsiTarget | undefined;
  findSession(tsih: number): Session | undefined;
}

/** Fields of a Login Request. */
export interface LoginFields {
  readonly transit: boolean;
  readonly currentStage: number;
  readonly nextStage: number;
  /** Twelve hexadecimal digits. */
  readonly isid: string;
  readonly tsih: number;
  readonly cid: number;
}

/** What a Login Response tells. `status` other than LOGIN_SUCCESS ends the login; `reason` is for the log. */
export interface LoginAnswer {
  readonly status: number;
  readonly transit: boolean;
  readonly pairs: readonly (readonly [string, string])[];
  readonly reason?: string;
}

type Pairs = [string, string][];

/** A login that ends: thrown nowhere, passed up as a value. */
class Failure {
  readonly status: number;
  readonly reason: string;
  constructor(status: number, reason: string) {
    this.status = status;
    this.reason = reason;
  }
}

/** The login phase of one connection, without its transport. [RFC 7143] 6.3. */
export class Login {
  readonly #place: LoginPlace;
  #steps = 0;
  #first: LoginFields | undefined;
  #stage = -1;
  #chap: ChapExchange | undefined;
  #authenticated = false;
  #tagTold = false;
  #lengthTold = false;
  initiatorName = "";
  discovery = false;
  target: IscsiTarget | undefined;
  /** The session that this connection joins; undefined for a leading one. */
  session: Session | undefined;
  parameters = new Parameters();

  constructor(place: LoginPlace) {
    this.#place = place;
  }

  /** Identification of the login, as its first request had it. */
  get fields(): LoginFields | undefined {
    return this.#first;
  }

  /** Takes one whole request: its fields, and the text of all its parts. */
  step(fields: LoginFields, text: Uint8Array): LoginAnswer {
    const result = this.#step(fields, text);
    if (result instanceof Failure) return { status: result.status, reason: result.reason, transit: false, pairs: [] };
    return result;
  }

  #step(fields: LoginFields, text: Uint8Array): LoginAnswer | Failure {
    if (++this.#steps > STEPS_MAXIMUM) return new Failure(LOGIN_INITIATOR_ERROR, `more than ${STEPS_MAXIMUM} requests`);
    const keys = parseText(text);
    if (keys === undefined) return new Failure(LOGIN_INITIATOR_ERROR, "text is malformed");
    const failure = this.#checkFields(fields) ?? (this.#first === undefined ? this.#identify(fields, keys) : undefined);
    if (failure !== undefined) return failure;
    this.#first ??= fields;
    const answers = fields.currentStage === STAGE_SECURITY ? this.#security(keys) : this.#operational(keys);
    if (answers instanceof Failure) return answers;
    const transit = fields.transit && this.#mayLeave(fields);
    if (fields.transit && !transit && this.#refusesToAuthenticate(keys))
      return new Failure(LOGIN_AUTHENTICATION_FAILURE, "the initiator does not authenticate itself");
    if (transit) this.#stage = fields.nextStage;
    return { status: LOGIN_SUCCESS, transit, pairs: [...this.#tag(), ...answers] };
  }

  /** Stages only go forward, and a login keeps its names. [RFC 7143] 6.3, 11.12.3. */
  #checkFields(fields: LoginFields): Failure | undefined {
    const { currentStage, nextStage, transit } = fields;
    if (currentStage !== STAGE_SECURITY && currentStage !== STAGE_OPERATIONAL)
      return new Failure(LOGIN_INVALID_REQUEST, `current stage ${currentStage}`);
    if (this.#stage >= 0 && currentStage !== this.#stage)
      return new Failure(LOGIN_INVALID_REQUEST, `stage ${currentStage} while in stage ${this.#stage}`);
    if (transit && (nextStage <= currentStage || (nextStage !== STAGE_OPERATIONAL && nextStage !== STAGE_FULL_FEATURE)))
      return new Failure(LOGIN_INVALID_REQUEST, `transit from stage ${currentStage} to ${nextStage}`);
    const first = this.#first;
    if (first !== undefined && (first.isid !== fields.isid || first.tsih !== fields.tsih || first.cid !== fields.cid))
      return new Failure(LOGIN_INVALID_REQUEST, "ISID, TSIH or CID changed during login");
    this.#stage = currentStage;
    return undefined;
  }

  /** Who asks for what: the first request tells. [RFC 7143] 6.3, 13.4 to 13.6, 13.21. */
  #identify(fields: LoginFields, keys: TextKeys): Failure | undefined {
    const initiator = keys.get("InitiatorName");
    if (initiator === undefined) return new Failure(LOGIN_MISSING_PARAMETER, "InitiatorName is missing");
    if (!isIscsiName(initiator)) return new Failure(LOGIN_INITIATOR_ERROR, "InitiatorName is no iSCSI name");
    this.initiatorName = initiator;
    const type = keys.get("SessionType") ?? "Normal";
    if (type === "Discovery") {
      this.discovery = true;
      this.#authenticated = true;
      return fields.tsih === 0
        ? undefined
        : new Failure(LOGIN_CANNOT_INCLUDE, "a discovery session has one connection");
    }
    if (type !== "Normal") return new Failure(LOGIN_SESSION_TYPE_UNSUPPORTED, "SessionType is unknown");
    const name = keys.get("TargetName");
    if (name === undefined) return new Failure(LOGIN_MISSING_PARAMETER, "TargetName is missing");
    const target = this.#place.findTarget(name);
    if (target === undefined) return new Failure(LOGIN_TARGET_NOT_FOUND, "there is no such target at this portal");
    if (!target.admits(initiator))
      return new Failure(LOGIN_AUTHORIZATION_FAILURE, "the target does not admit the initiator");
    this.target = target;
    if (target.chap === undefined) this.#authenticated = true;
    else this.#chap = new ChapExchange(target.chap);
    return fields.tsih === 0 ? undefined : this.#join(fields, target);
  }

  /** Another connection for a session that is there, or one in the place of a connection that it has lost. */
  #join(fields: LoginFields, target: IscsiTarget): Failure | undefined {
    const session = this.#place.findSession(fields.tsih);
    const same =
      session !== undefined &&
      session.target === target &&
      session.isid === fields.isid &&
      session.initiatorName === this.initiatorName &&
      session.portalGroupTag === this.#place.portalGroupTag;
    if (!same) return new Failure(LOGIN_NO_SESSION, `there is no session ${fields.tsih} of this initiator`);
    if (!session.connections.has(fields.cid) && session.connections.size >= session.parameters.maxConnections)
      return new Failure(LOGIN_TOO_MANY_CONNECTIONS, "the session has all connections that were agreed on");
    this.session = session;
    this.parameters = session.parameters.forConnection();
    return undefined;
  }

  #security(keys: TextKeys): Pairs | Failure {
    for (const key of keys.keys())
      if (!NOT_OPERATIONAL.has(key) && key !== "InitiatorAlias")
        return new Failure(LOGIN_INITIATOR_ERROR, `${key.slice(0, 32)} does not belong to the security stage`);
    const offered = keys.get("AuthMethod");
    if (offered !== undefined) return this.#method(parseList(offered));
    if (this.#authenticated || this.#chap === undefined) return [];
    const step = this.#chap.step(keys);
    if ("failure" in step) return new Failure(LOGIN_AUTHENTICATION_FAILURE, step.failure);
    this.#authenticated = step.done;
    return step.answer;
  }

  #method(offered: readonly string[]): Pairs | Failure {
    const method = this.#authenticated ? "None" : "CHAP";
    if (!offered.includes(method))
      return new Failure(LOGIN_AUTHENTICATION_FAILURE, `the initiator does not offer AuthMethod ${method}`);
    return [["AuthMethod", method]];
  }

  #operational(keys: TextKeys): Pairs | Failure {
    if (!this.#authenticated)
      return new Failure(LOGIN_AUTHENTICATION_FAILURE, "the initiator does not authenticate itself");
    const phase = { leading: this.session === undefined, discovery: this.discovery, fullFeature: false };
    const answers = negotiateAll(keys, NOT_OPERATIONAL, phase, this.parameters, this.#place.preferences);
    if (this.#lengthTold) return answers;
    this.#lengthTold = true;
    return [...answers, ["MaxRecvDataSegmentLength", String(this.#place.preferences.maxRecvDataSegmentLength)]];
  }

  #mayLeave({ currentStage }: LoginFields): boolean {
    return currentStage === STAGE_OPERATIONAL || this.#authenticated;
  }

  /** It wants to leave the security stage and has sent nothing that belongs there. */
  #refusesToAuthenticate(keys: TextKeys): boolean {
    return ![...keys.keys()].some((key) => SECURITY.has(key));
  }

  /** TargetPortalGroupTag goes with the first answer to a leading connection. [RFC 7143] 13.9. */
  #tag(): Pairs {
    if (this.#tagTold || this.discovery || this.session !== undefined) return [];
    this.#tagTold = true;
    return [["TargetPortalGroupTag", String(this.#place.portalGroupTag)]];
  }
}
