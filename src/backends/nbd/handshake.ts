import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import {
  CONTEXT_ALLOCATION,
  FLAG_FIXED_NEWSTYLE,
  FLAG_NO_ZEROES,
  INFO_BLOCK_SIZE,
  INFO_EXPORT,
  NBD_MAGIC,
  OPTION_GO,
  OPTION_MAGIC,
  OPTION_REPLY_MAGIC,
  OPTION_SET_META_CONTEXT,
  OPTION_STARTTLS,
  OPTION_STRUCTURED_REPLY,
  REPLY_ACK,
  REPLY_ERROR,
  REPLY_ERROR_BLOCK_SIZE,
  REPLY_ERROR_POLICY,
  REPLY_ERROR_SHUTDOWN,
  REPLY_ERROR_TLS_REQUIRED,
  REPLY_ERROR_UNKNOWN,
  REPLY_ERROR_UNSUPPORTED,
  REPLY_INFO,
  REPLY_META_CONTEXT,
} from "../../abi/nbd.ts";
import { ByteReader } from "./byte-reader.ts";
import type { NbdAddress } from "./uri.ts";

/** The server does not want what we want; the text says why, and what to do. */
class NbdRefusalError extends Error {}

/** What the server presents its certificate for, and with what the client may present its own. PEM texts. */
export interface NbdTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Name that the server's certificate must have; the URI's host unless told. */
  readonly serverName?: string | undefined;
}

/** An export that has been opened: what follows on the socket is the transmission phase. */
export interface NbdExport {
  readonly socket: Socket;
  /** Bytes. */
  readonly size: number;
  /** EXPORT_ flags. */
  readonly flags: number;
  /** Requests must begin and end at multiples of it. */
  readonly minimumBlock: number;
  readonly preferredBlock: number;
  /** Most bytes of one request with data. */
  readonly maximumPayload: number;
  /** Number under which the server tells what has storage; undefined when it does not. */
  readonly allocationContext: number | undefined;
  /** Bytes of the transmission phase that have come already. */
  readonly early: Buffer;
}

/** What every server takes that tells no block size. [NBD] "Block size constraints". */
const DEFAULT_MINIMUM_BLOCK = 1;
const DEFAULT_PREFERRED_BLOCK = 4096;
const DEFAULT_MAXIMUM_PAYLOAD = 0x200_0000;
/** A reply's payload is a few names: more is no NBD server. */
const REPLY_MAXIMUM = 0x1_0000;

const REFUSALS = new Map([
  [REPLY_ERROR_UNSUPPORTED, "does not know the option"],
  [REPLY_ERROR_POLICY, "does not allow it"],
  [REPLY_ERROR_TLS_REQUIRED, "wants TLS: use an nbds:// or nbds+unix:// URI"],
  [REPLY_ERROR_UNKNOWN, "has no export of that name"],
  [REPLY_ERROR_SHUTDOWN, "is shutting down"],
  [REPLY_ERROR_BLOCK_SIZE, "wants another block size"],
]);

interface OptionReply {
  readonly type: number;
  readonly data: Buffer;
}

/** Options, one after the other, on a socket. */
class OptionTalk {
  readonly reader: ByteReader;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.reader = new ByteReader(socket);
  }

  /** Greeting of the fixed newstyle handshake. */
  async greet(): Promise<void> {
    const greeting = await this.reader.read(18);
    if (!startsWith(greeting, 0, NBD_MAGIC)) throw new NbdRefusalError("what listens there is no NBD server");
    const flags = greeting.readUInt16BE(16);
    if (!startsWith(greeting, 8, OPTION_MAGIC) || (flags & FLAG_FIXED_NEWSTYLE) === 0)
      throw new NbdRefusalError("the server speaks only an older handshake than fixed newstyle");
    const answer = Buffer.alloc(4);
    answer.writeUInt32BE(FLAG_FIXED_NEWSTYLE | (flags & FLAG_NO_ZEROES));
    this.#socket.write(answer);
  }

  send(option: number, data: Buffer): void {
    const header = Buffer.alloc(16);
    header.writeUInt32BE(OPTION_MAGIC[0], 0);
    header.writeUInt32BE(OPTION_MAGIC[1], 4);
    header.writeUInt32BE(option, 8);
    header.writeUInt32BE(data.length, 12);
    this.#socket.write(Buffer.concat([header, data]));
  }

  /** The next reply to an option. @throws NbdRefusalError when it is no reply to it */
  async reply(option: number): Promise<OptionReply> {
    const header = await this.reader.read(20);
    const length = header.readUInt32BE(16);
    if (!startsWith(header, 0, OPTION_REPLY_MAGIC) || header.readUInt32BE(8) !== option)
      throw new NbdRefusalError("the server's answer to an option is no NBD");
    if (length > REPLY_MAXIMUM) throw new NbdRefusalError(`the server's answer to an option claims ${length} bytes`);
    return { type: header.readUInt32BE(12), data: await this.reader.read(length) };
  }

  /** Sends an option without data. @returns false when the server refuses it */
  async option(option: number): Promise<boolean> {
    this.send(option, Buffer.alloc(0));
    return (await this.reply(option)).type === REPLY_ACK;
  }
}

