import type { Socket } from "node:net";
import type { Log } from "../core/log.ts";
import type { Dispatcher } from "./dispatch.ts";
import { LineReader } from "./line-reader.ts";
import { type Notification, PARSE_ERROR, REQUEST_LINE_MAX } from "./protocol.ts";

/** Lines carried out at a time; the rest waits, and then the socket. */
const UNDER_WAY_MAX = 32;
/** Bytes of answers that may wait for a client to read before its further requests wait, too. */
const UNREAD_ANSWERS_MAX = 1 << 20;
/** Bytes that may wait before a client that is told things unasked is given up. */
const UNREAD_MAX = 16 << 20;

/** One client of the control socket. */
export class ControlConnection {
  readonly #socket: Socket;
  readonly #dispatcher: Dispatcher;
  readonly #log: Log;
  readonly #reader = new LineReader(REQUEST_LINE_MAX);
  readonly #waiting: string[] = [];
  #underWay = 0;
  #ending = false;

  constructor(socket: Socket, dispatcher: Dispatcher, log: Log) {
    this.#socket = socket;
    this.#dispatcher = dispatcher;
    this.#log = log;
    socket.setEncoding("utf8");
    socket.on("error", (error) => log.debug({ error: error.message }, "control connection failed"));
    socket.on("data", (text: string) => this.#take(text));
    socket.on("end", () => this.#end());
    socket.on("drain", () => this.#carryOn());
    // Each watch waits for the end; how many there are is theirs to bound.
    socket.setMaxListeners(0);
  }

  notify(method: string, params: unknown): boolean {
    const { destroyed, writableLength } = this.#socket;
    if (destroyed) return false;
    if (writableLength > UNREAD_MAX) {
      this.#log.warn(
        { unread: writableLength },
        "a control client does not read what it asked to be told: disconnected",
      );
      this.#socket.destroy();
      return false;
    }
    this.#send({ jsonrpc: "2.0", method, params } satisfies Notification);
    return true;
  }

  onClosed(callback: () => void): void {
    if (this.#socket.destroyed) callback();
    else this.#socket.once("close", callback);
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    if (this.#ending) return;
    const lines = this.#reader.take(text);
    if (lines === undefined) {
      const message = `a line is longer than ${REQUEST_LINE_MAX} characters`;
      this.#send({ jsonrpc: "2.0", id: null, error: { code: PARSE_ERROR, message } });
      return this.#end();
    }
    this.#waiting.push(...lines);
    this.#carryOn();
  }

  /** Answers come as they are ready: their ids tell whose they are. */
  #carryOn(): void {
    while (this.#mayBegin()) {
      const line = this.#waiting.shift();
      if (line === undefined) break;
      this.#underWay++;
      void this.#carryOut(line);
    }
    if (this.#waiting.length > 0) this.#socket.pause();
    else this.#socket.resume();
    if (this.#ending && this.#underWay === 0 && this.#waiting.length === 0) this.#socket.end();
  }

  #mayBegin(): boolean {
    return this.#underWay < UNDER_WAY_MAX && this.#socket.writableLength < UNREAD_ANSWERS_MAX;
  }

  async #carryOut(line: string): Promise<void> {
    const answer = await this.#dispatcher.line(line, {
      notify: (method, params) => this.notify(method, params),
      onClosed: (callback) => this.onClosed(callback),
    });
    this.#underWay--;
    if (answer !== undefined) this.#send(answer);
    this.#carryOn();
  }

  #send(message: object): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  /** The client has said all it will: it still gets its answers. */
  #end(): void {
    this.#ending = true;
    this.#carryOn();
  }
}
