import { createServer, type Server, type Socket } from "node:net";
import {
  BHS_AHS_LENGTH,
  BHS_DATA_LENGTH,
  BHS_FLAGS,
  BHS_ITT,
  BHS_LENGTH,
  BHS_OPCODE,
  DATA_FLAG_STATUS,
  FLAG_FINAL,
  LOGIN_CURRENT_STAGE_SHIFT,
  LOGIN_ISID,
  LOGIN_REQUEST,
  LOGIN_RESPONSE,
  LOGIN_STAGE_MASK,
  LOGIN_TSIH,
  NOP_IN,
  NOP_OUT,
  OPCODE_IMMEDIATE,
  OPCODE_MASK,
  READY_TO_TRANSFER,
  REQUEST_CMD_SN,
  RESERVED_TAG,
  RESPONSE_EXP_CMD_SN,
  RESPONSE_MAX_CMD_SN,
  RESPONSE_STAT_SN,
  SCSI_COMMAND,
  SCSI_DATA_IN,
  SCSI_RESPONSE,
  SCSI_RESPONSE_STATUS,
  STAGE_SECURITY,
  TARGET_TRANSFER_TAG,
} from "../../src/abi/iscsi.ts";
import { formatText, parseText } from "../../src/iscsi/text.ts";

/** A PDU of the initiator's. */
export interface HandPdu {
  readonly opcode: number;
  readonly immediate: boolean;
  readonly flags: number;
  readonly itt: number;
  readonly header: Buffer;
  readonly ahs: Buffer;
  readonly data: Buffer;
  /** Of a SCSI Command. */
  readonly cdb: Buffer;
}

export interface Answer {
  readonly opcode: number;
  readonly flags?: number;
  readonly itt?: number;
  /** Values of four bytes by offset. */
  readonly u32?: Readonly<Record<number, number>>;
  readonly u8?: Readonly<Record<number, number>>;
  readonly data?: Uint8Array;
  /** Takes no StatSN. */
  readonly uncounted?: boolean;
}

/** What a target does with a PDU other than a login. */
export type Behaviour = (pdu: HandPdu, connection: HandConnection) => void;
/** What it answers to a login; undefined is the usual. */
export type LoginBehaviour = (pdu: HandPdu, connection: HandConnection, step: number) => Answer | undefined | "nothing";

const ANSWERS: Readonly<Record<string, string>> = {
  AuthMethod: "None",
  HeaderDigest: "None",
  DataDigest: "None",
  MaxConnections: "1",
  InitialR2T: "Yes",
  ImmediateData: "Yes",
  MaxRecvDataSegmentLength: "8192",
  MaxBurstLength: "16384",
  FirstBurstLength: "8192",
  MaxOutstandingR2T: "1",
  DefaultTime2Wait: "0",
  DefaultTime2Retain: "0",
  DataPDUInOrder: "Yes",
  DataSequenceInOrder: "Yes",
  ErrorRecoveryLevel: "0",
};

/** One connection of an initiator's. */
export class HandConnection {
  readonly socket: Socket;
  readonly target: HandIscsiTarget;
  statSN = 77;
  expCmdSN = 1;
  /** How many commands beyond the next are taken. */
  window = 64;
  loginSteps = 0;
  #kept: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, target: HandIscsiTarget) {
    this.socket = socket;
    this.target = target;
    socket.on("error", () => {});
    socket.on("data", (chunk) => this.#take(chunk));
  }

