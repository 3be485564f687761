import {
  KIND_EVENT,
  KIND_INIT,
  KIND_INIT_COMPLETE,
  KIND_MAD,
  KIND_MESSAGE,
  KIND_SRP,
  KIND_UNKNOWN,
} from "../abi/records.ts";

/**
 * States of the connection. [LoPAR] app_virtual_scsi; [protocol] 2.7, 6.6.
 * `closed`: no CRQ registered. `waiting`: registered, INIT sent or awaited. `connected`: MADs and login allowed.
 * `logged-in`: SRP requests flow. `draining`: the client went away or was disconnected, and tasks are still under way.
 */
export type ConnectionState = "closed" | "waiting" | "connected" | "logged-in" | "draining";

/**
 * What an entry leads to. `stale`: left over from before a transport event, ignored. `drop`: the rest of a batch whose
 * connection has just ended. `crossing`: the COMPLETE to an INIT of ours that met the client's on the way, a violation
 * when none is owed.
 */
type Reaction =
  | "answer-init"
  | "open"
  | "crossing"
  | "init-while-open"
  | "client-gone"
  | "message"
  | "mad"
  | "srp"
  | "stale"
  | "unknown"
  | "drop";

type Row = Readonly<Record<number, Reaction>>;

const DROP: Row = {};
const OPEN: Row = {
  [KIND_INIT]: "init-while-open",
  [KIND_INIT_COMPLETE]: "crossing",
  [KIND_EVENT]: "client-gone",
  [KIND_MESSAGE]: "message",
  [KIND_MAD]: "mad",
  [KIND_SRP]: "srp",
  [KIND_UNKNOWN]: "unknown",
};

/** The table of [protocol] 2.7: a row a state, a column a kind of entry. */
const TRANSITIONS: Readonly<Record<ConnectionState, Row>> = {
  closed: DROP,
  waiting: {
    [KIND_INIT]: "answer-init",
    [KIND_INIT_COMPLETE]: "open",
    [KIND_EVENT]: "client-gone",
    [KIND_MESSAGE]: "message",
    [KIND_MAD]: "stale",
    [KIND_SRP]: "stale",
    [KIND_UNKNOWN]: "stale",
  },
  connected: OPEN,
  "logged-in": OPEN,
  draining: DROP,
};

/** @param kind a slot's KIND_* */
export function react(state: ConnectionState, kind: number): Reaction {
  return TRANSITIONS[state][kind] ?? "drop";
}
