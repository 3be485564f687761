import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { ALGORITHM_MD5, chapResponse, formatBinary, parseBinary, RESPONSE_LENGTH } from "../../iscsi/chap-response.ts";
import { parseList, parseNumber, type TextKeys } from "../../iscsi/text.ts";

const CHALLENGE_LENGTH = 16;

/** Who may come in, and as whom the target shows itself when asked. */
export interface ChapCredentials {
  readonly user: string;
  readonly secret: string;
  readonly mutualUser?: string | undefined;
  readonly mutualSecret?: string | undefined;
}

type Pairs = [string, string][];

/** What CHAP makes of a login's keys: an answer, or why it ends. */
export type ChapStep = { answer: Pairs; done: boolean } | { failure: string };

/** One CHAP exchange: algorithm, challenge, response. A challenge is used once. [RFC 7143] 12.1.3, [RFC 1994]. */
export class ChapExchange {
  readonly #credentials: ChapCredentials;
  readonly #identifier = randomBytes(1);
  readonly #challenge = randomBytes(CHALLENGE_LENGTH);
  #challenged = false;

  constructor(credentials: ChapCredentials) {
    this.#credentials = credentials;
  }

  step(keys: TextKeys): ChapStep {
    return this.#challenged ? this.#response(keys) : this.#algorithm(keys);
  }

  #algorithm(keys: TextKeys): ChapStep {
    const algorithms = keys.get("CHAP_A");
    if (algorithms === undefined) return { answer: [], done: false };
    if (!parseList(algorithms).includes(ALGORITHM_MD5))
      return { failure: `no CHAP algorithm of ${algorithms} is known` };
    this.#challenged = true;
    return {
      answer: [
        ["CHAP_A", ALGORITHM_MD5],
        ["CHAP_I", String(this.#identifier[0])],
        ["CHAP_C", formatBinary(this.#challenge)],
      ],
      done: false,
    };
  }

  #response(keys: TextKeys): ChapStep {
    const name = keys.get("CHAP_N");
    const response = parseBinary(keys.get("CHAP_R"));
    if (name === undefined || response?.length !== RESPONSE_LENGTH) return { failure: "CHAP response is malformed" };
    const { user, secret } = this.#credentials;
    // Both are compared whatever the first comparison says: the time taken tells nothing.
    const rightUser = sameText(name, user);
    const rightResponse = timingSafeEqual(response, chapResponse(this.#identifier, secret, this.#challenge));
    if (!rightUser || !rightResponse) return { failure: "CHAP user or secret is wrong" };
    return this.#proveOurselves(keys);
  }

  /** Mutual CHAP: the initiator challenges us. */
  #proveOurselves(keys: TextKeys): ChapStep {
    const asked = keys.get("CHAP_I");
    if (asked === undefined && !keys.has("CHAP_C")) return { answer: [], done: true };
    const { mutualUser, mutualSecret } = this.#credentials;
    if (mutualUser === undefined || mutualSecret === undefined)
      return { failure: "the initiator wants mutual CHAP, which this target has no secret for" };
    const identifier = parseNumber(asked ?? "");
    const challenge = parseBinary(keys.get("CHAP_C"));
    if (identifier === undefined || identifier > 0xff || challenge === undefined)
      return { failure: "CHAP challenge is malformed" };
    // A challenge of ours that comes back would make us tell our own answer. [RFC 7143] 12.1.3.
    if (challenge.equals(this.#challenge)) return { failure: "CHAP challenge is our own, reflected" };
    const response = chapResponse(Buffer.of(identifier), mutualSecret, challenge);
    return {
      answer: [
        ["CHAP_N", mutualUser],
        ["CHAP_R", formatBinary(response)],
      ],
      done: true,
    };
  }
}

function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text, "utf8").digest();
  return timingSafeEqual(digest(a), digest(b));
}
