import type { Log } from "../../core/log.ts";
import type { BusyPolling } from "./busy-polling.ts";
import { DataArea } from "./data-area.ts";
import type { Outbox } from "./outbox.ts";
import type { QemuLink } from "./qemu-link.ts";
import {
  AREA_MAPPED_SIZE,
  ENTRY_AREA_LENGTH,
  ENTRY_AREA_POSITION,
  ENTRY_AREA_TAKEN,
  ENTRY_SIZE,
  HEADER_EPOCH,
  HEADER_LENGTH,
  HEADER_SIZE,
  HEADER_TYPE,
  HEADER_UNIT,
  HELLO_AREA,
  HELLO_MAGIC,
  HELLO_SIZE,
  HELLO_UNIT_SIZE,
  HELLO_UNITS,
  HELLO_VERSION,
  WIRE_AREA,
  WIRE_AREA_MAPPED,
  WIRE_ENTRY,
  WIRE_HELLO,
  WIRE_MAGIC,
  WIRE_MESSAGE_MAX,
  WIRE_READ_DONE,
  WIRE_RESET,
  WIRE_VERSION,
} from "./wire.ts";

interface BridgeConnectionOptions {
  links: ReadonlyMap<number, QemuLink>;
  outbox: Outbox;
  polling: BusyPolling;
  log: Log;
  /** Makes this connection the guest's bridge; false when another is. */
  claim: () => boolean;
}

/** One connection of a bridge: puts its messages together and hands them to the links. */
export class BridgeConnection {
  readonly #options: BridgeConnectionOptions;
  /** Links that a chunk has brought entries for. */
  readonly #touched = new Set<QemuLink>();
  /** The epoch of each unit of the bridge. */
  readonly #epochs = new Map<number, number>();
  /** The beginning of a message whose end has not come. */
  #rest = Buffer.alloc(0);
  #restUsed = 0;
  #greeted = false;
  #area: DataArea | undefined;

  constructor(options: BridgeConnectionOptions) {
    this.#options = options;
  }

