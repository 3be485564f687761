import { connect, type Socket } from "node:net";
import { LineReader } from "./line-reader.ts";
import { ANSWER_LINE_MAX, type Answer, type ErrorObject, INVALID_PARAMS, type Request } from "./protocol.ts";
import type { MethodResults } from "./results.ts";

/** The daemon could not be asked, or refused. */
export class ControlError extends Error {
  readonly code = "VSCSI_CONTROL";
  /** Code of the JSON-RPC error; undefined when no answer came. */
  readonly rpcCode: number | undefined;
  /** Which error of the daemon's it is ("VSCSI_PLACE"), or the errno ("EBUSY"). */
  readonly reason: string | undefined;

  constructor(message: string, error?: ErrorObject) {
    super(message);
    this.rpcCode = error?.code;
    this.reason = error?.data?.code;
  }

  /** The parameters don't fit: it was asked wrongly. */
  get wronglyAsked(): boolean {
    return this.rpcCode === INVALID_PARAMS;
  }
}

/** How long a daemon may take to answer, in milliseconds, unless the method may take longer. */
const ANSWER_TIMEOUT = 5_000;

interface Call {
  readonly timer: NodeJS.Timeout;
  resolve(result: unknown): void;
  reject(error: ControlError): void;
}

/** Called for what the daemon says unasked. */
export type NotificationListener = (method: string, params: unknown) => void;

/** A connection to a daemon's control socket. */
export class ControlClient {
  readonly #path: string;
  readonly #socket: Socket;
  readonly #reader = new LineReader(ANSWER_LINE_MAX);
  readonly #calls = new Map<number, Call>();
  readonly #listener: NotificationListener;
  #lastId = 0;
  /** Settles when the connection has ended, by whom ever. */
  readonly closed: Promise<void>;

  private constructor(path: string, socket: Socket, listener: NotificationListener) {
    this.#path = path;
    this.#socket = socket;
    this.#listener = listener;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#take(text));
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#fail(new ControlError(`${path}: the daemon closed the connection`));
        resolve();
      });
    });
  }

  /**
   * Connects to the control socket at `path`.
   * @param listener gets what the daemon says unasked
   * @throws ControlError when nobody listens there, or only others may connect
   */
  static connect(path: string, listener: NotificationListener = () => {}): Promise<ControlClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      const refused = (error: NodeJS.ErrnoException) => reject(new ControlError(whyNot(path, error)));
      socket.once("error", refused);
      socket.once("connect", () => {
        socket.removeListener("error", refused);
        resolve(new ControlClient(path, socket, listener));
      });
    });
  }

  /**
   * Calls a method and waits for its answer; several may be under way.
   * @param timeout how long the answer may take, in milliseconds
   * @throws ControlError when the daemon refuses, is too slow, or goes away
   */
  call<Name extends keyof MethodResults>(method: Name, params?: object, timeout?: number): Promise<MethodResults[Name]>;
  call(method: string, params?: object, timeout?: number): Promise<unknown>;
  call(method: string, params?: object, timeout = ANSWER_TIMEOUT): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new ControlError(`${this.#path}: the connection is closed`));
      const id = ++this.#lastId;
      const late = () => {
        this.#calls.delete(id);
        reject(new ControlError(`${this.#path}: the daemon did not answer ${method} within ${timeout / 1000} s`));
      };
      this.#calls.set(id, { timer: setTimeout(late, timeout), resolve, reject });
      const request: Request = { jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) };
      this.#socket.write(`${JSON.stringify(request)}\n`);
    });
  }

  /** Ends the connection; calls under way fail. */
  close(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    const lines = this.#reader.take(text);
    if (lines === undefined) return this.#broken("an answer is too long");
    for (const line of lines) {
      try {
        this.#message(JSON.parse(line));
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        return this.#broken("an answer is not JSON");
      }
    }
  }

  #message(message: Answer & { method?: string; params?: unknown }): void {
    if (message.method !== undefined) return this.#listener(message.method, message.params);
    const call = typeof message.id === "number" ? this.#calls.get(message.id) : undefined;
    // An answer to a call that was given up, or an error without an id: the connection is closed next.
    if (call === undefined || typeof message.id !== "number") return;
    this.#calls.delete(message.id);
    clearTimeout(call.timer);
    if (message.error) call.reject(new ControlError(message.error.message, message.error));
    else call.resolve(message.result);
  }

  #broken(what: string): void {
    this.#fail(new ControlError(`${this.#path}: no daemon of ours: ${what}`));
    this.#socket.destroy();
  }

  #fail(error: ControlError): void {
    for (const { timer, reject } of this.#calls.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#calls.clear();
  }
}

/** Connects, calls one method and disconnects. @throws ControlError as ControlClient does */
export function callDaemon<Name extends keyof MethodResults>(
  path: string,
  method: Name,
  params?: object,
  timeout?: number,
): Promise<MethodResults[Name]>;
export function callDaemon(path: string, method: string, params?: object, timeout?: number): Promise<unknown>;
export async function callDaemon(path: string, method: string, params?: object, timeout?: number): Promise<unknown> {
  const client = await ControlClient.connect(path);
  try {
    return await client.call(method, params, timeout);
  } finally {
    client.close();
  }
}

function whyNot(path: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === "EACCES") return `${path}: only its owner may connect, and that is another user`;
  return `${path}: no daemon answers (${message}); start one with "vscsi serve", or name its socket with --control`;
}
