import { LENGTH_MAXIMUM, LENGTH_MINIMUM, Parameters } from "../../iscsi/parameters.ts";
import { parseNumber, type TextKeys } from "../../iscsi/text.ts";
import { printable } from "./chap.ts";

/** What this side takes in one PDU, and would like to send and be sent. Bytes. */
export const RECEIVE_MAXIMUM = 262_144;
const BURST_WANTED = 1_048_576;
const FIRST_BURST_WANTED = 262_144;
const OUTSTANDING_R2T_WANTED = 4;
/** Seconds. [RFC 7143] 13.15. */
const DEFAULT_TIME_TO_WAIT = 2;
const TIME_MAXIMUM = 3600;

/** Which digests must be. Where they need not, the target may still ask for them. */
export interface DigestWishes {
  readonly headerDigest: boolean;
  readonly dataDigest: boolean;
}

/** What a session has agreed on, seen from the initiator. */
export class Agreement {
  readonly parameters = new Parameters();
  /** Seconds to wait before the session is made again after a loss. */
  timeToWait = DEFAULT_TIME_TO_WAIT;
}

interface Offer {
  /** The value that is offered or declared. */
  value(wishes: DigestWishes): string;
  /** Takes the target's answer. @returns false when it can't be */
  accept(answer: string, agreement: Agreement, wishes: DigestWishes): boolean;
}

type NumberName = "maxConnections" | "maxBurstLength" | "firstBurstLength" | "maxOutstandingR2T";

/** Digests: the target picks one of the list. [RFC 7143] 13.1. */
function digest(name: "headerDigest" | "dataDigest"): Offer {
  return {
    value: (wishes) => (wishes[name] ? "CRC32C" : "None,CRC32C"),
    accept(answer, { parameters }, wishes) {
      parameters[name] = answer === "CRC32C";
      return answer === "CRC32C" || (answer === "None" && !wishes[name]);
    },
  };
}

/** Numbers of which the smaller counts. */
function smaller(name: NumberName, offered: number, minimum: number): Offer {
  return {
    value: () => String(offered),
    accept(answer, { parameters }) {
      const value = parseNumber(answer);
      if (value === undefined || value < minimum || value > offered) return false;
      parameters[name] = value;
      return true;
    },
  };
}

function yesOrNo(offered: "Yes" | "No", take: (agreement: Agreement, yes: boolean) => boolean): Offer {
  return {
    value: () => offered,
    accept: (answer, agreement) => (answer === "Yes" || answer === "No") && take(agreement, answer === "Yes"),
  };
}

/** Every key that we negotiate. [RFC 7143] clause 13. */
const OFFERS: ReadonlyMap<string, Offer> = new Map<string, Offer>([
  ["HeaderDigest", digest("headerDigest")],
  ["DataDigest", digest("dataDigest")],
  ["MaxConnections", smaller("maxConnections", 1, 1)],
  [
    "InitialR2T",
    yesOrNo("No", ({ parameters }, yes) => {
      parameters.initialR2T = yes;
      return true;
    }),
  ],
  [
    "ImmediateData",
    yesOrNo("Yes", ({ parameters }, yes) => {
      parameters.immediateData = yes;
      return true;
    }),
  ],
  [
    "MaxRecvDataSegmentLength",
    {
      value: () => String(RECEIVE_MAXIMUM),
      accept(answer, { parameters }) {
        const value = parseNumber(answer);
        if (value === undefined || value < LENGTH_MINIMUM || value > LENGTH_MAXIMUM) return false;
        parameters.sendDataMaximum = value;
        return true;
      },
    },
  ],
  ["MaxBurstLength", smaller("maxBurstLength", BURST_WANTED, LENGTH_MINIMUM)],
  ["FirstBurstLength", smaller("firstBurstLength", FIRST_BURST_WANTED, LENGTH_MINIMUM)],
  ["MaxOutstandingR2T", smaller("maxOutstandingR2T", OUTSTANDING_R2T_WANTED, 1)],
  [
    "DefaultTime2Wait",
    {
      value: () => "0",
      accept(answer, agreement) {
        const value = parseNumber(answer);
        if (value === undefined || value > TIME_MAXIMUM) return false;
        agreement.timeToWait = value;
        return true;
      },
    },
  ],
  // Tasks do not outlive their connection at error recovery level 0: nothing is there to be retained.
  ["DefaultTime2Retain", { value: () => "0", accept: (answer) => parseNumber(answer) === 0 }],
  ["DataPDUInOrder", yesOrNo("Yes", (_agreement, yes) => yes)],
  ["DataSequenceInOrder", yesOrNo("Yes", (_agreement, yes) => yes)],
  ["ErrorRecoveryLevel", { value: () => "0", accept: (answer) => parseNumber(answer) === 0 }],
]);

/** Keys that a target declares without being asked. */
const DECLARED: ReadonlySet<string> = new Set(["TargetAlias", "TargetAddress", "TargetPortalGroupTag"]);
/** What is said to a key that is not understood. A target that does not understand a key of ours leaves it at its default. */
const NOT_UNDERSTOOD = "NotUnderstood";
const NO_VALUE: ReadonlySet<string> = new Set([NOT_UNDERSTOOD, "Irrelevant"]);

/** Everything that is offered, in the table's order. */
export function offers(wishes: DigestWishes): [string, string][] {
  return [...OFFERS].map(([key, offer]) => [key, offer.value(wishes)]);
}

/**
 * Takes the target's operational keys.
 * @returns what is to be answered to keys of its own, or why the login can't go on
 */
export function takeAnswers(
  keys: TextKeys,
  agreement: Agreement,
  wishes: DigestWishes,
): [string, string][] | { readonly failure: string } {
  const answers: [string, string][] = [];
  for (const [key, value] of keys) {
    if (DECLARED.has(key) || NO_VALUE.has(value)) continue;
    const offer = OFFERS.get(key);
    if (offer === undefined) answers.push([key, NOT_UNDERSTOOD]);
    else if (!offer.accept(value, agreement, wishes))
      return { failure: `the target answers ${key}=${offer.value(wishes)} with ${printable(value)}` };
  }
  return answers;
}

/** What must have been agreed on, once all is said. @returns why it is not, or undefined */
export function missingDigest({ parameters }: Agreement, wishes: DigestWishes): string | undefined {
  if (wishes.headerDigest && !parameters.headerDigest) return "the target has no header digest";
  if (wishes.dataDigest && !parameters.dataDigest) return "the target has no data digest";
  return undefined;
}