  /** Takes bytes as they come; keeps none of the chunk. @returns what is wrong with them, or undefined */
  receive(chunk: Buffer): string | undefined {
    const { outbox, polling } = this.#options;
    if (this.#greeted) polling.messageCame();
    outbox.hold();
    let bytes = chunk;
    if (this.#restUsed > 0) {
      this.#keep(chunk);
      bytes = this.#rest.subarray(0, this.#restUsed);
    }
    let at = 0;
    let problem: string | undefined;
    while (problem === undefined && bytes.length - at >= HEADER_SIZE) {
      const length = bytes.readUInt32LE(at + HEADER_LENGTH);
      if (length < HEADER_SIZE || length > WIRE_MESSAGE_MAX) problem = `message of ${length} bytes`;
      else if (bytes.length - at < length) break;
      else {
        problem = this.#message(bytes, at, length);
        at += length;
      }
    }
    if (this.#restUsed > 0) {
      this.#rest.copyWithin(0, at, this.#restUsed);
      this.#restUsed -= at;
    } else if (at < bytes.length) {
      this.#keep(bytes.subarray(at));
    }
    for (const link of this.#touched) link.interrupt();
    this.#touched.clear();
    outbox.flush();
    this.messagesSent();
    return problem;
  }

  /** What was to be sent has gone out: when nothing is under way, the next that happens is a message. */
  messagesSent(): void {
    if (!this.#greeted) return;
    const { links, polling } = this.#options;
    for (const link of links.values()) if (link.requestsUnderWay > 0) return;
    polling.allAnswered();
  }

  /** An adapter came while the bridge was connected. */
  linkAdded(link: QemuLink): void {
    const epoch = this.#epochs.get(link.unitAddress);
    if (epoch !== undefined) link.connected(this.#options.outbox, this.#area, epoch);
  }

  /** The bridge is gone. */
  close(): void {
    this.#area?.close();
    this.#area = undefined;
  }

  #message(bytes: Buffer, at: number, length: number): string | undefined {
    const type = bytes.readUInt32LE(at + HEADER_TYPE);
    const body = at + HEADER_SIZE;
    const size = length - HEADER_SIZE;
    if (type === WIRE_HELLO) return this.#hello(bytes, body, size);
    if (!this.#greeted) return `message of type ${type} before the greeting`;
    if (type === WIRE_AREA_MAPPED) return this.#areaMapped(bytes, body, size);
    const unit = bytes.readUInt32LE(at + HEADER_UNIT);
    const link = this.#options.links.get(unit);
    switch (type) {
      case WIRE_ENTRY: {
        const taken = link === undefined || this.#entry(link, bytes, body, size);
        if (size >= ENTRY_SIZE) this.#accountArea(bytes, body);
        return taken ? undefined : `malformed or superfluous entry of unit ${unit}`;
      }
      case WIRE_READ_DONE:
        // A unit that we do not serve was told of at the greeting.
        if (link === undefined || link.receiveReadDone(bytes, body, size)) return undefined;
        return `malformed answer to a read of unit ${unit}`;
      case WIRE_RESET:
        this.#reset(link, unit, bytes.readUInt32LE(at + HEADER_EPOCH));
        return undefined;
      default:
        return `message of unknown type ${type}`;
    }
  }

  #reset(link: QemuLink | undefined, unit: number, epoch: number): void {
    if (this.#epochs.has(unit)) this.#epochs.set(unit, epoch);
    link?.reset(epoch);
  }

  #entry(link: QemuLink, bytes: Buffer, body: number, size: number): boolean {
    this.#touched.add(link);
    return link.receiveEntry(bytes, body, size);
  }

  /** Data of an entry that went nowhere is taken as well. */
  #accountArea(bytes: Buffer, body: number): void {
    const area = this.#area;
    if (!area) return;
    area.givenBack(bytes.readUInt32LE(body + ENTRY_AREA_TAKEN));
    const length = bytes.readUInt32LE(body + ENTRY_AREA_LENGTH);
    if (length > 0) area.took(bytes.readUInt32LE(body + ENTRY_AREA_POSITION), length);
  }

  #hello(bytes: Buffer, body: number, size: number): string | undefined {
    const { links, outbox, log, claim } = this.#options;
    if (this.#greeted || size < HELLO_SIZE) return "malformed greeting";
    const version = bytes.readUInt32LE(body + HELLO_VERSION);
    const count = bytes.readUInt32LE(body + HELLO_UNITS);
    if (bytes.readUInt32LE(body + HELLO_MAGIC) !== WIRE_MAGIC) return "not a bridge";
    if (version !== WIRE_VERSION)
      return `protocol version ${version}, this daemon speaks ${WIRE_VERSION}: build the bridge again (npm run build:bridge)`;
    if (size !== HELLO_SIZE + count * HELLO_UNIT_SIZE) return "malformed greeting";
    if (!claim()) return "another bridge is connected to this guest's socket";
    this.#greeted = true;
    log.info({ units: count }, "bridge connected");
    if (bytes.readUInt32LE(body + HELLO_AREA) === 1) this.#offerArea();
    for (let index = 0; index < count; index++) {
      const at = body + HELLO_SIZE + index * HELLO_UNIT_SIZE;
      const unit = bytes.readUInt32LE(at);
      const epoch = bytes.readUInt32LE(at + 4);
      const link = links.get(unit);
      this.#epochs.set(unit, epoch);
      if (link) link.connected(outbox, this.#area, epoch);
      else log.warn({ unit: `0x${unit.toString(16)}` }, "the bridge has a unit that is not configured here");
    }
    return undefined;
  }

  #offerArea(): void {
    const { outbox } = this.#options;
    this.#area = DataArea.make();
    if (!this.#area) return;
    const path = Buffer.from(this.#area.path);
    const at = outbox.begin(WIRE_AREA, 0, 0, path.length);
    outbox.buffer.set(path, at);
  }

  #areaMapped(bytes: Buffer, body: number, size: number): string | undefined {
    if (!this.#area || size !== AREA_MAPPED_SIZE) return "malformed or superfluous answer about the data area";
    this.#area.mapped = bytes.readUInt32LE(body) === 0;
    if (!this.#area.mapped)
      this.#options.log.warn({}, "the bridge can't map the data area: data goes through the socket, more slowly");
    return undefined;
  }

  #keep(bytes: Buffer): void {
    const used = this.#restUsed + bytes.length;
    if (used > this.#rest.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#rest.length * 2, used));
      this.#rest.copy(larger, 0, 0, this.#restUsed);
      this.#rest = larger;
    }
    bytes.copy(this.#rest, this.#restUsed);
    this.#restUsed = used;
  }
}
