import {
  PR_CLEAR,
  PR_PREEMPT,
  PR_PREEMPT_AND_ABORT,
  PR_REGISTER,
  PR_REGISTER_AND_IGNORE_EXISTING_KEY,
  PR_REGISTER_AND_MOVE,
  PR_RELEASE,
  PR_RESERVE,
  STATUS_RESERVATION_CONFLICT,
} from "../../abi/scsi.ts";
import type { DeviceServer } from "../device-server.ts";
import {
  checkCondition,
  endWith,
  failTask,
  good,
  INVALID_FIELD_IN_CDB,
  INVALID_FIELD_IN_PARAMETER_LIST,
  PARAMETER_LIST_LENGTH_ERROR,
} from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb32 } from "../task-access.ts";
import { LENGTH_MAXIMUM, type ParameterList, readParameterList } from "./parameter-list.ts";
import { CONFLICT, type Outcome } from "./persistent.ts";
import { makeRegistrant, type Registrant, registrantOf } from "./registrant.ts";
import type { Reservations } from "./reservations.ts";
import { protocolOf } from "./transport-id.ts";
import { type PersistentType, persistentType } from "./types.ts";

const SERVICE_ACTION = 0x1f;
const SCOPE_SHIFT = 4;
const TYPE = 0x0f;

/** One PERSISTENT RESERVE OUT, taken apart. */
interface Request {
  readonly serviceAction: number;
  readonly own: Registrant;
  readonly list: ParameterList;
  /** Undefined when scope and type together name none: only LU_SCOPE, 0, is one. */
  readonly type: PersistentType | undefined;
  /** Who has lost its registration. */
  readonly preempted: Registrant[];
}

type Action = (reservations: Reservations, request: Request) => Outcome;

/** For a nexus that is registered and gave its key. */
const forRegistered =
  (action: Action): Action =>
  (reservations, request) =>
    reservations.persistent.authorize(request.own, request.list.key) ?? action(reservations, request);

/** What each service action does to the reservations. [SPC-4] 6.16.2. */
const ACTIONS: ReadonlyMap<number, Action> = new Map([
  [PR_REGISTER, register],
  [PR_REGISTER_AND_IGNORE_EXISTING_KEY, register],
  [PR_REGISTER_AND_MOVE, forRegistered(move)],
  [
    PR_RESERVE,
    forRegistered(({ persistent }, { own, type }) => (type ? persistent.reserve(own, type) : INVALID_FIELD_IN_CDB)),
  ],
  [PR_RELEASE, forRegistered(({ persistent }, { own, type }) => persistent.release(own, type))],
  [PR_CLEAR, forRegistered(({ persistent }, { own }) => persistent.clear(own))],
  [PR_PREEMPT, forRegistered(preempt)],
  [PR_PREEMPT_AND_ABORT, forRegistered(preempt)],
]);

/** PERSISTENT RESERVE OUT: judged and done at once; GOOD follows when aborts and the storage have followed. [SPC-4] 6.16. */
export function persistentReserveOut(unit: DeviceServer, task: ScsiTask) {
  const { reservations } = unit;
  const length = cdb32(task, 5);
  task.dataOutCount = Math.min(length, LENGTH_MAXIMUM);
  // Under a RESERVE, whoever's, it conflicts. [SPC-2] 5.5.1.
  if (reservations.reserved) return endWith(task, STATUS_RESERVATION_CONFLICT);
  if (length > LENGTH_MAXIMUM || task.dataOutLength < length) return checkCondition(task, PARAMETER_LIST_LENGTH_ERROR);
  const serviceAction = cdb8(task, 1) & SERVICE_ACTION;
  const bytes = task.memory.u8.slice(task.buffer, task.buffer + length);
  const list = readParameterList(bytes, serviceAction);
  if ("asc" in list) return checkCondition(task, list);
  if (list.outlivesPower && !reservations.canOutlivePower) return checkCondition(task, INVALID_FIELD_IN_PARAMETER_LIST);
  const scopeAndType = cdb8(task, 2);
  const type = scopeAndType >> SCOPE_SHIFT === 0 ? persistentType(scopeAndType & TYPE) : undefined;
  const request: Request = { serviceAction, own: registrantOf(task.nexus), list, type, preempted: [] };
  const outcome = ACTIONS.get(serviceAction)?.(reservations, request);
  if (outcome === CONFLICT) return endWith(task, STATUS_RESERVATION_CONFLICT);
  if (outcome !== undefined) return checkCondition(task, outcome);
  follow(unit, task, request);
}

