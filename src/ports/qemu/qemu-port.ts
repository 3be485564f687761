import { createServer, type Server, type Socket } from "node:net";
import type { Log } from "../../core/log.ts";
import { listenPrivately } from "../../host/listen.ts";
import { Outbox } from "./outbox.ts";
import type { QemuLink } from "./qemu-link.ts";
import {
  HEADER_EPOCH,
  HEADER_LENGTH,
  HEADER_SIZE,
  HEADER_TYPE,
  HEADER_UNIT,
  HELLO_MAGIC,
  HELLO_SIZE,
  HELLO_UNIT_SIZE,
  HELLO_UNITS,
  HELLO_VERSION,
  WIRE_ENTRY,
  WIRE_HELLO,
  WIRE_MAGIC,
  WIRE_MESSAGE_MAX,
  WIRE_READ_DONE,
  WIRE_RESET,
  WIRE_VERSION,
} from "./wire.ts";

/** How long the last messages may take to leave, in milliseconds. */
const FLUSH_TIMEOUT = 2_000;

/** The socket of one QEMU guest: its bridge connects, and speaks for each of the guest's adapters. */
export class QemuPort {
  readonly #server: Server;
  readonly #links = new Map<number, QemuLink>();
  readonly #log: Log;
  /** Connections that have not greeted, and the one that has. */
  readonly #sockets = new Set<Socket>();
  #bridge: Socket | undefined;
  #connection: BridgeConnection | undefined;

  constructor(links: readonly QemuLink[], log: Log) {
    this.#log = log;
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
    const connection: BridgeConnection = new BridgeConnection(this.#links, new Outbox(socket), this.#log, claim);
    socket.on("data", (chunk) => {
      const problem = connection.receive(chunk);
      if (problem === undefined) return;
      this.#log.error({ problem }, "a bridge is turned away");
      socket.destroy();
    });
    socket.on("error", (error) => this.#log.warn({ error: error.message }, "bridge connection failed"));
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (this.#bridge !== socket) return;
      this.#bridge = undefined;
      this.#connection = undefined;
      this.#log.info({}, "bridge disconnected");
      for (const link of this.#links.values()) link.disconnected();
    });
  }
}

const ROOM = 0x80000;

/** One connection of a bridge: puts its messages together and hands them to the links. */
class BridgeConnection {
  readonly #links: ReadonlyMap<number, QemuLink>;
  readonly #outbox: Outbox;
  readonly #log: Log;
  readonly #claim: () => boolean;
  /** Links that a chunk has brought entries for. */
  readonly #touched = new Set<QemuLink>();
  /** The epoch of each unit of the bridge. */
  readonly #epochs = new Map<number, number>();
  #buffer = Buffer.allocUnsafe(ROOM);
  #used = 0;
  #greeted = false;

  /** @param claim makes this connection the guest's bridge; false when another is */
  constructor(links: ReadonlyMap<number, QemuLink>, outbox: Outbox, log: Log, claim: () => boolean) {
    this.#claim = claim;
    this.#links = links;
    this.#outbox = outbox;
    this.#log = log;
  }

  /** Takes bytes as they come. @returns what is wrong with them, or undefined */
  receive(chunk: Buffer): string | undefined {
    this.#append(chunk);
    let at = 0;
    let problem: string | undefined;
    while (problem === undefined && this.#used - at >= HEADER_SIZE) {
      const length = this.#buffer.readUInt32LE(at + HEADER_LENGTH);
      if (length < HEADER_SIZE || length > WIRE_MESSAGE_MAX) problem = `message of ${length} bytes`;
      else if (this.#used - at < length) break;
      else {
        problem = this.#message(at, length);
        at += length;
      }
    }
    this.#buffer.copyWithin(0, at, this.#used);
    this.#used -= at;
    for (const link of this.#touched) link.interrupt();
    this.#touched.clear();
    this.#outbox.flush();
    return problem;
  }

  linkAdded(link: QemuLink): void {
    const epoch = this.#epochs.get(link.unitAddress);
    if (epoch !== undefined) link.connected(this.#outbox, epoch);
  }

  #message(at: number, length: number): string | undefined {
    const type = this.#buffer.readUInt32LE(at + HEADER_TYPE);
    const body = at + HEADER_SIZE;
    const size = length - HEADER_SIZE;
    if (type === WIRE_HELLO) return this.#hello(body, size);
    if (!this.#greeted) return `message of type ${type} before the greeting`;
    const unit = this.#buffer.readUInt32LE(at + HEADER_UNIT);
    const link = this.#links.get(unit);
    if (type === WIRE_RESET && this.#epochs.has(unit))
      this.#epochs.set(unit, this.#buffer.readUInt32LE(at + HEADER_EPOCH));
    // A unit that we do not serve was told of at the greeting.
    if (!link) return undefined;
    switch (type) {
      case WIRE_ENTRY:
        this.#touched.add(link);
        return link.receiveEntry(this.#buffer, body, size)
          ? undefined
          : `malformed or superfluous entry of unit ${unit}`;
      case WIRE_READ_DONE:
        return link.receiveReadDone(this.#buffer, body, size)
          ? undefined
          : `malformed answer to a read of unit ${unit}`;
      case WIRE_RESET:
        link.reset(this.#buffer.readUInt32LE(at + HEADER_EPOCH));
        return undefined;
      default:
        return `message of unknown type ${type}`;
    }
  }

  #hello(body: number, size: number): string | undefined {
    if (this.#greeted || size < HELLO_SIZE) return "malformed greeting";
    const version = this.#buffer.readUInt32LE(body + HELLO_VERSION);
    const count = this.#buffer.readUInt32LE(body + HELLO_UNITS);
    if (this.#buffer.readUInt32LE(body + HELLO_MAGIC) !== WIRE_MAGIC) return "not a bridge";
    if (version !== WIRE_VERSION)
      return `protocol version ${version}, this daemon speaks ${WIRE_VERSION}: build the bridge again (npm run build:bridge)`;
    if (size !== HELLO_SIZE + count * HELLO_UNIT_SIZE) return "malformed greeting";
    if (!this.#claim()) return "another bridge is connected to this guest's socket";
    this.#greeted = true;
    this.#log.info({ units: count }, "bridge connected");
    for (let index = 0; index < count; index++) {
      const at = body + HELLO_SIZE + index * HELLO_UNIT_SIZE;
      const unit = this.#buffer.readUInt32LE(at);
      const link = this.#links.get(unit);
      this.#epochs.set(unit, this.#buffer.readUInt32LE(at + 4));
      if (link) link.connected(this.#outbox, this.#buffer.readUInt32LE(at + 4));
      else this.#log.warn({ unit: `0x${unit.toString(16)}` }, "the bridge has a unit that is not configured here");
    }
    return undefined;
  }

  #append(chunk: Buffer): void {
    if (this.#used + chunk.length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#used + chunk.length));
      this.#buffer.copy(larger, 0, 0, this.#used);
      this.#buffer = larger;
    }
    chunk.copy(this.#buffer, this.#used);
    this.#used += chunk.length;
  }
}
