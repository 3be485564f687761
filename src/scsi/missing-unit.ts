import { INQUIRY, REQUEST_SENSE } from "../abi/scsi.ts";
import { answerWith, checkCondition, INVALID_FIELD_IN_CDB, LOGICAL_UNIT_NOT_SUPPORTED } from "./sense.ts";
import { SENSE_LENGTH_MOST, writeSense } from "./sense-data.ts";
import type { ScsiTask } from "./task.ts";
import { cdb8, cdb16 } from "./task-access.ts";

const INQUIRY_LENGTH = 36;
/** Peripheral qualifier 011b, device type 1Fh: nothing can stand here. [SPC-4] 6.6.2. */
const NOT_CAPABLE = 0x7f;
const EVPD = 1;
/** REQUEST SENSE: descriptor format. [SPC-4] 6.39. */
const DESC = 1;

/** What an address without a logical unit answers. [SPC-4] 6.6.2: INQUIRY and REQUEST SENSE succeed all the same. */
export function executeAbsent(task: ScsiTask) {
  const opcode = cdb8(task, 0);
  if (opcode === INQUIRY) {
    if ((cdb8(task, 1) & EVPD) !== 0) return checkCondition(task, INVALID_FIELD_IN_CDB);
    const data = new Uint8Array(INQUIRY_LENGTH);
    data[0] = NOT_CAPABLE;
    data[4] = INQUIRY_LENGTH - 5;
    return answerWith(task, data, cdb16(task, 3));
  }
  if (opcode !== REQUEST_SENSE) return checkCondition(task, LOGICAL_UNIT_NOT_SUPPORTED);
  const descriptor = (cdb8(task, 1) & DESC) !== 0;
  const data = new Uint8Array(SENSE_LENGTH_MOST);
  const length = writeSense(data, descriptor, LOGICAL_UNIT_NOT_SUPPORTED);
  answerWith(task, data.subarray(0, length), cdb8(task, 4));
}
