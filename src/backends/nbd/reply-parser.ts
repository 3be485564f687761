import {
  CHUNK_BLOCK_STATUS,
  CHUNK_ERROR,
  CHUNK_FLAG_DONE,
  CHUNK_NONE,
  CHUNK_OFFSET_DATA,
  CHUNK_OFFSET_HOLE,
  COMMAND_BLOCK_STATUS,
  COMMAND_READ,
  SIMPLE_REPLY_MAGIC,
  SIMPLE_REPLY_SIZE,
  STATE_HOLE,
  STATE_ZERO,
  STRUCTURED_REPLY_MAGIC,
  STRUCTURED_REPLY_SIZE,
} from "../../abi/nbd.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import { EXTENTS_MOST } from "../../scsi/block-store.ts";
import type { NbdRequest } from "./request.ts";

/** The server's bytes are no NBD, or answer what was not asked. The connection can't go on. */
export class NbdProtocolError extends Error {}

/** A chunk's fields besides data: an offset and a length, or an error and its text. */
const SMALL_MAXIMUM = 0x1_0000;
const OFFSET_SIZE = 8;
const HOLE_SIZE = 12;
const ERROR_SIZE = 6;
const CONTEXT_SIZE = 4;
const EXTENT_SIZE = 8;
/** Extents that a reply may tell: those of a GiB in sectors. They are looked at one by one. */
const STATUS_MAXIMUM = 0x100_0000;
const TWO_TO_32 = 0x1_0000_0000;

/** What the parser asks and tells. */
export interface ReplySink {
  /** The request of a cookie; undefined when none is under way on this connection. */
  find(generation: number, index: number): NbdRequest | undefined;
  /** Its last chunk has come; `request.error` tells how it went. */
  answered(request: NbdRequest): void;
}

type Stage = "magic" | "simple" | "structured" | "fields" | "extent" | "data";

/**
 * Finds replies in a byte stream that may be cut anywhere, simple and structured ones. Data of reads go to linear memory
 * piece by piece; nothing that the server claims is kept in larger pieces than 64 KiB. [NBD] "Transmission phase".
 */
export class ReplyParser {
  readonly #memory: SharedMemory;
  readonly #sink: ReplySink;
  /** What extents of base:allocation are told under; undefined when none are. */
  readonly #context: number | undefined;
  #small = Buffer.alloc(64);
  #stage: Stage = "magic";
  #filled = 0;
  #needed = 4;
  #request: NbdRequest | undefined;
  #type = CHUNK_NONE;
  #isLast = false;
  /** Bytes of the chunk behind its fields. */
  #dataLeft = 0;
  /** Linear address of the next byte of data. */
  #dataAt = 0;

  constructor(memory: SharedMemory, sink: ReplySink, context?: number) {
    this.#context = context;
    this.#memory = memory;
    this.#sink = sink;
  }

  /** @throws NbdProtocolError */
  take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#stage === "data") {
        const piece = Math.min(this.#dataLeft, chunk.length - at);
        this.#memory.u8.set(chunk.subarray(at, at + piece), this.#dataAt);
        this.#dataAt += piece;
        this.#dataLeft -= piece;
        at += piece;
        if (this.#dataLeft === 0) this.#endChunk();
        continue;
      }
      const piece = Math.min(this.#needed - this.#filled, chunk.length - at);
      chunk.copy(this.#small, this.#filled, at, at + piece);
      this.#filled += piece;
      at += piece;
      if (this.#filled === this.#needed) this.#advance();
    }
  }

  #advance(): void {
    switch (this.#stage) {
      case "magic":
        return this.#takeMagic();
      case "simple":
        return this.#takeSimple();
      case "structured":
        return this.#takeStructured();
      case "extent":
        return this.#takeExtent();
      default:
        return this.#takeFields();
    }
  }

  #expect(stage: Stage, needed: number): void {
    this.#stage = stage;
    this.#needed = needed;
    if (this.#small.length < needed) this.#small = Buffer.concat([this.#small], needed);
  }

  #takeMagic(): void {
    const magic = this.#small.readUInt32BE(0);
    if (magic === SIMPLE_REPLY_MAGIC) return this.#expect("simple", SIMPLE_REPLY_SIZE);
    if (magic === STRUCTURED_REPLY_MAGIC) return this.#expect("structured", STRUCTURED_REPLY_SIZE);
    throw new NbdProtocolError(`a reply begins with 0x${magic.toString(16)}`);
  }

