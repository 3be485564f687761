import { RESERVED_TAG } from "../../abi/iscsi.ts";
import type { Parameters } from "../../iscsi/parameters.ts";
import { formatText, parseText } from "../../iscsi/text.ts";
import { negotiateAll, type Preferences } from "./negotiation.ts";
import type { Responses } from "./responses.ts";
import type { Session } from "./session.ts";

/** Text of one request, all its parts together. */
const TEXT_MAXIMUM = 0x4000;
const SEND_TARGETS: ReadonlySet<string> = new Set(["SendTargets"]);

export interface TextExchangeOptions {
  readonly session: Session;
  readonly parameters: Parameters;
  readonly preferences: Preferences;
  readonly responses: Responses;
  /** Pairs that tell the targets which `name` picks, all of them when it is "All". */
  sendTargets(name: string): Iterable<readonly [string, string]>;
}

/** Text requests of the full feature phase: SendTargets, and keys that may be declared again. [RFC 7143] 11.10, 11.11. */
export class TextExchange {
  readonly #options: TextExchangeOptions;
  #asked: Uint8Array[] = [];
  #askedLength = 0;
  /** What is left of a long answer, and the tag under which it is asked for. */
  #rest: Buffer = Buffer.alloc(0);
  #tag = 0;

  constructor(options: TextExchangeOptions) {
    this.#options = options;
  }

  /** Takes one Text Request. @returns false when it makes no sense: reject it */
  request(itt: number, tag: number, continued: boolean, text: Uint8Array): boolean {
    if (tag !== RESERVED_TAG) return this.#more(itt, tag, text);
    this.#askedLength += text.length;
    if (this.#askedLength > TEXT_MAXIMUM) return this.#forget(false);
    this.#asked.push(text);
    if (continued) {
      // An empty answer asks for the next part.
      this.#options.responses.text(itt, this.#nextTag(), Buffer.alloc(0));
      return true;
    }
    return this.#answer(itt);
  }

  #more(itt: number, tag: number, text: Uint8Array): boolean {
    if (tag !== this.#tag) return this.#forget(false);
    if (this.#rest.length > 0) {
      this.#send(itt);
      return true;
    }
    this.#askedLength += text.length;
    if (this.#askedLength > TEXT_MAXIMUM) return this.#forget(false);
    this.#asked.push(text);
    return this.#answer(itt);
  }

  #answer(itt: number): boolean {
    const keys = parseText(Buffer.concat(this.#asked));
    this.#forget(true);
    if (keys === undefined) return false;
    const { session, parameters, preferences } = this.#options;
    const phase = { leading: false, discovery: session.discovery, fullFeature: true };
    const answers = negotiateAll(keys, SEND_TARGETS, phase, parameters, preferences);
    const wanted = keys.get("SendTargets");
    const targets = wanted === undefined ? [] : this.#options.sendTargets(wanted);
    this.#rest = formatText([...targets, ...answers]);
    this.#send(itt);
    return true;
  }

  /** As much as fits into one PDU. */
  #send(itt: number): void {
    const { parameters, responses } = this.#options;
    const part = this.#rest.subarray(0, parameters.sendDataMaximum);
    this.#rest = this.#rest.subarray(part.length);
    responses.text(itt, this.#rest.length > 0 ? this.#nextTag() : RESERVED_TAG, part);
  }

  #nextTag(): number {
    this.#tag = (this.#tag + 1) % RESERVED_TAG;
    return this.#tag;
  }

  #forget(result: boolean): boolean {
    this.#asked = [];
    this.#askedLength = 0;
    this.#rest = Buffer.alloc(0);
    return result;
  }
}
