import { createServer, type Server, type Socket } from "node:net";
import type { Log } from "../../core/log.ts";
import { listenPrivately } from "../../host/listen.ts";
import { BridgeConnection } from "./bridge-connection.ts";
import { BusyPolling } from "./busy-polling.ts";
import { Outbox } from "./outbox.ts";
import type { QemuLink } from "./qemu-link.ts";

/** How long the last messages may take to leave, in milliseconds. */
const FLUSH_TIMEOUT = 2_000;

/** The socket of one QEMU guest: its bridge connects, and speaks for each of the guest's adapters. */
export class QemuPort {
  readonly #server: Server;
  readonly #links = new Map<number, QemuLink>();
  readonly #log: Log;
  readonly #polling: BusyPolling;
  /** Connections that have not greeted, and the one that has. */
  readonly #sockets = new Set<Socket>();
  #bridge: Socket | undefined;
  #connection: BridgeConnection | undefined;

  /** @param pollMicroseconds how long the next command is waited for without sleeping; 0: not at all */
  constructor(links: readonly QemuLink[], log: Log, pollMicroseconds = 0) {
    this.#log = log;
    this.#polling = new BusyPolling(pollMicroseconds);
    for (const link of links) this.#links.set(link.unitAddress, link);
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** @throws SocketError */
  listen(path: string): Promise<void> {
    return listenPrivately(this.#server, path);
  }

  /** An adapter comes while the guest may be running. */
  addLink(link: QemuLink): void {
    this.#links.set(link.unitAddress, link);
    this.#connection?.linkAdded(link);
  }

  /** An adapter has gone: its link is freed already. */
  removeLink(link: QemuLink): void {
    this.#links.delete(link.unitAddress);
  }

  /** Changes how long the next command is waited for without sleeping. */
  poll(microseconds: number): void {
    this.#polling.setLongest(microseconds);
  }

  /** Sends what is still to be sent, then closes. */
  async close(): Promise<void> {
    const bridge = this.#bridge;
    if (bridge)
      await new Promise<void>((resolve) => {
        // A QEMU that is stopped takes nothing.
        const timer = setTimeout(resolve, FLUSH_TIMEOUT);
        bridge.end(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    // Whoever only looks whether somebody listens does not greet, and keeps no bridge away.
    const claim = (): boolean => {
      this.#bridge ??= socket;
      if (this.#bridge === socket) this.#connection = connection;
      return this.#bridge === socket;
    };
    const connection: BridgeConnection = new BridgeConnection({
      links: this.#links,
      outbox: new Outbox(socket, () => connection.messagesSent()),
      polling: this.#polling,
      log: this.#log,
      claim,
    });
    socket.on("data", (chunk) => {
      const problem = connection.receive(chunk);
      if (problem === undefined) return;
      this.#log.error({ problem }, "a bridge is turned away");
      socket.destroy();
    });
    socket.on("error", (error) => this.#log.warn({ error: error.message }, "bridge connection failed"));
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (this.#bridge === socket) this.#bridgeGone();
      connection.close();
    });
  }

  #bridgeGone(): void {
    this.#bridge = undefined;
    this.#connection = undefined;
    this.#polling.end();
    this.#log.info({}, "bridge disconnected");
    for (const link of this.#links.values()) link.disconnected();
  }
}
