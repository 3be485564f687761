import type { Socket } from "node:net";
import { HEADER_EPOCH, HEADER_LENGTH, HEADER_SIZE, HEADER_TYPE, HEADER_UNIT } from "./wire.ts";

const ROOM = 0x40000;

/** Messages to the bridge, gathered in one buffer and written once a turn. */
export class Outbox {
  readonly #socket: Socket;
  #buffer: Buffer = Buffer.allocUnsafeSlow(ROOM);
  #used = 0;
  /** Somebody will flush: a later turn, or who holds it. */
  #awaited = false;
  readonly #flushLater: () => void;

  /** @param flushedLater called when messages that nobody held have gone out */
  constructor(socket: Socket, flushedLater?: () => void) {
    this.#socket = socket;
    this.#flushLater = () => {
      this.flush();
      flushedLater?.();
    };
  }

  /** Nothing is written until the caller flushes, in this turn. */
  hold(): void {
    this.#awaited = true;
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
    if (!this.#awaited) {
      this.#awaited = true;
      setImmediate(this.#flushLater);
    }
    return at + HEADER_SIZE;
  }

  get buffer(): Buffer {
    return this.#buffer;
  }

  flush(): void {
    this.#awaited = false;
    this.#write();
  }

  #write(): void {
    if (this.#used === 0) return;
    this.#socket.write(this.#buffer.subarray(0, this.#used));
    // What the kernel has taken whole is ours again; otherwise the stream keeps the buffer.
    if (this.#socket.writableLength > 0) this.#buffer = Buffer.allocUnsafeSlow(ROOM);
    this.#used = 0;
  }

  #grow(needed: number): void {
    this.#write();
    if (needed > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(needed);
  }
}
