import { createServer, type Server, type Socket } from "node:net";
import { CHUNK_FLAG_DONE } from "../../src/abi/nbd.ts";
import { ByteReader } from "../../src/backends/nbd/byte-reader.ts";

const GREETING = Buffer.from("4e42444d4147494349484156454f50540003", "hex");
const ALLOCATION = Buffer.from("base:allocation");
/** Under which the hand-made server tells what has storage. */
export const CONTEXT = 77;
const EXPORT_FLAGS = 0x01 | 0x04 | 0x08 | 0x40;

/** One request as it came. */
export interface HandRequest {
  readonly command: number;
  readonly cookie: Buffer;
  readonly offset: number;
  readonly length: number;
  readonly data: Buffer;
  readonly fua: boolean;
}

/** What a hand-made server does with a request: writes to the socket whatever the test wants. */
export type Behaviour = (request: HandRequest, socket: Socket) => void;

/** An NBD server whose transmission phase is the test's, over a right handshake. */
export class HandNbdServer {
  behaviour: Behaviour;
  /** Most bytes of one request, as it tells the client; 0: it does not tell. */
  maximumPayload = 0;
  /** Connections so far. */
  connections = 0;
  readonly #size: number;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #structured: boolean;

  constructor(size: number, structured: boolean, behaviour: Behaviour) {
    this.#size = size;
    this.#structured = structured;
    this.behaviour = behaviour;
    this.#server = createServer((socket) => void this.#serve(socket).catch(() => socket.destroy()));
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve) => this.#server.listen(path, resolve));
  }

  /** Ends all connections, as a server that dies. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.drop();
    this.#server.close();
  }

  async #serve(socket: Socket): Promise<void> {
    this.connections++;
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket)).on("error", () => {});
    const reader = new ByteReader(socket);
    const bytes = (length: number) => reader.read(length);
    socket.write(GREETING);
    await bytes(4);
    for (let going = false; !going; ) {
      const header = await bytes(16);
      const option = header.readUInt32BE(8);
      await bytes(header.readUInt32BE(12));
      going = option === 7;
      if (going) socket.write(reply(option, 3, this.#exportInfo()));
      if (going && this.maximumPayload > 0) socket.write(reply(option, 3, this.#blockSizes()));
      const context = option === 10 && this.#structured;
      if (context) socket.write(reply(option, 4, Buffer.concat([Buffer.of(0, 0, 0, CONTEXT), ALLOCATION])));
      const refused = option !== 7 && !((option === 8 || context) && this.#structured);
      socket.write(reply(option, refused ? 0x8000_0001 : 1, Buffer.alloc(0)));
    }
    for (;;) {
      const header = await bytes(28);
      const command = header.readUInt16BE(6);
      if (command === 2) return void socket.end();
      const length = header.readUInt32BE(24);
      const data = command === 1 ? await bytes(length) : Buffer.alloc(0);
      const offset = Number(header.readBigUInt64BE(16));
      const fua = (header.readUInt16BE(4) & 1) !== 0;
      this.behaviour({ command, cookie: Buffer.from(header.subarray(8, 16)), offset, length, data, fua }, socket);
    }
  }

  #exportInfo(): Buffer {
    const info = Buffer.alloc(12);
    info.writeBigUInt64BE(BigInt(this.#size), 2);
    info.writeUInt16BE(EXPORT_FLAGS, 10);
    return info;
  }

  #blockSizes(): Buffer {
    const info = Buffer.alloc(14);
    info.writeUInt16BE(3, 0);
    info.writeUInt32BE(512, 2);
    info.writeUInt32BE(4096, 6);
    info.writeUInt32BE(this.maximumPayload, 10);
    return info;
  }
}

export function simpleReply(cookie: Buffer, error = 0, data: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32BE(0x67446698, 0);
  header.writeUInt32BE(error, 4);
  cookie.copy(header, 8);
  return Buffer.concat([header, data]);
}

export function chunk(cookie: Buffer, type: number, payload: Buffer, flags = CHUNK_FLAG_DONE): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt32BE(0x668e33ef, 0);
  header.writeUInt16BE(flags, 4);
  header.writeUInt16BE(type, 6);
  cookie.copy(header, 8);
  header.writeUInt32BE(payload.length, 16);
  return Buffer.concat([header, payload]);
}

export function at(offset: number, rest: Buffer): Buffer {
  const place = Buffer.alloc(8);
  place.writeBigUInt64BE(BigInt(offset));
  return Buffer.concat([place, rest]);
}

function reply(option: number, type: number, data: Buffer): Buffer {
  const header = Buffer.from("0003e889045565a9000000000000000000000000", "hex");
  header.writeUInt32BE(option, 8);
  header.writeUInt32BE(type, 12);
  header.writeUInt32BE(data.length, 16);
  return Buffer.concat([header, data]);
}
