import {
  BHS_FLAGS,
  BHS_ITT,
  BHS_LENGTH,
  BHS_LUN,
  BHS_OPCODE,
  FLAG_CONTINUE,
  LOGOUT_CID,
  LOGOUT_CLOSE_CONNECTION,
  LOGOUT_CLOSE_SESSION,
  LOGOUT_DONE,
  LOGOUT_NO_CONNECTION,
  LOGOUT_NO_RECOVERY,
  LOGOUT_REASON_MASK,
  LOGOUT_REQUEST,
  NOP_OUT,
  OPCODE_IMMEDIATE,
  OPCODE_MASK,
  REJECT_COMMAND_NOT_SUPPORTED,
  REJECT_DATA_DIGEST,
  REJECT_PROTOCOL_ERROR,
  REJECT_SNACK,
  REQUEST_CMD_SN,
  RESERVED_TAG,
  SCSI_COMMAND,
  SCSI_DATA_OUT,
  SNACK_REQUEST,
  TARGET_TRANSFER_TAG,
  TASK_MANAGEMENT_REQUEST,
  TEXT_REQUEST,
} from "../../abi/iscsi.ts";
import type { PduSink, Problem, ReceivedHeader } from "../../iscsi/pdu-reader.ts";
import type { Commands } from "./commands.ts";
import type { Responses } from "./responses.ts";
import type { Session } from "./session.ts";
import { manageTasks, type TaskManagementPlace, taskManagementRequest } from "./task-management.ts";
import type { TextExchange } from "./text-exchange.ts";

const LUN_BYTES = 8;

export interface FullFeatureOptions {
  readonly session: Session;
  readonly responses: Responses;
  /** None in a discovery session. */
  readonly commands: Commands | undefined;
  readonly management: TaskManagementPlace | undefined;
  readonly text: TextExchange;
  readonly cid: number;
  /** Bytes that the initiator takes back of a NOP-Out. */
  readonly echoMaximum: () => number;
  /** The initiator has answered a NOP-In of ours. */
  pong(tag: number): void;
  /** The response to a logout is on its way: the connections close behind it. */
  loggedOut(wholeSession: boolean, cid: number): void;
}

/** How a request that is not on the data path is taken. */
interface RequestRow {
  /** Data that its PDU may carry. */
  readonly data: boolean;
  /** Takes its place in the command order, unless it is immediate. */
  readonly ordered: boolean;
  perform(phase: FullFeature, header: Uint8Array, view: DataView, data: Uint8Array): void;
}

const REQUESTS: ReadonlyMap<number, RequestRow> = new Map<number, RequestRow>([
  [NOP_OUT, { data: true, ordered: true, perform: (phase, header, view, data) => phase.nopOut(header, view, data) }],
  [
    TASK_MANAGEMENT_REQUEST,
    { data: false, ordered: true, perform: (phase, header, view) => phase.manage(header, view) },
  ],
  [TEXT_REQUEST, { data: true, ordered: true, perform: (phase, header, view, data) => phase.text(header, view, data) }],
  [LOGOUT_REQUEST, { data: false, ordered: true, perform: (phase, _header, view) => phase.logout(view) }],
  // Recovery within a connection belongs to higher error recovery levels.
  [SNACK_REQUEST, { data: false, ordered: false, perform: (phase, header) => phase.reject(REJECT_SNACK, header) }],
]);

/** The full feature phase of one connection: every PDU to whoever deals with it. [RFC 7143] clause 11. */
export class FullFeature implements PduSink {
  readonly #options: FullFeatureOptions;
  #opcode = 0;
  #data = new Uint8Array();
  #filled = 0;

  constructor(options: FullFeatureOptions) {
    this.#options = options;
  }