  /** Bytes of a PDU, with the numbers of its moment. */
  bytes({ opcode, flags = FLAG_FINAL, itt = RESERVED_TAG, u32 = {}, u8 = {}, data, uncounted }: Answer): Buffer {
    const header = Buffer.alloc(BHS_LENGTH);
    header[BHS_OPCODE] = opcode;
    header[BHS_FLAGS] = flags;
    header.writeUIntBE(data?.length ?? 0, BHS_DATA_LENGTH, 3);
    header.writeUInt32BE(itt, BHS_ITT);
    header.writeUInt32BE(this.statSN, RESPONSE_STAT_SN);
    if (uncounted !== true) this.statSN = (this.statSN + 1) >>> 0;
    header.writeUInt32BE(this.expCmdSN, RESPONSE_EXP_CMD_SN);
    header.writeUInt32BE((this.expCmdSN + this.window - 1) >>> 0, RESPONSE_MAX_CMD_SN);
    for (const [at, value] of Object.entries(u32)) header.writeUInt32BE(value >>> 0, Number(at));
    for (const [at, value] of Object.entries(u8)) header[Number(at)] = value;
    const pad = Buffer.alloc(-(data?.length ?? 0) & 3);
    return Buffer.concat([header, data ?? Buffer.alloc(0), pad]);
  }

  send(answer: Answer): void {
    this.socket.write(this.bytes(answer));
  }

  /** Status of a command, with sense data. */
  status({ itt }: HandPdu, status = 0, sense = Buffer.alloc(0), flags = FLAG_FINAL, residual = 0): void {
    const length = Buffer.alloc(sense.length === 0 ? 0 : 2);
    if (sense.length > 0) length.writeUInt16BE(sense.length);
    this.send({
      opcode: SCSI_RESPONSE,
      flags,
      itt,
      u8: { [SCSI_RESPONSE_STATUS]: status },
      u32: { 44: residual },
      data: Buffer.concat([length, sense]),
    });
  }

  /** Data with status GOOD. */
  dataIn({ itt }: HandPdu, data: Uint8Array, answer: Partial<Answer> = {}): void {
    const u32 = { [TARGET_TRANSFER_TAG]: RESERVED_TAG, 36: 0, 40: 0 };
    this.send({ opcode: SCSI_DATA_IN, flags: FLAG_FINAL | DATA_FLAG_STATUS, itt, u32, data, ...answer });
  }

  r2t({ itt }: HandPdu, offset: number, length: number, sequence = 0, tag = 5): void {
    const u32 = { [TARGET_TRANSFER_TAG]: tag, 36: sequence, 40: offset, 44: length };
    this.send({ opcode: READY_TO_TRANSFER, itt, u32, uncounted: true });
  }

