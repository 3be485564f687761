import { createServer, type Server, type Socket } from "node:net";
import type { Log } from "../core/log.ts";
import { listenInherited, listenPrivately } from "../host/listen.ts";
import { ControlConnection } from "./connection.ts";
import { Dispatcher } from "./dispatch.ts";
import type { Methods } from "./method.ts";

/** Connections at a time. */
const CONNECTIONS_MAX = 64;

/** The daemon's control socket: private to its owner, who may ask for everything. */
export class ControlServer {
  readonly #server: Server;
  readonly #connections = new Set<ControlConnection>();
  readonly #dispatcher: Dispatcher;
  readonly #log: Log;

  private constructor(methods: Methods, log: Log) {
    this.#dispatcher = new Dispatcher(methods, log);
    this.#log = log;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.on("drop", () => log.warn({ connections: CONNECTIONS_MAX }, "control socket: too many connections"));
  }

  /** Listens at a path, or on a descriptor that listens already. @throws SocketError */
  static async listen(place: string | number, methods: Methods, log: Log): Promise<ControlServer> {
    const server = new ControlServer(methods, log);
    if (typeof place === "string") await listenPrivately(server.#server, place);
    else await listenInherited(server.#server, place);
    return server;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const connection of this.#connections) connection.close();
    await closed;
  }

  #serve(socket: Socket): void {
    const connection = new ControlConnection(socket, this.#dispatcher, this.#log);
    this.#connections.add(connection);
    connection.onClosed(() => this.#connections.delete(connection));
  }
}
