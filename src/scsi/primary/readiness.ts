import type { DeviceServer } from "../device-server.ts";
import { NO_MEDIUM } from "../medium.ts";
import { answerWith, FIXED_SENSE_LENGTH, good, NO_ADDITIONAL_SENSE, type Sense, writeFixedSense } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8 } from "../task-access.ts";

/** TEST UNIT READY [SPC-4] 6.47: who is not ready was refused at the gate. */
export function testUnitReady(_unit: DeviceServer, task: ScsiTask) {
  good(task);
}

/**
 * REQUEST SENSE, fixed format: every error was told with its own status, so there is only what is pending: a unit
 * attention, which this clears, or the unit's condition. [SPC-4] 6.39.
 */
export function requestSense(unit: DeviceServer, task: ScsiTask) {
  const data = new Uint8Array(FIXED_SENSE_LENGTH);
  writeFixedSense(data, 0, unit.attentions.take(task.nexus) ?? condition(unit));
  answerWith(task, data, cdb8(task, 4));
}

function condition({ medium, absence, notReady }: DeviceServer): Sense {
  return medium === NO_MEDIUM ? absence : (notReady ?? NO_ADDITIONAL_SENSE);
}