  #takeSimple(): void {
    const request = this.#find();
    request.error = this.#small.readUInt32BE(4);
    this.#isLast = true;
    this.#type = CHUNK_NONE;
    if (request.command === COMMAND_READ && request.error === 0) this.#beginData(request, 0, request.part);
    else this.#endChunk();
  }

  #takeStructured(): void {
    const request = this.#find();
    const length = this.#small.readUInt32BE(16);
    this.#type = this.#small.readUInt16BE(6);
    this.#isLast = (this.#small.readUInt16BE(4) & CHUNK_FLAG_DONE) !== 0;
    this.#filled = 0;
    if (this.#type === CHUNK_NONE && length === 0) return this.#endChunk();
    if (this.#type === CHUNK_OFFSET_DATA && request.command === COMMAND_READ && length > OFFSET_SIZE) {
      this.#dataLeft = length - OFFSET_SIZE;
      return this.#expect("fields", OFFSET_SIZE);
    }
    if (this.#type === CHUNK_OFFSET_HOLE && request.command === COMMAND_READ && length === HOLE_SIZE)
      return this.#expect("fields", HOLE_SIZE);
    if (this.#type === CHUNK_BLOCK_STATUS && request.command === COMMAND_BLOCK_STATUS && isStatusLength(length)) {
      this.#dataLeft = length - CONTEXT_SIZE;
      return this.#expect("fields", CONTEXT_SIZE);
    }
    if (this.#type >= CHUNK_ERROR && length >= ERROR_SIZE && length <= SMALL_MAXIMUM)
      return this.#expect("fields", length);
    throw new NbdProtocolError(`a chunk of type ${this.#type} and ${length} bytes answers command ${request.command}`);
  }

  #takeFields(): void {
    const request = this.#current();
    if (this.#type >= CHUNK_ERROR) {
      request.error = this.#small.readUInt32BE(0);
      if (request.error === 0) throw new NbdProtocolError("a chunk tells error 0");
      return this.#endChunk();
    }
    if (this.#type === CHUNK_BLOCK_STATUS) return this.#beginExtents();
    const offset =
      this.#small.readUInt32BE(0) * TWO_TO_32 + this.#small.readUInt32BE(4) - request.offset - request.done;
    if (this.#type === CHUNK_OFFSET_DATA) return this.#beginData(request, offset, this.#dataLeft);
    const length = this.#small.readUInt32BE(8);
    const address = this.#place(request, offset, length);
    this.#memory.zero(address, length);
    this.#endChunk();
  }

  #beginExtents(): void {
    const context = this.#small.readUInt32BE(0);
    if (context !== this.#context) throw new NbdProtocolError(`extents of a context ${context} that was not chosen`);
    this.#filled = 0;
    this.#expect("extent", EXTENT_SIZE);
  }

  /** Keeps as many as are wanted. Only what is a hole and reads as zeros is free: what a mere hole reads as is not said. */
  #takeExtent(): void {
    const request = this.#current();
    const { found = [], foundBefore, received, part } = request;
    const length = Math.min(this.#small.readUInt32BE(0), part - received);
    const allocated = (this.#small.readUInt32BE(4) & (STATE_HOLE | STATE_ZERO)) !== (STATE_HOLE | STATE_ZERO);
    if (length === 0 && received < part) throw new NbdProtocolError("an extent of no bytes");
    if (length > 0 && found.length - foundBefore < EXTENTS_MOST) found.push({ length, allocated });
    request.received += length;
    this.#filled = 0;
    this.#dataLeft -= EXTENT_SIZE;
    if (this.#dataLeft === 0) this.#endChunk();
  }

  #beginData(request: NbdRequest, offset: number, length: number): void {
    this.#dataAt = this.#place(request, offset, length);
    this.#dataLeft = length;
    this.#stage = "data";
  }

  /** Where data for a part of the request go. Judges that it is a part, and one that was still missing. */
  #place(request: NbdRequest, offset: number, length: number): number {
    const { part, received, done, address } = request;
    if (offset < 0 || length === 0 || offset + length > part || received + length > part)
      throw new NbdProtocolError(`data for ${length} bytes at ${offset} of a read of ${part}`);
    // Pieces that overlap would leave a gap, in which someone else's bytes may stand.
    if (received === 0 && length < part) this.#memory.zero(address + done, part);
    request.received += length;
    return address + done + offset;
  }

  #endChunk(): void {
    const request = this.#current();
    this.#filled = 0;
    this.#expect("magic", 4);
    if (!this.#isLast) return;
    this.#request = undefined;
    if (request.command === COMMAND_READ && request.error === 0 && request.received !== request.part)
      throw new NbdProtocolError(`a read of ${request.part} bytes was answered with ${request.received}`);
    if (request.command === COMMAND_BLOCK_STATUS && request.error === 0 && request.received === 0)
      throw new NbdProtocolError("a question for extents was answered with none");
    this.#sink.answered(request);
  }

  #find(): NbdRequest {
    const [generation, index] = [this.#small.readUInt32BE(8), this.#small.readUInt32BE(12)];
    this.#request = this.#sink.find(generation, index);
    return this.#current();
  }

  #current(): NbdRequest {
    if (this.#request === undefined) throw new NbdProtocolError("a reply to what was not asked");
    return this.#request;
  }
}

function isStatusLength(length: number): boolean {
  return length > CONTEXT_SIZE && length <= STATUS_MAXIMUM && (length - CONTEXT_SIZE) % EXTENT_SIZE === 0;
}
