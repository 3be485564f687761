import { ABORTED_COMMAND, STATUS_BUSY, STATUS_CHECK_CONDITION } from "../../abi/scsi.ts";
import { INVALID_FIELD_IN_CDB, type Sense } from "../sense.ts";
import { writeSense } from "../sense-data.ts";
import type { ScsiTask } from "../task.ts";
import type { DeviceOutcome } from "./scsi-device.ts";

// ABORTED COMMAND has clients try again, a few times; then they fail what they wanted. They tell the reasons apart in their logs.
const NO_WAY = { key: ABORTED_COMMAND, asc: 0x08, ascq: 0x00, name: "LOGICAL UNIT COMMUNICATION FAILURE" };
const TIMED_OUT = { key: ABORTED_COMMAND, asc: 0x2e, ascq: 0x02, name: "COMMAND TIMEOUT DURING PROCESSING" };
const ABORTED = { key: ABORTED_COMMAND, asc: 0x00, ascq: 0x00, name: "NO ADDITIONAL SENSE INFORMATION" };

/**
 * What a client is told of a command that left the device without a status. "busy" is the status BUSY, which clients
 * repeat for as long as they like; what the host refuses would be refused again, so it is an ILLEGAL REQUEST.
 */
const SENSE_OF: Readonly<Record<Exclude<DeviceOutcome, "answered" | "busy">, Sense>> = {
  "timed out": TIMED_OUT,
  aborted: ABORTED,
  lost: NO_WAY,
  refused: INVALID_FIELD_IN_CDB,
};

/** Fills in status and sense data of a task whose command left the device without a status. No data has moved. */
export function tellOutcome(task: ScsiTask, outcome: Exclude<DeviceOutcome, "answered">): void {
  task.dataInCount = 0;
  task.dataOutCount = 0;
  task.senseLength = 0;
  task.status = STATUS_BUSY;
  if (outcome === "busy") return;
  task.status = STATUS_CHECK_CONDITION;
  task.senseLength = writeSense(task.sense, false, SENSE_OF[outcome]);
}
