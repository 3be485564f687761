import {
  ASYNC_CONNECTION_DROP,
  ASYNC_EVENT,
  ASYNC_LOGOUT_REQUEST,
  ASYNC_MESSAGE,
  ASYNC_NEGOTIATION_REQUEST,
  ASYNC_PARAMETER_2,
  ASYNC_PARAMETER_3,
  ASYNC_SESSION_DROP,
  BHS_FLAGS,
  BHS_ITT,
  BHS_LENGTH,
  BHS_OPCODE,
  DATA_FLAG_STATUS,
  FUNCTION_COMPLETE,
  FUNCTION_NO_TASK,
  LOGOUT_RESPONSE,
  NOP_IN,
  NOP_OUT,
  OPCODE_MASK,
  READY_TO_TRANSFER,
  REJECT,
  REJECT_REASON,
  RESERVED_TAG,
  RESPONSE_EXP_CMD_SN,
  RESPONSE_MAX_CMD_SN,
  RESPONSE_STAT_SN,
  SCSI_COMMAND,
  SCSI_DATA_IN,
  SCSI_RESPONSE,
  TARGET_TRANSFER_TAG,
  TASK_MANAGEMENT_RESPONSE,
  TASK_RESPONSE,
} from "../../abi/iscsi.ts";
import type { Clock } from "../../core/clock.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import type { Problem, ReceivedHeader } from "../../iscsi/pdu-reader.ts";
import type { DeviceOutcome } from "../../scsi/passthrough/scsi-device.ts";
import { answerR2t, endDataIn, judgeDataIn, takeResponse } from "./answers.ts";
import { abortedTag, type Command, INDEX_PING, INDEX_RESET, tagIndex } from "./command.ts";
import type { Connection, Phase } from "./connection.ts";
import type { LoggedIn } from "./login-phase.ts";
import { Requests } from "./requests.ts";
import { notAfter } from "./sequence.ts";

/** Who gave the session its commands. */
export interface SessionOwner {
  /** A command has left the session; `outcome` stands in its request. */
  ended(command: Command): void;
  /** The target takes more commands than before. */
  widened(): void;
  /** The unit has been reset, and no command is in the session. */
  unitReset(): void;
  /** The session is over. Called once; `commands` are those that it had, in the order in which they were sent. */
  lost(session: Session, reason: string, commands: readonly Command[]): void;
}

/** Milliseconds. */
export interface SessionTimes {
  /** After so long without a word from the target it is asked whether it is there. */
  readonly idle: number;
  /** So long it may take to answer that, to abort, and to log out. */
  readonly answer: number;
}

export interface SessionOptions {
  readonly memory: SharedMemory;
  readonly clock: Clock;
  readonly times: SessionTimes;
  /** Eight bytes. */
  readonly lun: Uint8Array;
}

const NOBODY: SessionOwner = { ended() {}, widened() {}, unitReset() {}, lost() {} };

/** Bytes of a data segment that are kept: sense data behind their length, or the header of what is rejected. */
const SEGMENT_MAXIMUM = 256;
/** Answers to the target that it has not taken: one that asks for more has no use for them. */
const PONGS_MAXIMUM = 1000;
const TICK = 100;
const MILLISECONDS_A_SECOND = 1000;
/** The longest that a target's wish to be left alone is heeded. Milliseconds. */
const WAIT_MAXIMUM = 30_000;

/** What is done with a PDU that is whole. StatSN is told apart by `counted`: an R2T and a ping have none of their own. */
interface AnswerRow {
  counted(view: DataView): boolean;
  take(session: Session, pdu: ReceivedHeader): Problem | undefined;
}

const always = () => true;
const ANSWERS: ReadonlyMap<number, AnswerRow> = new Map<number, AnswerRow>([
  [
    SCSI_DATA_IN,
    {
      counted: (view) => (view.getUint8(BHS_FLAGS) & DATA_FLAG_STATUS) !== 0,
      take: (session, pdu) => session.dataIn(pdu),
    },
  ],
  [SCSI_RESPONSE, { counted: always, take: (session, pdu) => session.response(pdu) }],
  [READY_TO_TRANSFER, { counted: () => false, take: (session, pdu) => session.r2t(pdu) }],
  [NOP_IN, { counted: (view) => view.getUint32(BHS_ITT) !== RESERVED_TAG, take: (session, pdu) => session.nopIn(pdu) }],
  [TASK_MANAGEMENT_RESPONSE, { counted: always, take: (session, pdu) => session.managed(pdu) }],
  [ASYNC_MESSAGE, { counted: always, take: (session, pdu) => session.asyncMessage(pdu) }],
  [LOGOUT_RESPONSE, { counted: always, take: (session) => session.loggedOut() }],
  [REJECT, { counted: always, take: (session, pdu) => session.rejected(pdu) }],
]);

