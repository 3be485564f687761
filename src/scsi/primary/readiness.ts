import type { DeviceServer } from "../device-server.ts";
import { NO_MEDIUM } from "../medium.ts";
import { answerWith, good, NO_ADDITIONAL_SENSE, type Sense } from "../sense.ts";
import { SENSE_LENGTH_MOST, writeSense } from "../sense-data.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8 } from "../task-access.ts";

const DESC = 0x01;

/** TEST UNIT READY [SPC-4] 6.47: who is not ready was refused at the gate. */
export function testUnitReady(_unit: DeviceServer, task: ScsiTask) {
  good(task);
}

/**
 * REQUEST SENSE: every error was told with its own status, so there is only what is pending: a unit attention, which
 * this clears, or the unit's condition. Its DESC bit decides the format, D_SENSE does not. [SPC-4] 6.39.
 */
export function requestSense(unit: DeviceServer, task: ScsiTask) {
  const data = new Uint8Array(SENSE_LENGTH_MOST);
  const descriptor = (cdb8(task, 1) & DESC) !== 0;
  const attention = unit.attentions.take(task.nexus);
  const progress = unit.occupation?.progress;
  const detail = progress === undefined ? unit.notReadyDetail : { progress };
  const length = writeSense(data, descriptor, attention ?? condition(unit), detail);
  answerWith(task, data.subarray(0, length), cdb8(task, 4));
}

function condition({ medium, absence, notReady, occupation }: DeviceServer): Sense {
  if (occupation !== undefined) return occupation.condition;
  return medium === NO_MEDIUM ? absence : (notReady ?? NO_ADDITIONAL_SENSE);
}
