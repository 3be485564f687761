import { once } from "node:events";
import { connect, type Socket } from "node:net";
import {
  BHS_DATA_LENGTH,
  BHS_FLAGS,
  BHS_ITT,
  BHS_LENGTH,
  BHS_LUN,
  BHS_OPCODE,
  COMMAND_CDB,
  COMMAND_EXPECTED_LENGTH,
  COMMAND_FLAG_READ,
  COMMAND_FLAG_WRITE,
  DATA_OFFSET,
  DATA_SN,
  FLAG_FINAL,
  LOGIN_CID,
  LOGIN_ISID,
  LOGIN_REQUEST,
  LOGIN_STATUS,
  LOGIN_TSIH,
  NOP_IN,
  OPCODE_IMMEDIATE,
  REQUEST_CMD_SN,
  REQUEST_EXP_STAT_SN,
  RESERVED_TAG,
  RESPONSE_MAX_CMD_SN,
  RESPONSE_STAT_SN,
  SCSI_COMMAND,
  SCSI_DATA_OUT,
  TARGET_TRANSFER_TAG,
} from "../../src/abi/iscsi.ts";
import { crc32c } from "../../src/iscsi/crc32c.ts";
import { formatText, parseText } from "../../src/iscsi/text.ts";

/** How long an answer may take, in milliseconds; a loaded machine is slow. */
const PATIENCE = 10_000;

export const INITIATOR = "iqn.2026-11.net.example:raw";

/** A PDU as it came: header and data segment. */
export class Pdu {
  readonly header: Buffer;
  readonly data: Buffer;
  constructor(header: Buffer, data: Buffer) {
    this.header = header;
    this.data = data;
  }
  get opcode(): number {
    return this.header[BHS_OPCODE] ?? 0;
  }
  get flags(): number {
    return this.header[BHS_FLAGS] ?? 0;
  }
  get itt(): number {
    return this.u32(BHS_ITT);
  }
  get statSN(): number {
    return this.u32(RESPONSE_STAT_SN);
  }
  get maxCmdSN(): number {
    return this.u32(RESPONSE_MAX_CMD_SN);
  }
  u8(at: number): number {
    return this.header.readUInt8(at);
  }
  u16(at: number): number {
    return this.header.readUInt16BE(at);
  }
  u32(at: number): number {
    return this.header.readUInt32BE(at);
  }
  get text(): ReadonlyMap<string, string> {
    return parseText(this.data) ?? new Map();
  }
}

export interface Header {
  opcode: number;
  flags?: number;
  itt?: number;
  lun?: number;
  /** Values of four bytes by offset. */
  u32?: Readonly<Record<number, number>>;
  ahs?: Buffer;
  data?: Uint8Array;
}

/** Bytes of a PDU without digests. */
export function header({ opcode, flags = FLAG_FINAL, itt = 0, lun = 0, u32 = {}, ahs, data }: Header): Buffer {
  const bytes = Buffer.alloc(BHS_LENGTH);
  bytes[BHS_OPCODE] = opcode;
  bytes[BHS_FLAGS] = flags;
  bytes[4] = (ahs?.length ?? 0) / 4;
  bytes.writeUIntBE(data?.length ?? 0, BHS_DATA_LENGTH, 3);
  bytes[BHS_LUN + 1] = lun;
  bytes.writeUInt32BE(itt, BHS_ITT);
  for (const [at, value] of Object.entries(u32)) bytes.writeUInt32BE(value >>> 0, Number(at));
  return ahs ? Buffer.concat([bytes, ahs]) : bytes;
}

export interface LoginOptions {
  target?: string;
  initiator?: string;
  isid?: string;
  cid?: number;
  tsih?: number;
  cmdSN?: number;
  /** Operational keys. */
  keys?: Readonly<Record<string, string>>;
  discovery?: boolean;
}

