import {
  FAULT_ADDITIONAL_CDB,
  FAULT_BIDIRECTIONAL,
  FAULT_DESCRIPTOR_BOUNDS,
  FAULT_DESCRIPTOR_FORMAT,
  FAULT_EXTENT_COUNT,
  FAULT_EXTENT_PERMISSION,
  FAULT_IU_FETCH,
  FAULT_IU_LENGTH,
  FAULT_IU_SHORT,
  FAULT_IU_TYPE,
  FAULT_TABLE_FETCH,
  FAULT_TABLE_LENGTH,
  FAULT_TASK_ATTRIBUTE,
} from "../abi/records.ts";
import { DATA_PHASE_ERROR, INVALID_FIELD_IN_CDB, type Sense } from "../scsi/sense.ts";

/** Why a connection was ended by us. The key is the stable code in the log, the text is for people. */
export const VIOLATIONS = {
  "init-while-open": "the client sent an initialization message on an open connection",
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
  "credit-overrun": "more requests are outstanding than the client was granted",
  "response-copy": "a response could not be written where its request came from",
  "unexpected-response-iu": "the client sent a CRED_RSP or AER_RSP for nothing we asked",
} as const;

export type Violation = keyof typeof VIOLATIONS;

/** What a fault in an SRP IU leads to: the end of the connection, or an answer with sense data. One row a fault. */
export const FAULT_OUTCOMES: ReadonlyMap<number, Violation | Sense> = new Map<number, Violation | Sense>([
  [FAULT_IU_LENGTH, "iu-length"],
  [FAULT_IU_FETCH, "iu-fetch"],
  [FAULT_IU_SHORT, "iu-short"],
  [FAULT_IU_TYPE, "iu-type"],
  [FAULT_ADDITIONAL_CDB, "additional-cdb"],
  [FAULT_TASK_ATTRIBUTE, "task-attribute"],
  // The tag is known and the connection sound: the command alone is refused.
  [FAULT_BIDIRECTIONAL, INVALID_FIELD_IN_CDB],
  [FAULT_DESCRIPTOR_FORMAT, INVALID_FIELD_IN_CDB],
  [FAULT_DESCRIPTOR_BOUNDS, INVALID_FIELD_IN_CDB],
  [FAULT_TABLE_LENGTH, INVALID_FIELD_IN_CDB],
  [FAULT_TABLE_FETCH, DATA_PHASE_ERROR],
  [FAULT_EXTENT_COUNT, INVALID_FIELD_IN_CDB],
  [FAULT_EXTENT_PERMISSION, DATA_PHASE_ERROR],
]);