/** REGISTER, REGISTER AND IGNORE EXISTING KEY. */
function register(reservations: Reservations, { serviceAction, own, list }: Request): Outcome {
  const { key, serviceActionKey, allTargetPorts, initiatorPorts, outlivesPower } = list;
  const everywhere = (transportId: Uint8Array) =>
    allTargetPorts
      ? throughEveryPort(reservations, transportId)
      : [makeRegistrant(transportId, own.relativeTargetPort)];
  const others = initiatorPorts?.flatMap(everywhere);
  const elsewhere = allTargetPorts ? throughEveryPort(reservations, own.transportId) : [];
  const outcome = reservations.persistent.register({
    own: [own, ...elsewhere.filter(({ identity }) => identity !== own.identity)],
    others,
    key: serviceAction === PR_REGISTER_AND_IGNORE_EXISTING_KEY ? undefined : key,
    newKey: serviceActionKey,
  });
  if (outcome === undefined) reservations.outlivesPower = outlivesPower;
  return outcome;
}

/** The nexuses of an initiator port with those target ports that speak its protocol. [SPC-4] 6.16.3, ALL_TG_PT. */
function throughEveryPort({ ports }: Reservations, transportId: Uint8Array): Registrant[] {
  return [...ports.values()]
    .filter(({ protocolIdentifier }) => protocolIdentifier === protocolOf(transportId))
    .map(({ relativeIdentifier }) => makeRegistrant(transportId, relativeIdentifier));
}

function move(reservations: Reservations, { own, list }: Request): Outcome {
  const { destination, serviceActionKey, outlivesPower } = list;
  if (destination === undefined) return INVALID_FIELD_IN_PARAMETER_LIST;
  const { transportId, relativeTargetPort, unregister } = destination;
  const port = reservations.ports.get(relativeTargetPort);
  if (port?.protocolIdentifier !== protocolOf(transportId)) return INVALID_FIELD_IN_PARAMETER_LIST;
  const to = makeRegistrant(transportId, relativeTargetPort);
  const outcome = reservations.persistent.move(own, to, serviceActionKey, unregister);
  if (outcome === undefined) reservations.outlivesPower = outlivesPower;
  return outcome;
}

function preempt({ persistent }: Reservations, { own, list, type, preempted }: Request): Outcome {
  return persistent.preempt(own, list.serviceActionKey, type, preempted);
}

/** What a change brings with it, before it is told: tasks that are aborted, then stable storage. */
function follow(unit: DeviceServer, task: ScsiTask, { serviceAction, own, preempted }: Request): void {
  unit.taskSet.began(task);
  const saved = () => {
    const saving = unit.reservations.save();
    if (saving === undefined) return end(unit, task);
    saving.then(
      () => end(unit, task),
      (error: unknown) => end(unit, task, error),
    );
  };
  if (serviceAction !== PR_PREEMPT_AND_ABORT) return saved();
  const lost = new Set(preempted.map(({ identity }) => identity).filter((identity) => identity !== own.identity));
  unit.preempted((nexus) => lost.has(registrantOf(nexus).identity), saved);
}

function end({ taskSet, log }: DeviceServer, task: ScsiTask, error?: unknown): void {
  taskSet.ended(task);
  if (error === undefined) good(task);
  else failTask(task, error, log);
  taskSet.left(task);
}
