/** What the portal allows its peers. Time-outs are milliseconds, lengths bytes. */
export interface IscsiLimits {
  /** Sessions that may be there at a time, discovery included. */
  readonly sessions: number;
  /** TCP connections, those that have not logged in included. */
  readonly connections: number;
  /** Connections of one session. */
  readonly connectionsPerSession: number;
  /** Commands that a session may have outstanding. */
  readonly queueDepth: number;
  /** MaxRecvDataSegmentLength that we declare. */
  readonly maxRecvDataSegmentLength: number;
  readonly maxBurstLength: number;
  readonly firstBurstLength: number;
  readonly maxOutstandingR2T: number;
  /** A connection has to be logged in after this. */
  readonly loginTimeout: number;
  /** After so long without a PDU the initiator is asked whether it is there. */
  readonly idleTimeout: number;
  /** So long it may take to answer. */
  readonly pingTimeout: number;
  /** So long an initiator may take to log out when the target stops. */
  readonly logoutTimeout: number;
}

export const DEFAULT_LIMITS: IscsiLimits = {
  sessions: 64,
  connections: 128,
  connectionsPerSession: 4,
  queueDepth: 128,
  maxRecvDataSegmentLength: 262_144,
  maxBurstLength: 1_048_576,
  firstBurstLength: 262_144,
  maxOutstandingR2T: 4,
  loginTimeout: 15_000,
  idleTimeout: 30_000,
  pingTimeout: 15_000,
  logoutTimeout: 3_000,
};
