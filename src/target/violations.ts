/**
 * Why we end a connection that the client broke: the CRQ is freed and registered anew. The key is the stable code in the
 * log, the text is for people.
 */
export const VIOLATIONS = {
  "init-while-open": "the client sent an initialization message on an open connection",
  "init-unanswered": "the client's INIT could not be answered: its queue does not take entries",
  "entry-unknown": "the client sent an entry with a reserved header or format",
  "iu-length": "the entry's IU length is 0 or more than 256",
  "iu-fetch": "the IU could not be read from the client's memory",
  "iu-short": "the IU is shorter than its type demands",
  "iu-type": "the IU's type is not one that a client sends",
  "additional-cdb": "reserved bits of the additional CDB length are set",
  "task-attribute": "the task attribute is reserved",
  "mad-while-mad": "a second management datagram came while one was being answered",
  "mad-copy": "a management datagram's buffer could not be reached",
  "srp-before-login": "an SRP request came before login",
  "logout-outstanding": "the client logged out with requests outstanding",
  "credit-overrun": "more requests are outstanding than the client was granted",
  "response-copy": "a response could not be written where its request came from",
  "ping-unanswered": "a ping could not be answered: the client's queue does not take entries",
  "unexpected-response-iu": "the client sent a CRED_RSP or AER_RSP for nothing we asked",
} as const;

export type Violation = keyof typeof VIOLATIONS;

/** Why a connection ended by itself: the CRQ is kept and the client's next INIT awaited. [protocol] 6.3. */
export const LOSSES = {
  "transport-event": "the client's side of the connection is gone",
  "client-dead": "the client's queue is closed",
} as const;

export type Loss = keyof typeof LOSSES;
