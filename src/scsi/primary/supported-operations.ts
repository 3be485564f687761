import type { Command } from "../command.ts";
import type { DeviceServer } from "../device-server.ts";
import { REPORT_LUNS_COMMAND } from "../report-luns.ts";
import { answerWith, invalidField } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16, cdb32 } from "../task-access.ts";

/** What is told of a command. REPORT LUNS, which no logical unit executes, has that much. */
type Described = Pick<Command, "opcode" | "serviceAction" | "usage" | "timeout">;

// REPORTING OPTIONS. [SPC-4] 6.35.1.
const ALL_COMMANDS = 0;
const ONE_WITHOUT_SERVICE_ACTION = 1;
const ONE_WITH_SERVICE_ACTION = 2;
const ONE_OF_EITHER_KIND = 3;

const RETURN_TIMEOUTS = 0x80;
const OPTIONS_BYTE = 2;
const OPTIONS_BIT = 2;
const OPCODE_BYTE = 3;
const SERVICE_ACTION_BYTE = 4;
const SERVICE_ACTION_MASK = 0x1f;

// Command descriptor flags, byte 5. [SPC-4] 6.35.2.
const TIMEOUTS_PRESENT = 0x02;
const SERVICE_ACTION_VALID = 0x01;
// One_command parameter data, byte 1. [SPC-4] 6.35.3.
const ONE_TIMEOUTS_PRESENT = 0x80;
const NOT_SUPPORTED = 0x01;
const SUPPORTED_AS_STANDARD = 0x03;
/** Seconds that usual commands may take before an initiator asks what is wrong, and those after which it aborts them. */
const NOMINAL_SECONDS = 1;
const RECOMMENDED_SECONDS = 30;

/** REPORT SUPPORTED OPERATION CODES: the rows of the unit's command table. [SPC-4] 6.35. */
export function reportSupportedOperationCodes(unit: DeviceServer, task: ScsiTask) {
  const timeouts = (cdb8(task, OPTIONS_BYTE) & RETURN_TIMEOUTS) !== 0;
  const options = cdb8(task, OPTIONS_BYTE) & 0x07;
  if (options > ONE_OF_EITHER_KIND) return invalidField(task, OPTIONS_BYTE, OPTIONS_BIT);
  const rows: readonly Described[] = [...unit.commands.rows, REPORT_LUNS_COMMAND];
  const allocation = cdb32(task, 6);
  if (options === ALL_COMMANDS) return answerWith(task, allCommands(rows, timeouts), allocation);

  const ofOpcode = rows.filter(({ opcode }) => opcode === cdb8(task, OPCODE_BYTE));
  const withActions = ofOpcode.some(({ serviceAction }) => serviceAction !== undefined);
  if (options === ONE_WITHOUT_SERVICE_ACTION && withActions) return invalidField(task, OPTIONS_BYTE, OPTIONS_BIT);
  if (options === ONE_WITH_SERVICE_ACTION && ofOpcode.length > 0 && !withActions)
    return invalidField(task, OPTIONS_BYTE, OPTIONS_BIT);
  const action = options === ONE_WITHOUT_SERVICE_ACTION ? 0 : cdb16(task, SERVICE_ACTION_BYTE);
  answerWith(
    task,
    oneCommand(
      ofOpcode.find(({ serviceAction = 0 }) => serviceAction === action),
      timeouts,
    ),
    allocation,
  );
}

/** All_commands parameter data. [SPC-4] 6.35.2. */
function allCommands(rows: readonly Described[], timeouts: boolean): Uint8Array {
  const descriptors = rows.flatMap((row) => [
    ...[row.opcode, 0, ...pair(row.serviceAction ?? 0), 0],
    (timeouts ? TIMEOUTS_PRESENT : 0) | (row.serviceAction === undefined ? 0 : SERVICE_ACTION_VALID),
    ...pair(row.usage.length),
    ...(timeouts ? timeoutsDescriptor(row) : []),
  ]);
  const data = new Uint8Array(4 + descriptors.length);
  new DataView(data.buffer).setUint32(0, descriptors.length);
  data.set(descriptors, 4);
  return data;
}

/** One_command parameter data. [SPC-4] 6.35.3. */
function oneCommand(row: Described | undefined, timeouts: boolean): Uint8Array {
  if (row === undefined) return Uint8Array.from([0, NOT_SUPPORTED, 0, 0]);
  const flags = SUPPORTED_AS_STANDARD | (timeouts ? ONE_TIMEOUTS_PRESENT : 0);
  return Uint8Array.from([
    0,
    flags,
    ...pair(row.usage.length),
    ...usageData(row),
    ...(timeouts ? timeoutsDescriptor(row) : []),
  ]);
}

/** The usage map tells operation code and service action themselves, not masks. */
function usageData({ opcode, serviceAction, usage }: Described): number[] {
  const [, second = 0, ...rest] = usage;
  return [opcode, serviceAction === undefined ? second : (second & ~SERVICE_ACTION_MASK) | serviceAction, ...rest];
}

/** Command timeouts descriptor. [SPC-4] 6.35.4. */
function timeoutsDescriptor({ timeout }: Described): number[] {
  const LENGTH = 12;
  const data = new DataView(new ArrayBuffer(LENGTH));
  data.setUint16(0, LENGTH - 2);
  data.setUint32(4, NOMINAL_SECONDS);
  data.setUint32(8, timeout ?? RECOMMENDED_SECONDS);
  return [...new Uint8Array(data.buffer)];
}

function pair(value: number): [number, number] {
  return [value >> 8, value & 0xff];
}
