import type { DeviceServer } from "../device-server.ts";
import {
  ACCESS_STATE_CHANGED,
  answerWith,
  checkCondition,
  good,
  INVALID_FIELD_IN_CDB,
  invalidField,
  invalidParameter,
  PARAMETER_LIST_LENGTH_ERROR,
} from "../sense.ts";
import { type AccessState, CHANGED_BY_COMMAND, type TargetPortGroup, UNAVAILABLE } from "../target-port-groups.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb32, dataOut } from "../task-access.ts";

// Parameter data format of REPORT TARGET PORT GROUPS, the top three bits of byte 1. [SPC-4] 6.37.
const FORMAT_SHIFT = 5;
const EXTENDED_HEADER = 1;
const EXTENDED_HEADER_FLAG = 0x10;
const PREFERRED = 0x80;
/** All four states that this model knows. UNAVAILABLE, STANDBY, ACTIVE/NON-OPTIMIZED, ACTIVE/OPTIMIZED. */
const SUPPORTED_STATES = 0x0f;
/** TARGET PORT COUNT is one byte. */
const PORTS_MAXIMUM = 255;
const LIST_HEADER = 4;
const DESCRIPTOR = 4;
const STATE_MASK = 0x0f;
/** More than any unit has groups: what is longer is not looked at. */
const LIST_MAXIMUM = 1024;

/** REPORT TARGET PORT GROUPS. [SPC-4] 6.37. */
export function reportTargetPortGroups(unit: DeviceServer, task: ScsiTask) {
  const format = cdb8(task, 1) >> FORMAT_SHIFT;
  if (format > EXTENDED_HEADER) return invalidField(task, 1, 7);
  const groups = unit.portGroups.groups(task.nexus.port).flatMap(descriptor);
  // IMPLICIT TRANSITION TIME 0: it takes none that is worth telling.
  const rest = format === EXTENDED_HEADER ? [EXTENDED_HEADER_FLAG, 0, 0, 0, ...groups] : groups;
  const data = new DataView(new ArrayBuffer(LIST_HEADER + rest.length));
  data.setUint32(0, rest.length);
  const bytes = new Uint8Array(data.buffer);
  bytes.set(rest, LIST_HEADER);
  answerWith(task, bytes, cdb32(task, 6));
}

function descriptor({ identifier, preferred, state, status, ...group }: TargetPortGroup): number[] {
  const ports = group.ports.slice(0, PORTS_MAXIMUM);
  return [
    (preferred ? PREFERRED : 0) | state,
    SUPPORTED_STATES,
    ...pair(identifier),
    ...[0, status, 0, ports.length],
    ...ports.flatMap((port) => [0, 0, ...pair(port)]),
  ];
}

function pair(value: number): [number, number] {
  return [value >> 8, value & 0xff];
}

/** SET TARGET PORT GROUPS: all descriptors are checked before any is done. [SPC-4] 6.45. */
export function setTargetPortGroups(unit: DeviceServer, task: ScsiTask) {
  const { portGroups } = unit;
  const length = cdb32(task, 6);
  task.dataOutCount = length;
  if (!portGroups.asymmetric) return checkCondition(task, INVALID_FIELD_IN_CDB);
  if (length === 0) return good(task);
  const whole = length >= LIST_HEADER && (length - LIST_HEADER) % DESCRIPTOR === 0;
  if (!whole || length > LIST_MAXIMUM || task.dataOutLength < length)
    return checkCondition(task, PARAMETER_LIST_LENGTH_ERROR);
  const list = dataOut(task, length);
  const states = new Map<number, AccessState>();
  for (let at = LIST_HEADER; at < length; at += DESCRIPTOR) {
    const state = accessState(list.getUint8(at) & STATE_MASK);
    if (state === undefined) return invalidParameter(task, at, 3);
    const identifier = list.getUint16(at + 2);
    if (!portGroups.has(identifier)) return invalidParameter(task, at + 2);
    states.set(identifier, state);
  }
  portGroups.set(states, CHANGED_BY_COMMAND);
  // Who has set it knows it. [SPC-4] 5.15.2.
  unit.clearAttention(task.nexus, ACCESS_STATE_CHANGED);
  good(task);
}

function accessState(value: number): AccessState | undefined {
  return value <= UNAVAILABLE ? (value as AccessState) : undefined;
}
