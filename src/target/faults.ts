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
import type { Violation } from "./violations.ts";

/** What a fault that the core found in an IU leads to: the end of the connection, or an answer with sense data. */
export const FAULT_OUTCOMES: ReadonlyMap<number, Violation | Sense> = new Map<number, Violation | Sense>([
  // Beyond repair: the tag is unknown, or the sender does not keep to the protocol.
  [FAULT_IU_LENGTH, "iu-length"], // [protocol] 2.4
  [FAULT_IU_FETCH, "iu-fetch"], // [protocol] 1.8, once a ping has shown that the client lives
  [FAULT_IU_SHORT, "iu-short"], // [SRP] r16a 6.1
  [FAULT_IU_TYPE, "iu-type"], // [protocol] 6.5, unknown opcode
  [FAULT_ADDITIONAL_CDB, "additional-cdb"], // [protocol] 3.6, 6.5
  [FAULT_TASK_ATTRIBUTE, "task-attribute"], // [protocol] 6.5; [SAM-5] 8.9
  // The tag is known and the connection sound: the command alone is refused.
  [FAULT_BIDIRECTIONAL, INVALID_FIELD_IN_CDB], // [protocol] 3.6
  [FAULT_DESCRIPTOR_FORMAT, INVALID_FIELD_IN_CDB], // [SRP] r16a 5.6.2
  [FAULT_DESCRIPTOR_BOUNDS, INVALID_FIELD_IN_CDB], // [protocol] 12, item 6
  [FAULT_TABLE_LENGTH, INVALID_FIELD_IN_CDB], // [protocol] 3.7
  [FAULT_EXTENT_COUNT, INVALID_FIELD_IN_CDB], // our own limit
  // The client's memory refused: a data phase that did not take place.
  [FAULT_TABLE_FETCH, DATA_PHASE_ERROR], // [protocol] 6.5
  [FAULT_EXTENT_PERMISSION, DATA_PHASE_ERROR], // [protocol] 6.5
]);
