import {
  LOGIN_AUTHENTICATION_FAILURE,
  LOGIN_AUTHORIZATION_FAILURE,
  LOGIN_CLASS_REDIRECTION,
  LOGIN_CLASS_SHIFT,
  LOGIN_OUT_OF_RESOURCES,
  LOGIN_SERVICE_UNAVAILABLE,
  LOGIN_SUCCESS,
  LOGIN_TARGET_NOT_FOUND,
  STAGE_FULL_FEATURE,
  STAGE_OPERATIONAL,
  STAGE_SECURITY,
} from "../../abi/iscsi.ts";
import { parseNumber, type TextKeys } from "../../iscsi/text.ts";
import { parseTargetAddress } from "./address.ts";
import { type ChapIdentity, ChapInitiator, printable } from "./chap.ts";
import { Agreement, type DigestWishes, missingDigest, offers, takeAnswers } from "./offers.ts";

/** Answers that a login may take; an honest target needs four. */
const STEPS_MAXIMUM = 16;
const CHAP = "CHAP";
const NONE = "None";

/** Who logs in where, and how. */
export interface LoginIdentity {
  readonly initiatorName: string;
  readonly targetName: string;
  readonly chap: ChapIdentity | undefined;
  readonly wishes: DigestWishes;
}

/** A Login Request to send. */
export interface LoginTurn {
  readonly stage: number;
  /** The stage that is to follow, when this side is done with the present one. */
  readonly nextStage: number | undefined;
  readonly pairs: readonly (readonly [string, string])[];
}

/** What a Login Response says. */
export interface LoginReply {
  readonly status: number;
  readonly stage: number;
  /** The stage that follows, when the target is done with the present one too. */
  readonly nextStage: number | undefined;
  readonly keys: TextKeys;
}

/** A login that has not come through. */
export class LoginFailure {
  readonly reason: string;
  /** Where the target wants its initiators instead. */
  readonly elsewhere: { readonly host: string; readonly port: number } | undefined;
  constructor(reason: string, elsewhere?: { host: string; port: number }) {
    this.reason = reason;
    this.elsewhere = elsewhere;
  }
}

/** What the people who configured it may do about a status. [RFC 7143] 11.13.5. */
const STATUS_TEXTS: ReadonlyMap<number, string> = new Map([
  [LOGIN_AUTHENTICATION_FAILURE, "the target refuses user and secret: check the CHAP settings of both sides"],
  [LOGIN_AUTHORIZATION_FAILURE, "the target does not let this initiator in: allow its initiatorName there"],
  [LOGIN_TARGET_NOT_FOUND, "the portal has no target of that name"],
  [LOGIN_SERVICE_UNAVAILABLE, "the target is not ready"],
  [LOGIN_OUT_OF_RESOURCES, "the target has no room for another session"],
]);

/** The login phase of a normal session, without its transport. [RFC 7143] 6.3. */
export class InitiatorLogin {
  readonly #identity: LoginIdentity;
  readonly agreement = new Agreement();
  /** TargetPortalGroupTag; undefined when the target does not tell it. */
  portalGroupTag: number | undefined;
  #steps = 0;
  #stage = STAGE_SECURITY;
  /** AuthMethod has been answered. */
  #methodChosen = false;
  #chap: ChapInitiator | undefined;
  #offered = false;

  constructor(identity: LoginIdentity) {
    this.#identity = identity;
  }

  begin(): LoginTurn {
    const { initiatorName, targetName, chap } = this.#identity;
    // A target without CHAP can't prove itself: where that is demanded, no other method will do.
    const methods = chap === undefined ? NONE : chap.mutualSecret === undefined ? `${CHAP},${NONE}` : CHAP;
    return {
      stage: STAGE_SECURITY,
      nextStage: chap === undefined ? STAGE_OPERATIONAL : undefined,
      pairs: [
        ["InitiatorName", initiatorName],
        ["SessionType", "Normal"],
        ["TargetName", targetName],
        ["AuthMethod", methods],
      ],
    };
  }

