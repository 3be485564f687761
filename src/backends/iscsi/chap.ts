import { randomBytes, timingSafeEqual } from "node:crypto";
import { ALGORITHM_MD5, chapResponse, formatBinary, parseBinary, RESPONSE_LENGTH } from "../../iscsi/chap-response.ts";
import { parseNumber, type TextKeys } from "../../iscsi/text.ts";

const CHALLENGE_LENGTH = 16;
const IDENTIFIER_MAXIMUM = 0xff;

/** As whom we come, and how the target has to show that it is the right one. */
export interface ChapIdentity {
  readonly user: string;
  readonly secret: string;
  /** Name that the target has to give; any, unless told. */
  readonly mutualUser?: string | undefined;
  /** With it the target has to prove itself too. */
  readonly mutualSecret?: string | undefined;
}

/** What the initiator says next; `done` when its part ends with that. Or why the login ends. */
type ChapTurn = { readonly pairs: readonly [string, string][]; readonly done: boolean } | { failure: string };

/** The initiator's side of one CHAP exchange. [RFC 7143] 12.1.3, [RFC 1994]. */
export class ChapInitiator {
  readonly #identity: ChapIdentity;
  readonly #identifier = randomBytes(1);
  readonly #challenge = randomBytes(CHALLENGE_LENGTH);
  #answered = false;

  constructor(identity: ChapIdentity) {
    this.#identity = identity;
  }

  /** The first keys. */
  begin(): [string, string][] {
    return [["CHAP_A", ALGORITHM_MD5]];
  }

  /** Takes the target's keys. */
  step(keys: TextKeys): ChapTurn {
    return this.#answered ? this.#judge(keys) : this.#answer(keys);
  }

  #answer(keys: TextKeys): ChapTurn {
    const algorithm = keys.get("CHAP_A");
    if (algorithm !== ALGORITHM_MD5) return { failure: `the target wants CHAP algorithm ${printable(algorithm)}` };
    const identifier = parseNumber(keys.get("CHAP_I") ?? "");
    const challenge = parseBinary(keys.get("CHAP_C"));
    if (identifier === undefined || identifier > IDENTIFIER_MAXIMUM || challenge === undefined)
      return { failure: "the target's CHAP challenge is malformed" };
    this.#answered = true;
    const { user, secret, mutualSecret } = this.#identity;
    const pairs: [string, string][] = [
      ["CHAP_N", user],
      ["CHAP_R", formatBinary(chapResponse(Buffer.of(identifier), secret, challenge))],
    ];
    if (mutualSecret !== undefined)
      pairs.push(["CHAP_I", String(this.#identifier[0])], ["CHAP_C", formatBinary(this.#challenge)]);
    return { pairs, done: true };
  }

  /** Mutual CHAP: whether the target knows its secret. */
  #judge(keys: TextKeys): ChapTurn {
    const { mutualUser, mutualSecret } = this.#identity;
    if (mutualSecret === undefined) return { pairs: [], done: true };
    const response = parseBinary(keys.get("CHAP_R"));
    const name = keys.get("CHAP_N");
    if (name === undefined || response?.length !== RESPONSE_LENGTH)
      return { failure: "the target did not prove itself, as mutual CHAP demands" };
    if (!timingSafeEqual(response, chapResponse(this.#identifier, mutualSecret, this.#challenge)))
      return { failure: "the target does not know its mutual CHAP secret" };
    if (mutualUser !== undefined && name !== mutualUser)
      return { failure: `the target calls itself ${printable(name)}, not ${mutualUser}` };
    return { pairs: [], done: true };
  }
}

/** A target's text, fit for a log. */
export function printable(text: string | undefined): string {
  return `"${(text ?? "").slice(0, 255).replace(/[^\x20-\x7e]/g, "?")}"`;
}