  close(): void {
    this.socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#kept = Buffer.concat([this.#kept, chunk]);
    for (;;) {
      if (this.#kept.length < BHS_LENGTH) return;
      const ahsEnd = BHS_LENGTH + (this.#kept[BHS_AHS_LENGTH] ?? 0) * 4;
      const length = this.#kept.readUIntBE(BHS_DATA_LENGTH, 3);
      const end = ahsEnd + ((length + 3) & ~3);
      if (this.#kept.length < end) return;
      const header = this.#kept.subarray(0, BHS_LENGTH);
      const pdu: HandPdu = {
        opcode: (header[BHS_OPCODE] ?? 0) & OPCODE_MASK,
        immediate: ((header[BHS_OPCODE] ?? 0) & OPCODE_IMMEDIATE) !== 0,
        flags: header[BHS_FLAGS] ?? 0,
        itt: header.readUInt32BE(BHS_ITT),
        header,
        ahs: this.#kept.subarray(BHS_LENGTH, ahsEnd),
        data: this.#kept.subarray(ahsEnd, ahsEnd + length),
        cdb: header.subarray(32, 48),
      };
      this.#kept = this.#kept.subarray(end);
      this.#dispatch(pdu);
    }
  }

  #dispatch(pdu: HandPdu): void {
    const { target } = this;
    if (pdu.opcode === LOGIN_REQUEST) {
      const answer = target.login(pdu, this, this.loginSteps++) ?? this.usualLogin(pdu);
      if (answer !== "nothing") this.send(answer);
      return;
    }
    target.received.push(pdu);
    if (pdu.opcode === SCSI_COMMAND && !pdu.immediate)
      this.expCmdSN = (pdu.header.readUInt32BE(REQUEST_CMD_SN) + 1) >>> 0;
    if (pdu.opcode === NOP_OUT && pdu.itt !== RESERVED_TAG && target.answersPings)
      return this.send({ opcode: NOP_IN, itt: pdu.itt, u32: { [TARGET_TRANSFER_TAG]: RESERVED_TAG } });
    if (pdu.opcode === SCSI_COMMAND && pdu.cdb[0] === 0x12) return this.#inquiry(pdu);
    target.behaviour(pdu, this);
  }

  /** Goes wherever the initiator wants, and agrees to what it offers as `keys` has it. */
  usualLogin(pdu: HandPdu): Answer {
    const keys = new Map<string, string>();
    for (const key of parseText(pdu.data)?.keys() ?? []) {
      const answer = this.target.keys[key] ?? ANSWERS[key];
      if (answer !== undefined) keys.set(key, answer);
    }
    const stage = (pdu.flags >> LOGIN_CURRENT_STAGE_SHIFT) & LOGIN_STAGE_MASK;
    if (stage === STAGE_SECURITY) keys.set("TargetPortalGroupTag", this.target.portalGroup);
    return this.loginAnswer(pdu, pdu.flags, [...keys]);
  }

  loginAnswer(pdu: HandPdu, flags: number, pairs: [string, string][], status = 0): Answer {
    return {
      opcode: LOGIN_RESPONSE,
      flags,
      itt: pdu.itt,
      u32: {
        8: pdu.header.readUInt32BE(LOGIN_ISID),
        12: ((pdu.header.readUInt16BE(LOGIN_ISID + 4) << 16) | 1) >>> 0,
        36: (status << 16) >>> 0,
      },
      u8: { [LOGIN_TSIH + 1]: 1 },
      data: formatText(pairs),
    };
  }

  #inquiry(pdu: HandPdu): void {
    const { peripheralDeviceType, product } = this.target;
    if (pdu.cdb[1] === 1) {
      const page = Buffer.from([peripheralDeviceType, 0x83, 0, 8, 1, 3, 0, 4, 1, 2, 3, 4]);
      return this.dataIn(pdu, page);
    }
    const data = Buffer.alloc(36, " ");
    data.set([peripheralDeviceType, 0, 5, 2, 31, 0, 0, 2]);
    data.write(product, 16, 16, "latin1");
    this.dataIn(pdu, data);
  }
}

/** An iSCSI target that does what the test wants. */
export class HandIscsiTarget {
  behaviour: Behaviour;
  login: LoginBehaviour = () => undefined;
  keys: Record<string, string> = {};
  portalGroup = "1";
  peripheralDeviceType = 0;
  product = "HAND            ";
  answersPings = true;
  /** Every PDU that came, logins apart. */
  readonly received: HandPdu[] = [];
  readonly connections: HandConnection[] = [];
  readonly #server: Server;

  private constructor(behaviour: Behaviour) {
    this.behaviour = behaviour;
    this.#server = createServer((socket) => this.connections.push(new HandConnection(socket, this)));
  }

  static async start(behaviour: Behaviour): Promise<HandIscsiTarget> {
    const target = new HandIscsiTarget(behaviour);
    await new Promise<void>((resolve) => target.#server.listen(0, "127.0.0.1", resolve));
    return target;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  get url(): string {
    return `iscsi://127.0.0.1:${this.port}/iqn.2026-11.net.example:hand/1`;
  }

  /** Operation codes of the commands that came, INQUIRY apart. */
  get opcodes(): number[] {
    return this.commands.map(({ cdb }) => cdb[0] ?? 0);
  }

  get commands(): HandPdu[] {
    return this.received.filter(({ opcode, cdb }) => opcode === SCSI_COMMAND && cdb[0] !== 0x12);
  }

  /** Ends the connections that there are. */
  drop(): void {
    for (const connection of this.connections) connection.close();
  }

  close(): void {
    this.drop();
    this.#server.close();
  }
}