/** An initiator driven by hand: every byte is the test's. */
export class RawInitiator {
  readonly #socket: Socket;
  readonly #received: Pdu[] = [];
  #buffer: Buffer = Buffer.alloc(0);
  #wake: () => void = () => {};
  headerDigest = false;
  dataDigest = false;
  closed = false;
  cmdSN = 1;
  tsih = 0;
  #itt = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
      this.#wake();
    });
  }

  static async connect(port: number): Promise<RawInitiator> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return new RawInitiator(socket);
  }

  /** Connects and logs in, straight in the operational stage. */
  static async login(port: number, options: LoginOptions = {}): Promise<RawInitiator> {
    const initiator = await RawInitiator.connect(port);
    const response = await initiator.logIn(options);
    if (response.u16(LOGIN_STATUS) !== 0) throw new Error(`login status ${response.u16(LOGIN_STATUS).toString(16)}`);
    return initiator;
  }

  async logIn(options: LoginOptions = {}): Promise<Pdu> {
    this.cmdSN = options.cmdSN ?? 1;
    const { HeaderDigest, DataDigest } = options.keys ?? {};
    this.loginRequest(0x87, identification(options), options);
    const response = await this.next();
    this.tsih = response.u16(LOGIN_TSIH);
    this.headerDigest = HeaderDigest === "CRC32C";
    this.dataDigest = DataDigest === "CRC32C";
    return response;
  }

  loginRequest(flags: number, keys: Readonly<Record<string, string>>, options: LoginOptions = {}): void {
    const data = formatText(Object.entries(keys));
    const bytes = header({ opcode: LOGIN_REQUEST | OPCODE_IMMEDIATE, flags, data });
    Buffer.from(options.isid ?? "800000000001", "hex").copy(bytes, LOGIN_ISID);
    bytes.writeUInt16BE(options.tsih ?? 0, LOGIN_TSIH);
    bytes.writeUInt16BE(options.cid ?? 0, LOGIN_CID);
    bytes.writeUInt32BE(options.cmdSN ?? 1, REQUEST_CMD_SN);
    this.write(bytes, data);
  }

  /** Sends a request; it takes the next CmdSN unless it is immediate or told another. @returns its task tag */
  request(fields: Header & { cmdSN?: number; immediate?: boolean }): number {
    const itt = fields.itt ?? ++this.#itt;
    const immediate = fields.immediate ?? false;
    const cmdSN = fields.cmdSN ?? (immediate ? this.cmdSN : this.cmdSN++);
    const opcode = fields.opcode | (immediate ? OPCODE_IMMEDIATE : 0);
    const bytes = header({
      ...fields,
      opcode,
      itt,
      u32: { [REQUEST_CMD_SN]: cmdSN, [REQUEST_EXP_STAT_SN]: 0, ...fields.u32 },
    });
    this.write(bytes, fields.data);
    return itt;
  }

  /** Sends a SCSI Command. `read` and `write` are expected transfer lengths. */
  command(
    cdb: readonly number[],
    options: {
      lun?: number;
      read?: number;
      write?: number;
      data?: Uint8Array;
      flags?: number;
      cmdSN?: number;
      immediate?: boolean;
      itt?: number;
      ahs?: Buffer;
      attribute?: number;
    } = {},
  ): number {
    const direction = (options.read ? COMMAND_FLAG_READ : 0) | (options.write ? COMMAND_FLAG_WRITE : 0);
    const flags = (options.flags ?? FLAG_FINAL) | direction | (options.attribute ?? 1);
    const cdbWords = Buffer.alloc(16);
    Buffer.from(cdb).copy(cdbWords);
    const u32: Record<number, number> = { [COMMAND_EXPECTED_LENGTH]: options.read ?? options.write ?? 0 };
    for (let at = 0; at < 16; at += 4) u32[COMMAND_CDB + at] = cdbWords.readUInt32BE(at);
    return this.request({ ...options, opcode: SCSI_COMMAND, flags, u32 });
  }

  dataOut(
    itt: number,
    fields: { tag?: number; dataSN?: number; offset: number; data: Uint8Array; final?: boolean },
  ): void {
    const u32 = {
      [TARGET_TRANSFER_TAG]: fields.tag ?? RESERVED_TAG,
      [DATA_SN]: fields.dataSN ?? 0,
      [DATA_OFFSET]: fields.offset,
    };
    const flags = (fields.final ?? true) ? FLAG_FINAL : 0;
    this.write(header({ opcode: SCSI_DATA_OUT, flags, itt, u32, data: fields.data }), fields.data);
  }

  /** Sends a header and its data with the digests that were agreed on. */
  write(bytes: Buffer, data: Uint8Array = new Uint8Array(), damage: { header?: boolean; data?: boolean } = {}): void {
    const pieces = [bytes];
    if (this.headerDigest) pieces.push(digest(bytes, damage.header));
    if (data.length > 0) {
      const padded = Buffer.alloc((data.length + 3) & ~3);
      padded.set(data);
      pieces.push(padded);
      if (this.dataDigest) pieces.push(digest(padded, damage.data));
    }
    this.raw(Buffer.concat(pieces));
  }

  raw(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Stops reading what the target sends. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** The next PDU. @throws when none comes, or the target closes the connection */
  async next(): Promise<Pdu> {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const pdu = this.#received.shift();
      if (pdu !== undefined) return pdu;
      if (this.closed) throw new Error("the target has closed the connection");
      if (Date.now() > deadline) throw new Error("no PDU came");
      await this.#change(deadline - Date.now());
    }
  }

  /** Waits until the target has closed the connection. */
  async end(): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    while (!this.closed) {
      if (Date.now() > deadline) throw new Error("the target has not closed the connection");
      await this.#change(deadline - Date.now());
    }
  }

  /** What has come so far and was not asked for. */
  get pending(): number {
    return this.#received.length;
  }

  /** A request and its answer tell that everything sent before has been dealt with. */
  async settle(): Promise<void> {
    const itt = this.request({ opcode: 0, immediate: true, u32: { [TARGET_TRANSFER_TAG]: RESERVED_TAG } });
    let answer = await this.next();
    // The target may have asked whether we are still there, while the machine was busy with something else.
    while (answer.opcode === NOP_IN && answer.itt === RESERVED_TAG) answer = await this.next();
    if (answer.itt !== itt) throw new Error(`PDU ${answer.opcode.toString(16)} instead of a NOP-In`);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #change(patience: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patience);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #take(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    for (;;) {
      const headerEnd = BHS_LENGTH + (this.headerDigest ? 4 : 0);
      if (this.#buffer.length < headerEnd) break;
      const length = this.#buffer.readUIntBE(BHS_DATA_LENGTH, 3);
      const padded = (length + 3) & ~3;
      const end = headerEnd + padded + (this.dataDigest && length > 0 ? 4 : 0);
      if (this.#buffer.length < end) break;
      this.#check(headerEnd, padded, end);
      this.#received.push(
        new Pdu(this.#buffer.subarray(0, BHS_LENGTH), this.#buffer.subarray(headerEnd, headerEnd + length)),
      );
      this.#buffer = this.#buffer.subarray(end);
    }
    this.#wake();
  }

  #check(headerEnd: number, padded: number, end: number): void {
    const bytes = this.#buffer;
    if (this.headerDigest && crc32c(bytes, 0, BHS_LENGTH) !== bytes.readUInt32LE(BHS_LENGTH))
      throw new Error("wrong header digest");
    if (end > headerEnd + padded && crc32c(bytes, headerEnd, headerEnd + padded) !== bytes.readUInt32LE(end - 4))
      throw new Error("wrong data digest");
  }
}

function digest(bytes: Uint8Array, damaged = false): Buffer {
  const result = Buffer.alloc(4);
  result.writeUInt32LE((crc32c(bytes) ^ (damaged ? 1 : 0)) >>> 0);
  return result;
}

export function identification(options: LoginOptions): Record<string, string> {
  const { initiator = INITIATOR, target = "iqn.2026-11.net.example:disks", discovery = false } = options;
  return {
    InitiatorName: initiator,
    SessionType: discovery ? "Discovery" : "Normal",
    ...(discovery ? {} : { TargetName: target }),
    ...options.keys,
  };
}
