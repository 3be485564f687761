import { LENGTH_MAXIMUM, LENGTH_MINIMUM, type Parameters } from "../../iscsi/parameters.ts";
import { parseList, parseNumber, type TextKeys } from "../../iscsi/text.ts";

/** What this side wants. */
export interface Preferences {
  readonly maxConnections: number;
  readonly maxBurstLength: number;
  readonly firstBurstLength: number;
  readonly maxOutstandingR2T: number;
  /** What we declare. */
  readonly maxRecvDataSegmentLength: number;
}

/** Values that answer for a key instead of one of its own. [RFC 7143] 6.2. */
const REJECTED = "Reject";
const IRRELEVANT = "Irrelevant";
const NOT_UNDERSTOOD = "NotUnderstood";

interface KeyRule {
  /** Negotiated by the leading connection, for the whole session. */
  readonly leadingOnly: boolean;
  /** Has a meaning in discovery sessions. */
  readonly discovery: boolean;
  /** May be declared again in the full feature phase. */
  readonly fullFeature: boolean;
  /** @returns the answer, REJECTED for a value that can't be, undefined for a declaration that needs none */
  negotiate(value: string, parameters: Parameters, ours: Preferences): string | undefined;
}

type FlagName = "initialR2T" | "immediateData";
type NumberName = "maxConnections" | "maxBurstLength" | "firstBurstLength" | "maxOutstandingR2T";

const SESSION = { leadingOnly: true, discovery: false, fullFeature: false } as const;
const EVERY_CONNECTION = { leadingOnly: false, discovery: true, fullFeature: false } as const;

function yesOrNo(value: boolean): string {
  return value ? "Yes" : "No";
}

/** Boolean keys: the answer is the result. [RFC 7143] 6.2.2. */
function flag(combine: (theirs: boolean) => boolean, name?: FlagName): KeyRule {
  return {
    ...SESSION,
    negotiate(value, parameters) {
      if (value !== "Yes" && value !== "No") return REJECTED;
      const result = combine(value === "Yes");
      if (name !== undefined) parameters[name] = result;
      return yesOrNo(result);
    },
  };
}

/** Numerical keys whose result is the smaller value. */
function smaller(minimum: number, maximum: number, name: NumberName): KeyRule {
  return {
    ...SESSION,
    negotiate(value, parameters, ours) {
      const theirs = parseNumber(value);
      if (theirs === undefined || theirs < minimum || theirs > maximum) return REJECTED;
      parameters[name] = Math.min(theirs, ours[name]);
      return String(parameters[name]);
    },
  };
}

/** Numerical keys whose result does not matter here: ours is a constant of error recovery level 0. */
function constant(minimum: number, maximum: number, result: (theirs: number) => number, discovery = true): KeyRule {
  return {
    ...SESSION,
    discovery,
    negotiate(value) {
      const theirs = parseNumber(value);
      return theirs === undefined || theirs < minimum || theirs > maximum ? REJECTED : String(result(theirs));
    },
  };
}

/** Digests: the first of the initiator's that is known here. [RFC 7143] 13.1. */
function digest(name: "headerDigest" | "dataDigest"): KeyRule {
  return {
    ...EVERY_CONNECTION,
    negotiate(value, parameters) {
      const choice = parseList(value).find((known) => known === "CRC32C" || known === "None");
      if (choice === undefined) return REJECTED;
      parameters[name] = choice === "CRC32C";
      return choice;
    },
  };
}

/** Markers are gone from the protocol, and must not be answered with NotUnderstood. [RFC 7143] 13.25. */
function obsolete(answer: string): KeyRule {
  return { ...EVERY_CONNECTION, negotiate: () => answer };
}

const NOT_ANSWERED: KeyRule = { ...EVERY_CONNECTION, negotiate: () => undefined };

/** Every operational key. [RFC 7143] clause 13, [RFC 7144] 7.1. */
const KEYS: ReadonlyMap<string, KeyRule> = new Map<string, KeyRule>([
  ["HeaderDigest", digest("headerDigest")],
  ["DataDigest", digest("dataDigest")],
  ["MaxConnections", smaller(1, 65_535, "maxConnections")],
  ["InitialR2T", flag((theirs) => theirs, "initialR2T")],
  ["ImmediateData", flag((theirs) => theirs, "immediateData")],
  [
    "MaxRecvDataSegmentLength",
    {
      ...EVERY_CONNECTION,
      fullFeature: true,
      negotiate(value, parameters) {
        const length = parseNumber(value);
        if (length === undefined || length < LENGTH_MINIMUM || length > LENGTH_MAXIMUM) return REJECTED;
        parameters.sendDataMaximum = length;
        return undefined;
      },
    },
  ],
  ["MaxBurstLength", smaller(LENGTH_MINIMUM, LENGTH_MAXIMUM, "maxBurstLength")],
  ["FirstBurstLength", smaller(LENGTH_MINIMUM, LENGTH_MAXIMUM, "firstBurstLength")],
  // A new session takes an old one's place at once: nobody needs to wait for that.
  ["DefaultTime2Wait", constant(0, 3600, (theirs) => theirs)],
  // Tasks do not outlive their connection at error recovery level 0.
  ["DefaultTime2Retain", constant(0, 3600, () => 0)],
  ["MaxOutstandingR2T", smaller(1, 65_535, "maxOutstandingR2T")],
  ["DataPDUInOrder", flag(() => true)],
  ["DataSequenceInOrder", flag(() => true)],
  ["ErrorRecoveryLevel", constant(0, 2, () => 0)],
  [
    "TaskReporting",
    { ...SESSION, negotiate: (value) => (parseList(value).includes("RFC3720") ? "RFC3720" : REJECTED) },
  ],
  ["iSCSIProtocolLevel", constant(0, 31, (theirs) => Math.min(theirs, 1))],
  ["IFMarker", obsolete("No")],
  ["OFMarker", obsolete("No")],
  ["IFMarkInt", obsolete(IRRELEVANT)],
  ["OFMarkInt", obsolete(IRRELEVANT)],
  ["InitiatorAlias", { ...NOT_ANSWERED, fullFeature: true }],
]);

export interface Phase {
  readonly leading: boolean;
  readonly discovery: boolean;
  readonly fullFeature: boolean;
}

/**
 * Negotiates one operational key. @returns the answer, or undefined when the key wants none. A key that no table has is
 * answered with NotUnderstood. [RFC 7143] 6.2
 */
export function negotiate(
  key: string,
  value: string,
  phase: Phase,
  parameters: Parameters,
  ours: Preferences,
): string | undefined {
  const rule = KEYS.get(key);
  if (rule === undefined) return NOT_UNDERSTOOD;
  if (phase.discovery && !rule.discovery) return IRRELEVANT;
  if (phase.fullFeature ? !rule.fullFeature : rule.leadingOnly && !phase.leading) return REJECTED;
  return rule.negotiate(value, parameters, ours);
}

/** Negotiates every key of a text that is not among `others`. */
export function negotiateAll(
  keys: TextKeys,
  others: ReadonlySet<string>,
  phase: Phase,
  parameters: Parameters,
  ours: Preferences,
): [string, string][] {
  const answers: [string, string][] = [];
  for (const [key, value] of keys) {
    if (others.has(key)) continue;
    const answer = negotiate(key, value, phase, parameters, ours);
    if (answer !== undefined) answers.push([key, answer]);
  }
  return answers;
}
