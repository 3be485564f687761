import { STATUS_RESERVATION_CONFLICT } from "../../abi/scsi.ts";
import type { DeviceServer } from "../device-server.ts";
import { endWith, good } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { registrantOf } from "./registrant.ts";

/** RESERVE(6), (10): the whole unit, for the nexus that asks. [SPC-2] 7.21, with the exceptions of [SPC-4] 5.12.3. */
export function reserve({ reservations }: DeviceServer, task: ScsiTask) {
  if (reservations.persistent.registrationCount > 0) return endAmongRegistrations(reservations, task);
  if (!reservations.reserve(task.nexus)) return endWith(task, STATUS_RESERVATION_CONFLICT);
  good(task);
}

/** RELEASE(6), (10): GOOD whoever asks, and only the holder's counts. [SPC-2] 7.16. */
export function release({ reservations }: DeviceServer, task: ScsiTask) {
  if (reservations.persistent.registrationCount > 0) return endAmongRegistrations(reservations, task);
  reservations.release(task.nexus);
  good(task);
}

/**
 * Where keys are registered there are no RESERVEs. A client of the old way that shares an initiator with one of the new
 * way has what it wants already when the persistent reservation lets it do everything (CRH). [SPC-4] 5.12.3
 */
function endAmongRegistrations({ persistent }: DeviceServer["reservations"], task: ScsiTask) {
  if (persistent.isPrivileged(registrantOf(task.nexus))) good(task);
  else endWith(task, STATUS_RESERVATION_CONFLICT);
}