  header(pdu: ReceivedHeader): Problem | undefined {
    this.#opcode = pdu.view.getUint8(BHS_OPCODE) & OPCODE_MASK;
    const { commands } = this.#options;
    if (commands !== undefined && this.#opcode === SCSI_COMMAND) return commands.begin(pdu);
    if (commands !== undefined && this.#opcode === SCSI_DATA_OUT) return commands.beginDataOut(pdu);
    const row = REQUESTS.get(this.#opcode);
    if (row !== undefined && !row.data && pdu.dataLength > 0) return `data with a request of opcode ${this.#opcode}`;
    this.#data = row?.data === true ? new Uint8Array(pdu.dataLength) : this.#data;
    this.#filled = 0;
    return undefined;
  }

  data(source: Uint8Array, from: number, to: number): void {
    if (this.#opcode === SCSI_COMMAND || this.#opcode === SCSI_DATA_OUT) {
      this.#options.commands?.data(source, from, to);
    } else if (this.#filled + to - from <= this.#data.length) {
      this.#data.set(source.subarray(from, to), this.#filled);
      this.#filled += to - from;
    }
  }

  end(pdu: ReceivedHeader, intact: boolean): Problem | undefined {
    const { commands } = this.#options;
    if (!intact) {
      this.#options.responses.reject(REJECT_DATA_DIGEST, pdu.bytes);
      // A request that is lost leaves a hole in the command order, which only a new session mends at level 0; lost data
      // end their command. [RFC 7143] 7.8.
      if (commands === undefined || this.#opcode !== SCSI_DATA_OUT) return "data digest of a request is wrong";
    }
    if (commands !== undefined && this.#opcode === SCSI_COMMAND) commands.end();
    else if (commands !== undefined && this.#opcode === SCSI_DATA_OUT) commands.endDataOut(intact);
    else this.#request(pdu);
    return undefined;
  }

  #request({ bytes, view }: ReceivedHeader): void {
    const row = REQUESTS.get(this.#opcode);
    if (row === undefined) return this.reject(REJECT_COMMAND_NOT_SUPPORTED, bytes);
    const data = this.#data;
    this.#data = new Uint8Array();
    const { session } = this.#options;
    const immediate = (view.getUint8(BHS_OPCODE) & OPCODE_IMMEDIATE) !== 0;
    if (immediate || !row.ordered) return row.perform(this, bytes, view, data);
    const cmdSN = view.getUint32(REQUEST_CMD_SN);
    if (!session.expects(cmdSN)) return;
    // It may have to wait: the reader's header is used again.
    const header = bytes.slice(0, BHS_LENGTH);
    session.submit(cmdSN, {
      deliver: () => {
        session.ended();
        row.perform(this, header, new DataView(header.buffer), data);
      },
    });
  }

  /** [RFC 7143] 11.18: a ping, or the answer to one of ours. */
  nopOut(header: Uint8Array, view: DataView, data: Uint8Array): void {
    const itt = view.getUint32(BHS_ITT);
    if (itt === RESERVED_TAG) return this.#options.pong(view.getUint32(TARGET_TRANSFER_TAG));
    const echo = data.subarray(0, this.#options.echoMaximum());
    this.#options.responses.nopIn(itt, header.subarray(BHS_LUN, BHS_LUN + LUN_BYTES), echo);
  }

  manage(header: Uint8Array, view: DataView): void {
    const { management, responses } = this.#options;
    if (management === undefined) return this.reject(REJECT_COMMAND_NOT_SUPPORTED, header);
    const pdu = { bytes: header, view, ahsLength: 0, dataLength: 0 };
    const request = taskManagementRequest(pdu);
    manageTasks(management, request, (response) => responses.taskManagement(request.itt, response));
  }

  text(header: Uint8Array, view: DataView, data: Uint8Array): void {
    const continued = (view.getUint8(BHS_FLAGS) & FLAG_CONTINUE) !== 0;
    const understood = this.#options.text.request(
      view.getUint32(BHS_ITT),
      view.getUint32(TARGET_TRANSFER_TAG),
      continued,
      data,
    );
    if (!understood) this.reject(REJECT_PROTOCOL_ERROR, header);
  }

  /** [RFC 7143] 11.14. */
  logout(view: DataView): void {
    const { session, responses, cid: ours, loggedOut } = this.#options;
    const reason = view.getUint8(BHS_FLAGS) & LOGOUT_REASON_MASK;
    const itt = view.getUint32(BHS_ITT);
    const cid = view.getUint16(LOGOUT_CID);
    if (reason === LOGOUT_CLOSE_SESSION) {
      responses.logout(itt, LOGOUT_DONE);
      loggedOut(true, ours);
    } else if (reason !== LOGOUT_CLOSE_CONNECTION) {
      responses.logout(itt, LOGOUT_NO_RECOVERY);
    } else if (session.connections.has(cid)) {
      responses.logout(itt, LOGOUT_DONE);
      loggedOut(false, cid);
    } else {
      responses.logout(itt, LOGOUT_NO_CONNECTION);
    }
  }

  reject(reason: number, header: Uint8Array): void {
    this.#options.responses.reject(reason, header);
  }
}