/** The full feature phase of a session of one connection, at error recovery level 0: any fault ends it. */
export class Session implements Phase {
  readonly portalGroupTag: number | undefined;
  /** Set before a command is sent. */
  owner: SessionOwner = NOBODY;
  /** Milliseconds that the target wants to be left alone before the next session. */
  wait: number;
  readonly #connection: Connection;
  readonly #memory: SharedMemory;
  readonly #clock: Clock;
  readonly #times: SessionTimes;
  readonly #requests: Requests;
  readonly #maxBurstLength: number;
  /** Commands with the target, in the order in which they were sent. */
  readonly #commands = new Set<Command>();
  readonly #byIndex: (Command | undefined)[] = [];
  #maxCmdSN: number;
  readonly #segment = new Uint8Array(SEGMENT_MAXIMUM);
  #segmentLength = 0;
  /** The command whose Data-In is coming. */
  #receiving: Command | undefined;
  #pongs = 0;
  /** Moments by which something has to have happened; 0 when nothing has to. */
  #pongDue = 0;
  #resetDue = 0;
  #leaveDue = 0;
  #logoutDue = 0;
  #ended = false;

  constructor(connection: Connection, loggedIn: LoggedIn, { memory, clock, times, lun }: SessionOptions) {
    const { agreement, portalGroupTag, cmdSN, expStatSN, maxCmdSN } = loggedIn;
    const { parameters } = agreement;
    this.#connection = connection;
    this.#memory = memory;
    this.#clock = clock;
    this.#times = times;
    this.portalGroupTag = portalGroupTag;
    this.wait = milliseconds(agreement.timeToWait);
    this.#maxCmdSN = maxCmdSN;
    this.#maxBurstLength = parameters.maxBurstLength;
    this.#requests = new Requests({ outbox: connection.outbox, memory, parameters, lun, cmdSN, expStatSN });
    this.#clock.after(TICK, () => this.#tick());
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Commands with the target. */
  get commands(): ReadonlySet<Command> {
    return this.#commands;
  }

  /** Whether the target takes one more command now. */
  get takesCommands(): boolean {
    return !this.#ended && this.#leaveDue === 0 && notAfter(this.#requests.cmdSN, this.#maxCmdSN);
  }

  send(command: Command): void {
    command.renew();
    command.wasSent = true;
    this.#commands.add(command);
    this.#byIndex[command.index] = command;
    this.#requests.command(command);
  }

  /** ABORT TASK; the command ends as `ending`, unless its answer comes first. */
  abort(command: Command, ending: DeviceOutcome): void {
    if (command.ending !== undefined || command.answered) return;
    command.ending = ending;
    command.deadline = this.#clock.now() + this.#times.answer;
    this.#requests.abort(command);
  }

  /** LOGICAL UNIT RESET. No command may be sent before its end, which is `unitReset` or the loss of the session. */
  resetUnit(): void {
    if (this.#resetDue !== 0) return;
    this.#resetDue = this.#clock.now() + this.#times.answer;
    this.#requests.resetUnit();
  }

  /** Logs out, and ends the session with the target's answer or without. `lost` follows. */
  logOut(): void {
    this.#leaveDue = this.#clock.now();
    this.#logoutDue = this.#clock.now() + this.#times.answer;
    this.#requests.logout();
  }

  lose(reason: string): void {
    this.#connection.lose(reason);
  }

  header(pdu: ReceivedHeader): Problem | undefined {
    const opcode = pdu.view.getUint8(BHS_OPCODE) & OPCODE_MASK;
    this.#segmentLength = 0;
    this.#receiving = undefined;
    if (!ANSWERS.has(opcode)) return `PDU 0x${opcode.toString(16)}, which no initiator is sent`;
    if (opcode !== SCSI_DATA_IN) return undefined;
    const command = this.#find(pdu.view.getUint32(BHS_ITT));
    if (command === undefined) return "Data-In to no command of ours";
    this.#receiving = command;
    return judgeDataIn(command, pdu);
  }

  data(source: Uint8Array, from: number, to: number): void {
    const command = this.#receiving;
    if (command !== undefined) {
      this.#memory.u8.set(source.subarray(from, to), command.request.dataOffset + command.received);
      command.received += to - from;
      return;
    }
    for (let at = from; at < to && this.#segmentLength < SEGMENT_MAXIMUM; at++)
      this.#segment[this.#segmentLength++] = source[at] ?? 0;
  }

  end(pdu: ReceivedHeader, intact: boolean): Problem | undefined {
    if (!intact) return "data digest is wrong";
    const { view } = pdu;
    const row = ANSWERS.get(view.getUint8(BHS_OPCODE) & OPCODE_MASK);
    if (row === undefined) return undefined;
    if (row.counted(view)) this.#count(view.getUint32(RESPONSE_STAT_SN));
    const wider = this.#widen(view.getUint32(RESPONSE_EXP_CMD_SN), view.getUint32(RESPONSE_MAX_CMD_SN));
    const problem = row.take(this, pdu);
    if (wider && problem === undefined) this.owner.widened();
    return problem;
  }

  /** A StatSN of long ago comes from nobody: it is not counted. */
  #count(statSN: number): void {
    if (notAfter(this.#requests.expStatSN, statSN)) this.#requests.expStatSN = (statSN + 1) >>> 0;
  }

  /** [RFC 7143] 4.2.2.1: a MaxCmdSN that can't be, or that is older than ours, counts for nothing. */
  #widen(expCmdSN: number, maxCmdSN: number): boolean {
    if (!notAfter((expCmdSN - 1) >>> 0, maxCmdSN)) return false;
    if (maxCmdSN === this.#maxCmdSN || !notAfter(this.#maxCmdSN, maxCmdSN)) return false;
    this.#maxCmdSN = maxCmdSN;
    return true;
  }

  #find(tag: number): Command | undefined {
    const command = this.#byIndex[tagIndex(tag)];
    return command !== undefined && command.tag === tag && !command.answered ? command : undefined;
  }

  dataIn(pdu: ReceivedHeader): Problem | undefined {
    const command = this.#receiving;
    if (command !== undefined && endDataIn(command, pdu)) this.#answered(command);
    return undefined;
  }

  response(pdu: ReceivedHeader): Problem | undefined {
    const command = this.#find(pdu.view.getUint32(BHS_ITT));
    if (command === undefined) return "a SCSI Response to no command of ours";
    takeResponse(command, pdu, this.#segment.subarray(0, this.#segmentLength));
    this.#answered(command);
    return undefined;
  }

  r2t(pdu: ReceivedHeader): Problem | undefined {
    const command = this.#find(pdu.view.getUint32(BHS_ITT));
    return command === undefined
      ? "an R2T for no command of ours"
      : answerR2t(command, pdu, this.#requests, this.#maxBurstLength);
  }

  nopIn({ bytes, view }: ReceivedHeader): Problem | undefined {
    const [tag, transferTag] = [view.getUint32(BHS_ITT), view.getUint32(TARGET_TRANSFER_TAG)];
    if (tag === INDEX_PING) return undefined;
    if (tag !== RESERVED_TAG) return "a NOP-In to no request of ours";
    if (transferTag === RESERVED_TAG) return undefined;
    if (this.#connection.outbox.unwritten === 0) this.#pongs = 0;
    if (++this.#pongs > PONGS_MAXIMUM) return "the target asks, and does not take the answers";
    this.#requests.pong(bytes, transferTag);
    return undefined;
  }

  managed({ view }: ReceivedHeader): Problem | undefined {
    const tag = view.getUint32(BHS_ITT);
    const code = view.getUint8(TASK_RESPONSE);
    if (tag === INDEX_RESET && this.#resetDue !== 0) {
      if (code !== FUNCTION_COMPLETE) return `the target does not reset the unit (response ${code})`;
      this.#resetDue = 0;
      for (const command of [...this.#commands]) this.#end(command, "aborted", "the unit was reset");
      this.owner.unitReset();
      return undefined;
    }
    const aborted = abortedTag(tag);
    const command = aborted === undefined ? undefined : this.#find(aborted);
    // Its answer may have crossed our wish to abort it.
    if (command?.ending === undefined) return undefined;
    if (code !== FUNCTION_COMPLETE && code !== FUNCTION_NO_TASK)
      return `the target does not abort a command (response ${code})`;
    this.#end(command, command.ending, "aborted by the target");
    return undefined;
  }

  /** [RFC 7143] 11.9. */
  asyncMessage({ view }: ReceivedHeader): Problem | undefined {
    const event = view.getUint8(ASYNC_EVENT);
    if (event === ASYNC_CONNECTION_DROP || event === ASYNC_SESSION_DROP) {
      this.wait = milliseconds(view.getUint16(ASYNC_PARAMETER_2));
      return "the target drops the session";
    }
    // New parameters are negotiated by a new session.
    if ((event === ASYNC_LOGOUT_REQUEST || event === ASYNC_NEGOTIATION_REQUEST) && this.#leaveDue === 0)
      this.#leaveDue = this.#clock.now() + milliseconds(view.getUint16(ASYNC_PARAMETER_3)) / 2;
    return undefined;
  }

  loggedOut(): Problem | undefined {
    return this.#logoutDue === 0 ? "a Logout Response to no request of ours" : "logged out";
  }

  /** [RFC 7143] 11.17. */
  rejected({ view }: ReceivedHeader): Problem | undefined {
    const reason = `the target rejects a request (reason ${view.getUint8(REJECT_REASON)})`;
    const rejected = new DataView(this.#segment.buffer, 0, this.#segmentLength);
    if (rejected.byteLength < BHS_LENGTH) return reason;
    const opcode = rejected.getUint8(BHS_OPCODE) & OPCODE_MASK;
    if (opcode === NOP_OUT) return undefined;
    const command = opcode === SCSI_COMMAND ? this.#find(rejected.getUint32(BHS_ITT)) : undefined;
    if (command === undefined) return reason;
    this.#end(command, "refused", reason);
    return undefined;
  }

  returned(tag: number): void {
    const command = this.#byIndex[tagIndex(tag)];
    if (command?.tag !== tag) return;
    command.lent--;
    if (command.answered && command.lent === 0) this.#leave(command);
  }

  lost(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    const commands = [...this.#commands];
    this.#commands.clear();
    this.#byIndex.length = 0;
    this.owner.lost(this, reason, commands);
  }

  #end(command: Command, outcome: DeviceOutcome, reason: string): void {
    command.request.outcome = outcome;
    command.request.reason = reason;
    this.#answered(command);
  }

  /** Its buffer is given back when the socket has taken all of it. */
  #answered(command: Command): void {
    command.answered = true;
    if (command.lent === 0) this.#leave(command);
  }

  #leave(command: Command): void {
    this.#commands.delete(command);
    this.#byIndex[command.index] = undefined;
    this.owner.ended(command);
  }

  #tick(): void {
    if (this.#ended) return;
    const now = this.#clock.now();
    const problem = this.#overdue(now);
    if (problem !== undefined) return this.lose(problem);
    if (this.#leaveDue !== 0 && this.#logoutDue === 0 && (this.#commands.size === 0 || now > this.#leaveDue))
      this.logOut();
    this.#clock.after(TICK, () => this.#tick());
  }

  #overdue(now: number): Problem | undefined {
    const { idle, answer } = this.#times;
    const { heardAt } = this.#connection;
    if (heardAt > this.#pongDue - answer) this.#pongDue = 0;
    if (this.#pongDue === 0 && now - heardAt > idle) {
      this.#pongDue = now + answer;
      this.#requests.ping();
    }
    if (this.#pongDue !== 0 && now > this.#pongDue) return `no answer within ${answer} ms`;
    if (this.#resetDue !== 0 && now > this.#resetDue) return `the unit was not reset within ${answer} ms`;
    if (this.#logoutDue !== 0 && now > this.#logoutDue) return "logged out, without an answer";
    for (const { ending, deadline } of this.#commands)
      if (ending !== undefined && now > deadline) return `a command was not aborted within ${answer} ms`;
    return undefined;
  }
}

/** Seconds that a target names, as far as they are heeded. */
function milliseconds(seconds: number): number {
  return Math.min(seconds * MILLISECONDS_A_SECOND, WAIT_MAXIMUM);
}
