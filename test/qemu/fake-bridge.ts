import { once } from "node:events";
import { connect, type Socket } from "node:net";
import {
  ENTRY_AREA_LENGTH,
  ENTRY_AREA_POSITION,
  ENTRY_AREA_TAKEN,
  ENTRY_DATA_LENGTH,
  ENTRY_IU_LENGTH,
  ENTRY_SIZE,
  ENTRY_TABLE_LENGTH,
  HEADER_EPOCH,
  HEADER_LENGTH,
  HEADER_SIZE,
  HEADER_TYPE,
  HEADER_UNIT,
  HELLO_AREA,
  HELLO_MAGIC,
  HELLO_SIZE,
  HELLO_UNIT_SIZE,
  HELLO_UNITS,
  HELLO_VERSION,
  READ_DONE_ID,
  READ_DONE_SIZE,
  READ_DONE_STATUS,
  WIRE_AREA_MAPPED,
  WIRE_ENTRY,
  WIRE_HELLO,
  WIRE_MAGIC,
  WIRE_READ_DONE,
  WIRE_RESET,
  WIRE_VERSION,
} from "../../src/ports/qemu/wire.ts";

export const UNIT = 0x71000003;

export interface Message {
  type: number;
  unit: number;
  epoch: number;
  body: Buffer;
}

/** What a bridge brings with an entry. */
export interface Ahead {
  iu?: Uint8Array;
  table?: Uint8Array;
  data?: Uint8Array;
  /** Data that is in the data area instead. */
  area?: { position: number; length: number };
  /** Up to where the daemon's half of the data area is taken. */
  areaTaken?: number;
}

export function message(type: number, unit: number, epoch: number, body: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(HEADER_SIZE);
  header.writeUInt32LE(HEADER_SIZE + body.length, HEADER_LENGTH);
  header.writeUInt32LE(type, HEADER_TYPE);
  header.writeUInt32LE(unit, HEADER_UNIT);
  header.writeUInt32LE(epoch, HEADER_EPOCH);
  return Buffer.concat([header, body]);
}

export function helloMessage(
  units: readonly (readonly [unit: number, epoch: number])[],
  version = WIRE_VERSION,
  area = 0,
): Buffer {
  const body = Buffer.alloc(HELLO_SIZE + units.length * HELLO_UNIT_SIZE);
  body.writeUInt32LE(WIRE_MAGIC, HELLO_MAGIC);
  body.writeUInt32LE(version, HELLO_VERSION);
  body.writeUInt32LE(units.length, HELLO_UNITS);
  body.writeUInt32LE(area, HELLO_AREA);
  for (const [index, [unit, epoch]] of units.entries()) {
    body.writeUInt32LE(unit, HELLO_SIZE + index * HELLO_UNIT_SIZE);
    body.writeUInt32LE(epoch, HELLO_SIZE + index * HELLO_UNIT_SIZE + 4);
  }
  return message(WIRE_HELLO, 0, 0, body);
}

export function entryMessage(epoch: number, entry: Uint8Array, ahead: Ahead = {}): Buffer {
  const none = Buffer.alloc(0);
  const { iu = none, table = none, data = none, area = { position: 0, length: 0 }, areaTaken = 0 } = ahead;
  const head = Buffer.alloc(ENTRY_SIZE);
  head.set(entry);
  head.writeUInt32LE(iu.length, ENTRY_IU_LENGTH);
  head.writeUInt32LE(table.length, ENTRY_TABLE_LENGTH);
  head.writeUInt32LE(data.length, ENTRY_DATA_LENGTH);
  head.writeUInt32LE(area.length, ENTRY_AREA_LENGTH);
  head.writeUInt32LE(area.position, ENTRY_AREA_POSITION);
  head.writeUInt32LE(areaTaken, ENTRY_AREA_TAKEN);
  return message(WIRE_ENTRY, UNIT, epoch, Buffer.concat([head, iu, table, data]));
}

export function areaMappedMessage(status: number): Buffer {
  const body = Buffer.alloc(4);
  body.writeUInt32LE(status);
  return message(WIRE_AREA_MAPPED, 0, 0, body);
}

export function resetMessage(epoch: number): Buffer {
  return message(WIRE_RESET, UNIT, epoch);
}

export function readDoneMessage(epoch: number, id: number, status: number, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(READ_DONE_SIZE);
  head.writeUInt32LE(id, READ_DONE_ID);
  head.writeUInt32LE(status, READ_DONE_STATUS);
  return message(WIRE_READ_DONE, UNIT, epoch, Buffer.concat([head, bytes]));
}

/** QEMU's end of the socket, played by a test. */
export class FakeBridge {
  readonly socket: Socket;
  readonly #messages: Message[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  #arrived: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", () => {});
    socket.on("close", () => this.#arrived?.());
  }

  static async connect(path: string): Promise<FakeBridge> {
    const socket = connect(path);
    await once(socket, "connect");
    return new FakeBridge(socket);
  }

  write(...messages: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(messages));
  }

  /** The daemon's next message. Rejects when the daemon hangs up instead. */
  async next(): Promise<Message> {
    for (;;) {
      const first = this.#messages.shift();
      if (first) return first;
      if (this.socket.closed) throw new Error("the daemon hung up");
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }

  /** Resolves when the daemon has hung up. */
  async hungUp(): Promise<void> {
    if (!this.socket.closed) await once(this.socket, "close");
  }

  #take(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= HEADER_SIZE) {
      const length = this.#bytes.readUInt32LE(HEADER_LENGTH);
      if (this.#bytes.length < length) break;
      this.#messages.push({
        type: this.#bytes.readUInt32LE(HEADER_TYPE),
        unit: this.#bytes.readUInt32LE(HEADER_UNIT),
        epoch: this.#bytes.readUInt32LE(HEADER_EPOCH),
        body: this.#bytes.subarray(HEADER_SIZE, length),
      });
      this.#bytes = this.#bytes.subarray(length);
    }
    this.#arrived?.();
  }
}
