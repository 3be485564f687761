import {
  PERSISTENT_RESERVE_IN,
  PERSISTENT_RESERVE_OUT,
  PR_CLEAR,
  PR_PREEMPT,
  PR_PREEMPT_AND_ABORT,
  PR_READ_FULL_STATUS,
  PR_READ_KEYS,
  PR_READ_RESERVATION,
  PR_REGISTER,
  PR_REGISTER_AND_IGNORE_EXISTING_KEY,
  PR_REGISTER_AND_MOVE,
  PR_RELEASE,
  PR_REPORT_CAPABILITIES,
  PR_RESERVE,
  RELEASE_6,
  RELEASE_10,
  RESERVE_6,
  RESERVE_10,
} from "../../abi/scsi.ts";
import { CONTROL, type Command, FIELD_2, FIELD_4, OLD_LUN } from "../command.ts";
import type { DeviceServer } from "../device-server.ts";
import type { ScsiTask } from "../task.ts";
import { release, reserve } from "./reserve.ts";
import { readFullStatus, readKeys, readReservation, reportCapabilities } from "./reserve-in.ts";
import { persistentReserveOut } from "./reserve-out.ts";

const SERVICE_ACTION = 0x1f;
const SCOPE_AND_TYPE = 0xff;

function reserveIn(
  serviceAction: number,
  name: string,
  execute: (unit: DeviceServer, task: ScsiTask) => void,
): Command {
  return {
    opcode: PERSISTENT_RESERVE_IN,
    serviceAction,
    name: `PERSISTENT RESERVE IN, ${name}`,
    usage: [0xff, SERVICE_ACTION, 0, 0, 0, 0, 0, ...FIELD_2, CONTROL],
    reservation: "inspect",
    whenNotReady: true,
    access: "standby",
    execute,
  };
}

/** Its own rules say who may: the gate lets it pass. Scope and type are ignored where they mean nothing. */
function reserveOut(serviceAction: number, name: string): Command {
  return {
    opcode: PERSISTENT_RESERVE_OUT,
    serviceAction,
    name: `PERSISTENT RESERVE OUT, ${name}`,
    usage: [0xff, SERVICE_ACTION, SCOPE_AND_TYPE, 0, 0, ...FIELD_4, CONTROL],
    reservation: "inspect",
    whenNotReady: true,
    access: "standby",
    execute: persistentReserveOut,
  };
}

/** RESERVE and RELEASE of the whole unit for the nexus that asks: no extents, no third parties. [SPC-2] 7.16, 7.21. */
const WHOLE_UNIT = { reservation: "allowed", whenNotReady: true } as const;

/** Reservations, of every kind of logical unit. */
export const RESERVATION_COMMANDS: readonly Command[] = [
  { opcode: RESERVE_6, name: "RESERVE(6)", usage: [0xff, OLD_LUN, 0, 0, 0, CONTROL], ...WHOLE_UNIT, execute: reserve },
  { opcode: RELEASE_6, name: "RELEASE(6)", usage: [0xff, OLD_LUN, 0, 0, 0, CONTROL], ...WHOLE_UNIT, execute: release },
  {
    opcode: RESERVE_10,
    name: "RESERVE(10)",
    usage: [0xff, OLD_LUN, 0, 0, 0, 0, 0, 0, 0, CONTROL],
    ...WHOLE_UNIT,
    execute: reserve,
  },
  {
    opcode: RELEASE_10,
    name: "RELEASE(10)",
    usage: [0xff, OLD_LUN, 0, 0, 0, 0, 0, 0, 0, CONTROL],
    ...WHOLE_UNIT,
    execute: release,
  },
  reserveIn(PR_READ_KEYS, "READ KEYS", readKeys),
  reserveIn(PR_READ_RESERVATION, "READ RESERVATION", readReservation),
  reserveIn(PR_REPORT_CAPABILITIES, "REPORT CAPABILITIES", reportCapabilities),
  reserveIn(PR_READ_FULL_STATUS, "READ FULL STATUS", readFullStatus),
  reserveOut(PR_REGISTER, "REGISTER"),
  reserveOut(PR_RESERVE, "RESERVE"),
  reserveOut(PR_RELEASE, "RELEASE"),
  reserveOut(PR_CLEAR, "CLEAR"),
  reserveOut(PR_PREEMPT, "PREEMPT"),
  reserveOut(PR_PREEMPT_AND_ABORT, "PREEMPT AND ABORT"),
  reserveOut(PR_REGISTER_AND_IGNORE_EXISTING_KEY, "REGISTER AND IGNORE EXISTING KEY"),
  reserveOut(PR_REGISTER_AND_MOVE, "REGISTER AND MOVE"),
];
