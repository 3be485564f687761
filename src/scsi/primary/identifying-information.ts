import type { DeviceServer } from "../device-server.ts";
import {
  answerWith,
  checkCondition,
  failTask,
  good,
  IDENTIFYING_INFORMATION_CHANGED,
  invalidField,
  PARAMETER_LIST_LENGTH_ERROR,
} from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb32, dataOut } from "../task-access.ts";

/** Name under which the information is kept. */
const STATE_NAME = "identifying-information";
/** [SPC-4] 6.46: 64 bytes are what every device server that has it takes. */
const LENGTH_MAXIMUM = 64;
const TYPE_BYTE = 10;
// IDENTIFYING INFORMATION TYPE, shifted as it stands in its byte. [SPC-4] 6.34.
const LOGICAL_UNIT_INFORMATION = 0x00 << 1;
const SUPPORTED_INFORMATION = 0x7f << 1;

/** REPORT IDENTIFYING INFORMATION: what an initiator has written on the unit. [SPC-4] 6.34. */
export function reportIdentifyingInformation(unit: DeviceServer, task: ScsiTask) {
  const type = cdb8(task, TYPE_BYTE);
  const information = informationOf(unit, type);
  if (information === undefined) return invalidField(task, TYPE_BYTE, 7);
  const data = Uint8Array.from([0, 0, 0, information.length, ...information]);
  answerWith(task, data, cdb32(task, 6));
}

function informationOf({ state }: DeviceServer, type: number): Uint8Array | undefined {
  switch (type) {
    case LOGICAL_UNIT_INFORMATION:
      return state?.load(STATE_NAME)?.subarray(0, LENGTH_MAXIMUM) ?? new Uint8Array();
    case SUPPORTED_INFORMATION:
      return Uint8Array.from([LOGICAL_UNIT_INFORMATION, 0, 0, LENGTH_MAXIMUM]);
    default:
      return undefined;
  }
}

/** SET IDENTIFYING INFORMATION; it outlives the daemon. [SPC-4] 6.46. */
export function setIdentifyingInformation(unit: DeviceServer, task: ScsiTask) {
  const length = cdb32(task, 6);
  task.dataOutCount = length;
  if (cdb8(task, TYPE_BYTE) !== LOGICAL_UNIT_INFORMATION) return invalidField(task, TYPE_BYTE, 7);
  if (unit.state === undefined) return invalidField(task, 1, 4);
  if (length > LENGTH_MAXIMUM) return invalidField(task, 6);
  if (task.dataOutLength < length) return checkCondition(task, PARAMETER_LIST_LENGTH_ERROR);
  try {
    unit.state.save(STATE_NAME, new Uint8Array(dataOut(task, length).buffer));
  } catch (error) {
    return failTask(task, error, unit.log);
  }
  unit.attention(IDENTIFYING_INFORMATION_CHANGED, task.nexus);
  good(task);
}
