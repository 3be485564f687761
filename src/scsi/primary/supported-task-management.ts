import type { DeviceServer } from "../device-server.ts";
import { answerWith } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb32 } from "../task-access.ts";

const RETURN_EXTENDED = 0x80;
/** ATS, ATSS, CACAS, CTSS, LURS: what `LogicalUnit` can be asked for. */
const ABORT_TASK = 0x80;
const ABORT_TASK_SET = 0x40;
const CLEAR_ACA = 0x20;
const CLEAR_TASK_SET = 0x10;
const LOGICAL_UNIT_RESET = 0x08;
const SUPPORTED = ABORT_TASK | ABORT_TASK_SET | CLEAR_ACA | CLEAR_TASK_SET | LOGICAL_UNIT_RESET;
const BASIC_LENGTH = 4;
const EXTENDED_LENGTH = 16;
// TMFTMOV says that timeouts are told, in units of 100 ms; the short one is for what waits for no store.
const TIMEOUTS_VALID = 0x01;
const LONG_TIMEOUT = 300;
const SHORT_TIMEOUT = 100;

/** REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS. [SPC-4] 6.36. */
export function reportSupportedTaskManagement(_unit: DeviceServer, task: ScsiTask) {
  const extended = (cdb8(task, 2) & RETURN_EXTENDED) !== 0;
  const data = new DataView(new ArrayBuffer(extended ? EXTENDED_LENGTH : BASIC_LENGTH));
  data.setUint8(0, SUPPORTED);
  if (extended) {
    data.setUint8(3, EXTENDED_LENGTH - BASIC_LENGTH);
    data.setUint8(4, TIMEOUTS_VALID);
    data.setUint8(6, CLEAR_ACA);
    data.setUint32(8, LONG_TIMEOUT);
    data.setUint32(12, SHORT_TIMEOUT);
  }
  answerWith(task, new Uint8Array(data.buffer), cdb32(task, 6));
}
