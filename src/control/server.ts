import { createServer, type Server, type Socket } from "node:net";
import type { Log } from "../core/log.ts";
import { listenPrivately } from "../host/listen.ts";
import {
  type Answer,
  INTERNAL_ERROR,
  INVALID_REQUEST,
  LINE_MAX,
  METHOD_NOT_FOUND,
  PARSE_ERROR,
  REFUSED,
  type Request,
} from "./protocol.ts";

/**
 * Methods by name. What a handler returns, or what its promise brings, is the result; what it throws becomes an error
 * answer: an error with a `code` is the asker's to mend, any other one is ours.
 */
export type Methods = Readonly<Record<string, (params: unknown) => unknown>>;

/** The daemon's control socket: private to its owner, who may ask for everything. */
export class ControlServer {
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  readonly #methods: Methods;
  readonly #log: Log;

  private constructor(methods: Methods, log: Log) {
    this.#methods = methods;
    this.#log = log;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** Listens at `path`. @throws SocketError */
  static async listen(path: string, methods: Methods, log: Log): Promise<ControlServer> {
    const server = new ControlServer(methods, log);
    await listenPrivately(server.#server, path);
    return server;
  }

  async close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#connections.add(socket);
    let pending = "";
    socket.setEncoding("utf8");
    socket.on("close", () => this.#connections.delete(socket));
    socket.on("error", (error) => this.#log.debug({ error: error.message }, "control connection failed"));
    socket.on("data", (text: string) => {
      pending += text;
      const lines = pending.split("\n");
      pending = lines.pop() ?? "";
      for (const line of lines) if (line.trim()) this.#reply(socket, line);
      if (pending.length > LINE_MAX) socket.destroy();
    });
  }

  /** Answers come as they are ready: their ids tell whose they are. */
  #reply(socket: Socket, line: string): void {
    void this.#answer(line).then((answer) => {
      if (!socket.destroyed) socket.write(`${JSON.stringify(answer)}\n`);
    });
  }

  async #answer(line: string): Promise<Answer> {
    let request: Partial<Request> | null;
    try {
      request = JSON.parse(line);
    } catch {
      return failure(null, PARSE_ERROR, "not JSON");
    }
    if (typeof request !== "object" || request === null || typeof request.method !== "string")
      return failure(null, INVALID_REQUEST, "a request needs a method");
    const id = request.id ?? null;
    const method = Object.hasOwn(this.#methods, request.method) ? this.#methods[request.method] : undefined;
    if (!method) {
      const known = Object.keys(this.#methods).join(", ");
      return failure(id, METHOD_NOT_FOUND, `no method ${request.method}; there are: ${known}`);
    }
    try {
      return { jsonrpc: "2.0", id, result: await method(request.params) };
    } catch (error) {
      const { message } = error as Error;
      if (error instanceof Error && "code" in error) {
        this.#log.warn({ method: request.method, error: message }, "control method refused");
        return failure(id, REFUSED, message);
      }
      this.#log.error({ method: request.method, err: error }, "control method failed");
      return failure(id, INTERNAL_ERROR, message);
    }
  }
}

function failure(id: Answer["id"], code: number, message: string): Answer {
  return { jsonrpc: "2.0", id, error: { code, message } };
}
