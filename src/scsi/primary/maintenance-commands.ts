import {
  MAINTENANCE_IN,
  MAINTENANCE_OUT,
  REPORT_IDENTIFYING_INFORMATION,
  REPORT_SUPPORTED_OPERATION_CODES,
  REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS,
  REPORT_TARGET_PORT_GROUPS,
  REPORT_TIMESTAMP,
  SET_IDENTIFYING_INFORMATION,
  SET_TARGET_PORT_GROUPS,
  SET_TIMESTAMP,
} from "../../abi/scsi.ts";
import { CONTROL, type Command, FIELD_2, FIELD_4 } from "../command.ts";
import { reportIdentifyingInformation, setIdentifyingInformation } from "./identifying-information.ts";
import { reportSupportedOperationCodes } from "./supported-operations.ts";
import { reportSupportedTaskManagement } from "./supported-task-management.ts";
import { reportTargetPortGroups, setTargetPortGroups } from "./target-port-groups.ts";
import { reportTimestamp, setTimestamp } from "./timestamp.ts";

const SERVICE_ACTION = 0x1f;
const PARAMETER_DATA_FORMAT = 0xe0;
const INFORMATION_TYPE = 0xfe;
/** A CDB whose only field is its allocation or parameter list length. */
const LENGTH_ONLY = [0xff, SERVICE_ACTION, 0, 0, 0, 0, ...FIELD_4, 0, CONTROL] as const;
const INFORMATION = [0xff, SERVICE_ACTION, 0, 0, 0, 0, ...FIELD_4, INFORMATION_TYPE, CONTROL] as const;

/** Service actions of MAINTENANCE IN and OUT. [SPC-4] 6.1, tables 50 and 51. */
export const MAINTENANCE_COMMANDS: readonly Command[] = [
  {
    opcode: MAINTENANCE_IN,
    serviceAction: REPORT_IDENTIFYING_INFORMATION,
    name: "REPORT IDENTIFYING INFORMATION",
    usage: INFORMATION,
    reservation: "allowed",
    whenNotReady: true,
    execute: reportIdentifyingInformation,
  },
  {
    opcode: MAINTENANCE_IN,
    serviceAction: REPORT_TARGET_PORT_GROUPS,
    name: "REPORT TARGET PORT GROUPS",
    usage: [0xff, PARAMETER_DATA_FORMAT | SERVICE_ACTION, ...LENGTH_ONLY.slice(2)],
    reservation: "allowed",
    whenNotReady: true,
    access: "unavailable",
    execute: reportTargetPortGroups,
  },
  {
    opcode: MAINTENANCE_IN,
    serviceAction: REPORT_SUPPORTED_OPERATION_CODES,
    name: "REPORT SUPPORTED OPERATION CODES",
    usage: [0xff, SERVICE_ACTION, 0x87, 0xff, ...FIELD_2, ...FIELD_4, 0, CONTROL],
    reservation: "read",
    whenNotReady: true,
    execute: reportSupportedOperationCodes,
  },
  {
    opcode: MAINTENANCE_IN,
    serviceAction: REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS,
    name: "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS",
    usage: [0xff, SERVICE_ACTION, 0x80, 0, 0, 0, ...FIELD_4, 0, CONTROL],
    reservation: "read",
    whenNotReady: true,
    execute: reportSupportedTaskManagement,
  },
  {
    opcode: MAINTENANCE_IN,
    serviceAction: REPORT_TIMESTAMP,
    name: "REPORT TIMESTAMP",
    usage: LENGTH_ONLY,
    reservation: "allowed",
    whenNotReady: true,
    execute: reportTimestamp,
  },
  {
    opcode: MAINTENANCE_OUT,
    serviceAction: SET_IDENTIFYING_INFORMATION,
    name: "SET IDENTIFYING INFORMATION",
    usage: INFORMATION,
    reservation: "write",
    whenNotReady: true,
    execute: setIdentifyingInformation,
  },
  {
    opcode: MAINTENANCE_OUT,
    serviceAction: SET_TARGET_PORT_GROUPS,
    name: "SET TARGET PORT GROUPS",
    usage: LENGTH_ONLY,
    reservation: "write",
    whenNotReady: true,
    access: "unavailable",
    execute: setTargetPortGroups,
  },
  {
    opcode: MAINTENANCE_OUT,
    serviceAction: SET_TIMESTAMP,
    name: "SET TIMESTAMP",
    usage: LENGTH_ONLY,
    reservation: "write",
    whenNotReady: true,
    execute: setTimestamp,
  },
];
