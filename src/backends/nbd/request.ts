import { COMMAND_READ, REQUEST_MAGIC, REQUEST_SIZE } from "../../abi/nbd.ts";
import type { StoreCompletion, StoreExtent } from "../../scsi/block-store.ts";

/** Of a command without payload: less than its 32-bit field holds, and a multiple of every block. */
export const LONGEST_PART = 0x4000_0000;
const TWO_TO_32 = 0x1_0000_0000;

/** One store operation on its way to the server and back. Reused. */
export class NbdRequest {
  /** Its place in the table of requests: the low half of the cookie. */
  readonly index: number;
  /** The high half: a late answer to what stood in this place before is known by it. */
  generation = 0;
  command = COMMAND_READ;
  flags = 0;
  /** Byte of the export. */
  offset = 0;
  length = 0;
  /** Linear address where the data of a read go; those of a write come from `source`. */
  address = 0;
  /** Where BLOCK STATUS puts what it finds, behind the `foundBefore` that stand there; undefined for other commands. */
  found: StoreExtent[] | undefined;
  foundBefore = 0;
  /** Bytes to write; undefined for commands without payload. */
  source: Uint8Array | undefined;
  /** Bytes of the operation that earlier parts have done. */
  done = 0;
  /** Bytes of the part under way. */
  part = 0;
  /** Bytes of the part's data that have come. */
  received = 0;
  /** NBD's errno, which is Linux's; 0 as long as all is well. */
  error = 0;
  /** When the operation began, and when its present part was sent. Milliseconds of the store's clock. */
  since = 0;
  sentAt = 0;
  /** Who waits for it; nobody for one that the store sends for itself. */
  completion: StoreCompletion | undefined;
  /** A flush must follow before it is done. */
  thenFlush = false;
  /** Of a flush: what it covers of the unflushed writes. */
  mark = 0;
  /** Sends again what the server may have lost. */
  isReplay = false;
  readonly #header = Buffer.alloc(REQUEST_SIZE);

  constructor(index: number) {
    this.index = index;
  }

  /** Its bytes cross the connection, one way or the other. */
  get hasPayload(): boolean {
    return this.command === COMMAND_READ || this.source !== undefined;
  }

  /**
   * The header of the next part, which has as much payload as the server takes at once. A server that answers before it has
   * taken all of the part before may find the new header in it: it harms itself alone.
   */
  nextPart(maximumPayload: number): Buffer {
    this.part = Math.min(this.length - this.done, this.hasPayload ? maximumPayload : LONGEST_PART);
    this.received = 0;
    if (this.found !== undefined) this.found.length = this.foundBefore;
    const header = this.#header;
    const offset = this.offset + this.done;
    header.writeUInt32BE(REQUEST_MAGIC, 0);
    header.writeUInt16BE(this.flags, 4);
    header.writeUInt16BE(this.command, 6);
    header.writeUInt32BE(this.generation, 8);
    header.writeUInt32BE(this.index, 12);
    header.writeUInt32BE(Math.floor(offset / TWO_TO_32), 16);
    header.writeUInt32BE(offset % TWO_TO_32, 20);
    header.writeUInt32BE(this.part, 24);
    return header;
  }
}

/** Requests under way, found by the cookie of a reply. */
export class RequestTable {
  readonly #all: NbdRequest[] = [];
  readonly #idle: NbdRequest[] = [];

  take(): NbdRequest {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const request = new NbdRequest(this.#all.length);
    this.#all.push(request);
    return request;
  }

  giveBack(request: NbdRequest): void {
    this.renew(request);
    request.source = undefined;
    request.found = undefined;
    request.completion = undefined;
    this.#idle.push(request);
  }

  /** Answers to what was sent so far are not for this request any more. */
  renew(request: NbdRequest): void {
    request.generation = (request.generation + 1) >>> 0;
  }

  find(generation: number, index: number): NbdRequest | undefined {
    const request = this.#all[index];
    return request?.generation === generation ? request : undefined;
  }
}
