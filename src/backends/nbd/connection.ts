import type { Socket } from "node:net";
import { COMMAND_DISCONNECT, REQUEST_MAGIC, REQUEST_SIZE } from "../../abi/nbd.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import type { NbdExport } from "./handshake.ts";
import { NbdProtocolError, ReplyParser, type ReplySink } from "./reply-parser.ts";
import type { NbdRequest } from "./request.ts";

/** Who owns the connection. */
export interface ConnectionOwner {
  find(generation: number, index: number): NbdRequest | undefined;
  answered(connection: NbdConnection, request: NbdRequest): void;
  /** It has ended by itself; requests on it will not be answered. Called once. */
  lost(connection: NbdConnection, reason: string): void;
}

/** One connection to an export, in the transmission phase. */
export class NbdConnection implements ReplySink {
  readonly requests = new Set<NbdRequest>();
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #parser: ReplyParser;
  readonly #maximumPayload: number;
  #ended = false;
  #corked = false;
  /** What is sent in one turn goes to the server by one system call. */
  readonly #uncork = () => {
    this.#corked = false;
    this.#socket.uncork();
  };

  constructor(found: NbdExport, memory: SharedMemory, owner: ConnectionOwner) {
    const { socket, early, maximumPayload, allocationContext } = found;
    this.#socket = socket;
    this.#owner = owner;
    this.#maximumPayload = maximumPayload;
    this.#parser = new ReplyParser(memory, this, allocationContext);
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", (error) => this.#lose(error.message));
    socket.on("close", () => this.#lose("the server closed the connection"));
    if (early.length > 0) queueMicrotask(() => this.#take(early));
  }

  /** Sends the next part of a request. */
  send(request: NbdRequest, now: number): void {
    const { source } = request;
    this.requests.add(request);
    request.sentAt = now;
    const header = request.nextPart(this.#maximumPayload);
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(this.#uncork);
    }
    this.#socket.write(header);
    if (source !== undefined) this.#socket.write(source.subarray(request.done, request.done + request.part));
  }

  find(generation: number, index: number): NbdRequest | undefined {
    const request = this.#owner.find(generation, index);
    return request !== undefined && this.requests.has(request) ? request : undefined;
  }

  answered(request: NbdRequest): void {
    this.requests.delete(request);
    this.#owner.answered(this, request);
  }

  /** Ends it without a word to its owner. With `politely` the server is told. */
  end(politely: boolean): void {
    this.#ended = true;
    if (!politely) return void this.#socket.destroy();
    const header = Buffer.alloc(REQUEST_SIZE);
    header.writeUInt32BE(REQUEST_MAGIC, 0);
    header.writeUInt16BE(COMMAND_DISCONNECT, 6);
    this.#socket.end(header);
  }

  #take(chunk: Buffer): void {
    if (this.#ended) return;
    try {
      this.#parser.take(chunk);
    } catch (error) {
      if (!(error instanceof NbdProtocolError)) throw error;
      this.#lose(`protocol error: ${error.message}`);
    }
  }

  #lose(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.destroy();
    this.#owner.lost(this, reason);
  }
}
