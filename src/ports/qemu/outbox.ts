import type { Socket } from "node:net";
import { HEADER_EPOCH, HEADER_LENGTH, HEADER_SIZE, HEADER_TYPE, HEADER_UNIT } from "./wire.ts";

const ROOM = 0x40000;

/** Messages to the bridge, gathered in one buffer and written once a turn. Buffers are used again when written. */
export class Outbox {
  readonly #socket: Socket;
  readonly #idle: Buffer[] = [];
  #buffer: Buffer = Buffer.allocUnsafe(ROOM);
  #used = 0;
  #scheduled = false;
  readonly #flushLater = () => this.flush();

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /**
   * Begins a message with room for `size` bytes of body.
   * @returns offset of the body in `buffer`, which stays valid until the next `begin`
   */
  begin(type: number, unit: number, epoch: number, size: number): number {
    const total = HEADER_SIZE + size;
    if (this.#used + total > this.#buffer.length) this.#grow(total);
    const at = this.#used;
    this.#buffer.writeUInt32LE(total, at + HEADER_LENGTH);
    this.#buffer.writeUInt32LE(type, at + HEADER_TYPE);
    this.#buffer.writeUInt32LE(unit, at + HEADER_UNIT);
    this.#buffer.writeUInt32LE(epoch, at + HEADER_EPOCH);
    this.#used += total;
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#flushLater);
    }
    return at + HEADER_SIZE;
  }

  get buffer(): Buffer {
    return this.#buffer;
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#used === 0) return;
    const full = this.#buffer;
    const used = this.#used;
    this.#buffer = this.#idle.pop() ?? Buffer.allocUnsafe(ROOM);
    this.#used = 0;
    this.#socket.write(full.subarray(0, used), () => {
      if (full.length === ROOM) this.#idle.push(full);
    });
  }

  #grow(needed: number): void {
    this.flush();
    if (needed > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(needed);
  }
}