  /** Takes an answer. @returns what to send next, "done" in the full feature phase, or why not */
  step(reply: LoginReply): LoginTurn | "done" | LoginFailure {
    if (reply.status !== LOGIN_SUCCESS) return refusal(reply, this.#identity);
    if (this.#steps++ === STEPS_MAXIMUM) return new LoginFailure("the target's login does not come to an end");
    if (reply.stage !== this.#stage) return new LoginFailure(`the target answers in login stage ${reply.stage}`);
    const tag = parseNumber(reply.keys.get("TargetPortalGroupTag") ?? "");
    this.portalGroupTag = tag ?? this.portalGroupTag;
    return this.#stage === STAGE_SECURITY ? this.#security(reply) : this.#operational(reply);
  }

  #security({ keys, nextStage }: LoginReply): LoginTurn | "done" | LoginFailure {
    let pairs: readonly [string, string][] = [];
    let done = true;
    if (!this.#methodChosen) {
      const failure = this.#chooseMethod(keys.get("AuthMethod"));
      if (failure !== undefined) return failure;
      pairs = this.#chap?.begin() ?? [];
      done = this.#chap === undefined;
    } else if (this.#chap !== undefined) {
      const turn = this.#chap.step(keys);
      if ("failure" in turn) return new LoginFailure(turn.failure);
      ({ pairs, done } = turn);
    }
    if (nextStage === undefined)
      return { stage: STAGE_SECURITY, nextStage: done ? STAGE_OPERATIONAL : undefined, pairs };
    // It goes on while we have something to say, or where we did not want to go.
    if (!done || pairs.length > 0 || nextStage !== STAGE_OPERATIONAL)
      return new LoginFailure("the target leaves the security stage too early");
    this.#stage = STAGE_OPERATIONAL;
    return this.#operationalTurn([]);
  }

  #chooseMethod(method: string | undefined): LoginFailure | undefined {
    const { chap } = this.#identity;
    this.#methodChosen = true;
    if (method === CHAP && chap !== undefined) this.#chap = new ChapInitiator(chap);
    else if (method === CHAP) return new LoginFailure("the target wants CHAP: give a user and a secret");
    else if (chap?.mutualSecret !== undefined) return new LoginFailure("the target has no CHAP to prove itself by");
    else if (method !== NONE && method !== undefined)
      return new LoginFailure(`the target wants AuthMethod ${printable(method)}`);
    return undefined;
  }

  #operational({ keys, nextStage }: LoginReply): LoginTurn | "done" | LoginFailure {
    const { wishes } = this.#identity;
    const answers = takeAnswers(keys, this.agreement, wishes);
    if ("failure" in answers) return new LoginFailure(answers.failure);
    if (nextStage === undefined) return this.#operationalTurn(answers);
    if (nextStage !== STAGE_FULL_FEATURE) return new LoginFailure(`the target goes on to login stage ${nextStage}`);
    const missing = missingDigest(this.agreement, wishes);
    return missing === undefined ? "done" : new LoginFailure(missing);
  }

  #operationalTurn(answers: readonly [string, string][]): LoginTurn {
    const pairs = this.#offered ? answers : [...offers(this.#identity.wishes), ...answers];
    this.#offered = true;
    return { stage: STAGE_OPERATIONAL, nextStage: STAGE_FULL_FEATURE, pairs };
  }
}

function refusal({ status, keys }: LoginReply, { chap }: LoginIdentity): LoginFailure {
  const code = `login status ${status.toString(16).padStart(4, "0")}`;
  if (status >> LOGIN_CLASS_SHIFT === LOGIN_CLASS_REDIRECTION) {
    const address = keys.get("TargetAddress");
    const elsewhere = parseTargetAddress(address ?? "");
    return elsewhere === undefined
      ? new LoginFailure(`the target has moved to ${printable(address)}, which is no address (${code})`)
      : new LoginFailure(`the target has moved to ${printable(address)} (${code})`, elsewhere);
  }
  if (status === LOGIN_AUTHENTICATION_FAILURE && chap === undefined)
    return new LoginFailure(`the target wants CHAP: give a user and a secret (${code})`);
  return new LoginFailure(`${STATUS_TEXTS.get(status) ?? "the target refuses the login"} (${code})`);
}
