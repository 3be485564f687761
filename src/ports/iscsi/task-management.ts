import {
  BHS_FLAGS,
  BHS_ITT,
  BHS_LUN,
  FUNCTION_ABORT_TASK,
  FUNCTION_ABORT_TASK_SET,
  FUNCTION_CLEAR_ACA,
  FUNCTION_CLEAR_TASK_SET,
  FUNCTION_COMPLETE,
  FUNCTION_LOGICAL_UNIT_RESET,
  FUNCTION_MASK,
  FUNCTION_NO_LUN,
  FUNCTION_NO_REASSIGNMENT,
  FUNCTION_NO_TASK,
  FUNCTION_NOT_SUPPORTED,
  FUNCTION_REJECTED,
  FUNCTION_TARGET_COLD_RESET,
  FUNCTION_TARGET_WARM_RESET,
  FUNCTION_TASK_REASSIGN,
  REQUEST_CMD_SN,
  TASK_REF_CMD_SN,
  TASK_REFERENCED_TAG,
} from "../../abi/iscsi.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import type { ReceivedHeader } from "../../iscsi/pdu-reader.ts";
import type { Nexus } from "../../scsi/task.ts";
import type { CommandTask } from "./command-task.ts";
import type { Session } from "./session.ts";
import type { IscsiTarget } from "./target.ts";

const LUN_BYTES = 8;

/** A task management request, copied out of its PDU: it may have to wait for its turn. */
export interface TaskManagementRequest {
  readonly function: number;
  readonly itt: number;
  readonly cmdSN: number;
  readonly lun: Uint8Array;
  readonly referencedTag: number;
  readonly refCmdSN: number;
}

export function taskManagementRequest({ bytes, view }: ReceivedHeader): TaskManagementRequest {
  return {
    function: view.getUint8(BHS_FLAGS) & FUNCTION_MASK,
    itt: view.getUint32(BHS_ITT),
    cmdSN: view.getUint32(REQUEST_CMD_SN),
    lun: bytes.slice(BHS_LUN, BHS_LUN + LUN_BYTES),
    referencedTag: view.getUint32(TASK_REFERENCED_TAG),
    refCmdSN: view.getUint32(TASK_REF_CMD_SN),
  };
}

/** Where a request acts. */
export interface TaskManagementPlace {
  readonly memory: SharedMemory;
  /** Eight bytes of linear memory for a LUN. */
  readonly lunOffset: number;
  readonly session: Session;
  readonly target: IscsiTarget;
  readonly nexus: Nexus;
  /** TARGET COLD RESET has been answered: every session of the target ends. [RFC 7143] 11.5.1. */
  coldReset(): void;
}

/** Answers with a response code, once, when nothing of what was asked is under way any more. */
type Answer = (response: number) => void;
type TaskFunction = (place: TaskManagementPlace, request: TaskManagementRequest, answer: Answer) => void;

interface FunctionRow {
  readonly perform: TaskFunction;
  /** Names a logical unit, which has to be there. */
  readonly ofUnit: boolean;
}

/** Every function. [RFC 7143] 11.5.1, [SAM-5] clause 7. */
const FUNCTIONS: ReadonlyMap<number, FunctionRow> = new Map<number, FunctionRow>([
  [FUNCTION_ABORT_TASK, { perform: abortTask, ofUnit: false }],
  [FUNCTION_ABORT_TASK_SET, { perform: abortTaskSet, ofUnit: true }],
  [FUNCTION_CLEAR_ACA, { perform: clearAca, ofUnit: true }],
  [FUNCTION_CLEAR_TASK_SET, { perform: clearTaskSet, ofUnit: true }],
  [FUNCTION_LOGICAL_UNIT_RESET, { perform: resetUnit, ofUnit: true }],
  [FUNCTION_TARGET_WARM_RESET, { perform: resetTarget, ofUnit: false }],
  [FUNCTION_TARGET_COLD_RESET, { perform: coldReset, ofUnit: false }],
  [FUNCTION_TASK_REASSIGN, { perform: (_place, _request, answer) => answer(FUNCTION_NO_REASSIGNMENT), ofUnit: false }],
]);

