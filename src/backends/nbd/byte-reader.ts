import type { Socket } from "node:net";

/** The connection ended, or took too long, before the bytes came. */
export class ConnectionEndedError extends Error {}

/** Reads a conversation from a socket, so many bytes at a time. For handshakes: what comes later takes other ways. */
export class ByteReader {
  readonly #socket: Socket;
  #kept: Buffer = Buffer.alloc(0);
  #wanted = 0;
  #take: ((bytes: Buffer) => void) | undefined;
  #refuse: ((error: Error) => void) | undefined;
  #ended: Error | undefined;
  readonly #onData = (chunk: Buffer) => {
    // A copy: what comes next overwrites the chunk.
    this.#kept = Buffer.concat([this.#kept, chunk]);
    this.#serve();
  };
  readonly #onEnd = (error?: Error) => {
    this.#ended = error instanceof Error ? error : new ConnectionEndedError("the server closed the connection");
    this.#refuse?.(this.#ended);
  };

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", this.#onData).on("error", this.#onEnd).on("close", this.#onEnd);
  }

  /** The next `count` bytes. @throws ConnectionEndedError, or what ended the socket */
  read(count: number): Promise<Buffer> {
    return new Promise((take, refuse) => {
      this.#wanted = count;
      this.#take = take;
      this.#refuse = refuse;
      if (this.#ended !== undefined && this.#kept.length < count) refuse(this.#ended);
      else this.#serve();
    });
  }

  /** Leaves the socket to someone else. @returns bytes that have come but were not asked for */
  release(): Buffer {
    this.#socket.off("data", this.#onData).off("error", this.#onEnd).off("close", this.#onEnd);
    return this.#kept;
  }

  #serve(): void {
    if (this.#take === undefined || this.#kept.length < this.#wanted) return;
    const take = this.#take;
    this.#take = undefined;
    this.#refuse = undefined;
    const bytes = this.#kept.subarray(0, this.#wanted);
    this.#kept = this.#kept.subarray(this.#wanted);
    take(bytes);
  }
}