/**
 * Opens an export: fixed newstyle handshake, STARTTLS for nbds, structured replies and with them the status of blocks where
 * the server has them, then GO. [NBD] "Fixed newstyle negotiation". The caller ends the socket when this fails.
 * @throws NbdRefusalError, ConnectionEndedError
 */
export async function openExport(plain: Socket, address: NbdAddress, tls: NbdTls = {}): Promise<NbdExport> {
  let talk = new OptionTalk(plain);
  await talk.greet();
  let socket = plain;
  if (address.tls) {
    socket = await startTls(plain, talk, address, tls);
    talk = new OptionTalk(socket);
  }
  // Where they are refused, the parser takes the simple ones as well.
  const structured = await talk.option(OPTION_STRUCTURED_REPLY);
  const allocationContext = structured ? await setAllocationContext(talk, address) : undefined;
  const found = await go(talk, address);
  return { ...found, allocationContext, socket, early: talk.reader.release() };
}

/** A server that does not have the context, or not the option, goes on without. [NBD] "NBD_OPT_SET_META_CONTEXT". */
async function setAllocationContext(talk: OptionTalk, { exportName }: NbdAddress): Promise<number | undefined> {
  talk.send(OPTION_SET_META_CONTEXT, Buffer.concat([counted(exportName), u32(1), counted(CONTEXT_ALLOCATION)]));
  for (let context: number | undefined; ; ) {
    const { type, data } = await talk.reply(OPTION_SET_META_CONTEXT);
    if (type === REPLY_ACK) return context;
    if (type >= REPLY_ERROR) return undefined;
    if (type === REPLY_META_CONTEXT && data.toString("latin1", 4) === CONTEXT_ALLOCATION)
      context = data.readUInt32BE(0);
  }
}

async function startTls(plain: Socket, talk: OptionTalk, address: NbdAddress, tls: NbdTls): Promise<Socket> {
  if (!(await talk.option(OPTION_STARTTLS)))
    throw new NbdRefusalError("the server has no TLS: use an nbd:// URI, or start it with certificates");
  talk.reader.release();
  const servername = tls.serverName ?? (address.host === "" ? "localhost" : address.host);
  return new Promise((take, refuse) => {
    const secure = connectTls({ socket: plain, servername, ca: tls.ca, cert: tls.cert, key: tls.key }, () => {
      secure.off("error", refuse);
      take(secure);
    });
    secure.once("error", refuse);
  });
}

async function go(talk: OptionTalk, { exportName }: NbdAddress) {
  const found = {
    size: -1,
    flags: 0,
    minimumBlock: DEFAULT_MINIMUM_BLOCK,
    preferredBlock: DEFAULT_PREFERRED_BLOCK,
    maximumPayload: DEFAULT_MAXIMUM_PAYLOAD,
  };
  talk.send(OPTION_GO, Buffer.concat([counted(exportName), u16(1), u16(INFO_BLOCK_SIZE)]));
  for (;;) {
    const { type, data } = await talk.reply(OPTION_GO);
    if (type === REPLY_ACK) break;
    if (type >= REPLY_ERROR) {
      const reason = REFUSALS.get(type) ?? `answers with error 0x${type.toString(16)}`;
      const told = data.length > 0 ? ` (it says: ${printable(data)})` : "";
      throw new NbdRefusalError(`the server refuses export "${exportName}": it ${reason}${told}`);
    }
    if (type === REPLY_INFO) takeInfo(data, found);
  }
  if (found.size < 0) throw new NbdRefusalError("the server did not tell the size of the export");
  return found;
}

function takeInfo(data: Buffer, found: { -readonly [Field in keyof Awaited<ReturnType<typeof go>>]: number }): void {
  const type = data.length >= 2 ? data.readUInt16BE(0) : -1;
  if (type === INFO_EXPORT && data.length === 12) {
    const size = data.readBigUInt64BE(2);
    if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw new NbdRefusalError(`the server claims ${size} bytes`);
    found.size = Number(size);
    found.flags = data.readUInt16BE(10);
  }
  if (type === INFO_BLOCK_SIZE && data.length === 14) {
    found.minimumBlock = data.readUInt32BE(2);
    found.preferredBlock = data.readUInt32BE(6);
    found.maximumPayload = Math.min(data.readUInt32BE(10), DEFAULT_MAXIMUM_PAYLOAD);
    if (!isPowerOfTwo(found.minimumBlock) || found.maximumPayload < found.minimumBlock)
      throw new NbdRefusalError(`the server tells block sizes that can't be: ${data.toString("hex")}`);
  }
}

function startsWith(bytes: Buffer, at: number, magic: readonly [number, number]): boolean {
  return bytes.readUInt32BE(at) === magic[0] && bytes.readUInt32BE(at + 4) === magic[1];
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

function counted(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([u32(bytes.length), bytes]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A server's text, fit for a terminal. */
function printable(bytes: Buffer): string {
  return bytes.toString("utf8").replace(/[^\x20-\x7e]/g, "?");
}