/** Performs a request; `answer` is called once, now or when the last of its tasks has left. */
export function manageTasks(place: TaskManagementPlace, request: TaskManagementRequest, answer: Answer): void {
  const row = FUNCTIONS.get(request.function);
  if (row === undefined) return answer(FUNCTION_NOT_SUPPORTED);
  place.memory.u8.set(request.lun, place.lunOffset);
  if (row.ofUnit && !place.target.device.exists(place.memory, place.lunOffset)) return answer(FUNCTION_NO_LUN);
  row.perform(place, request, answer);
}

/** [RFC 7143] 11.6.1: a task that is not here may be one that has not come yet. */
function abortTask(place: TaskManagementPlace, { referencedTag, refCmdSN }: TaskManagementRequest, answer: Answer) {
  const { session, memory, target } = place;
  const task = findTask(session, referencedTag);
  if (task === undefined) {
    if (!session.expects(refCmdSN)) return answer(FUNCTION_NO_TASK);
    session.skip(refCmdSN);
    return answer(FUNCTION_COMPLETE);
  }
  if (!task.executing) {
    abortWaiting([session], (other) => other === task);
    return answer(FUNCTION_COMPLETE);
  }
  target.device.abortTasks(
    memory,
    task.lunOffset,
    (other) => other === task,
    () => answer(FUNCTION_COMPLETE),
  );
}

function abortTaskSet(
  { session, memory, lunOffset, target, nexus }: TaskManagementPlace,
  _request: unknown,
  answer: Answer,
) {
  abortWaiting([session], sameUnit(memory, lunOffset));
  target.device.abortTasks(
    memory,
    lunOffset,
    (task) => task.nexus === nexus,
    () => answer(FUNCTION_COMPLETE),
  );
}

function clearAca({ memory, lunOffset, target, nexus }: TaskManagementPlace, _request: unknown, answer: Answer) {
  answer(target.device.clearAca(nexus, memory, lunOffset) ? FUNCTION_COMPLETE : FUNCTION_REJECTED);
}

function clearTaskSet({ memory, lunOffset, target, nexus }: TaskManagementPlace, _request: unknown, answer: Answer) {
  abortWaiting(target.sessions, sameUnit(memory, lunOffset));
  target.device.clearTaskSet(nexus, memory, lunOffset, () => answer(FUNCTION_COMPLETE));
}

function resetUnit({ memory, lunOffset, target }: TaskManagementPlace, _request: unknown, answer: Answer) {
  abortWaiting(target.sessions, sameUnit(memory, lunOffset));
  target.device.reset(memory, lunOffset, () => answer(FUNCTION_COMPLETE));
}

function resetTarget({ target }: TaskManagementPlace, _request: unknown, answer: Answer) {
  abortWaiting(target.sessions, () => true);
  target.device.resetAll(() => answer(FUNCTION_COMPLETE));
}

function coldReset(place: TaskManagementPlace, request: TaskManagementRequest, answer: Answer) {
  resetTarget(place, request, (response) => {
    answer(response);
    place.coldReset();
  });
}

function findTask(session: Session, itt: number): CommandTask | undefined {
  for (const connection of session.connections.values()) {
    const task = connection.commands?.find(itt);
    if (task !== undefined && !task.aborted) return task;
  }
  return undefined;
}

/** Tasks that the logical units do not have yet are the port's to abort. */
function abortWaiting(sessions: Iterable<Session>, which: (task: CommandTask) => boolean): void {
  for (const { connections } of sessions)
    for (const { commands } of connections.values()) commands?.abortWaiting(which);
}

function sameUnit({ u8 }: SharedMemory, lunOffset: number): (task: CommandTask) => boolean {
  return (task) => {
    for (let at = 0; at < LUN_BYTES; at++) if (u8[task.lunOffset + at] !== u8[lunOffset + at]) return false;
    return true;
  };
}
