import { BHS_AHS_LENGTH, BHS_DATA_LENGTH, BHS_FLAGS, BHS_LENGTH, BHS_OPCODE, DIGEST_LENGTH } from "../abi/iscsi.ts";
import { CRC32C_START, crc32c, crc32cEnd, crc32cUpdate } from "./crc32c.ts";
import { padding, WORD } from "./pdu-reader.ts";

const SEGMENT = 0x1_0000;
/** Segments that are kept for the next PDUs. */
const IDLE_SEGMENTS = 8;
const ZEROS = new Uint8Array(4);

/** What the outbox needs of a socket; node's fits. */
export interface ByteSink {
  cork(): void;
  uncork(): void;
  write(bytes: Uint8Array, written?: () => void): boolean;
}

/** What went out with one flush, and goes back when the socket has taken it. */
interface Batch {
  readonly segments: Buffer[];
  /** Handle and size of data buffers, in turn. */
  readonly lent: number[];
  bytes: number;
}

/**
 * PDUs to the peer, gathered and written once a turn. Headers and short data are copied into segments that are used
 * again; long data are written from where they stand, and their buffer goes back when the socket has taken them.
 */
export class Outbox {
  readonly #sink: ByteSink;
  readonly #giveBack: (handle: number, size: number) => void;
  readonly #written: () => void;
  readonly #idle: Buffer[] = [];
  readonly #idleBatches: Batch[] = [];
  readonly #underWay: Batch[] = [];
  #batch: Batch = { segments: [], lent: [], bytes: 0 };
  #pieces: Uint8Array[] = [];
  #segment: Buffer = Buffer.allocUnsafe(SEGMENT);
  /** Bytes of the segment before this are in `#pieces`. */
  #start = 0;
  #used = 0;
  #scheduled = false;
  /** Bytes that the socket has not taken. */
  unwritten = 0;
  headerDigest = false;
  dataDigest = false;
  readonly #flushLater = () => this.flush();
  readonly #batchWritten = () => this.#endBatch();

  /**
   * @param giveBack takes a lent data buffer back
   * @param written called whenever the socket has taken something
   */
  constructor(sink: ByteSink, giveBack: (handle: number, size: number) => void, written: () => void) {
    this.#sink = sink;
    this.#giveBack = giveBack;
    this.#written = written;
  }

  /** Where the header of the PDU that was begun is written to; take it anew after each `begin`. */
  get bytes(): Buffer {
    return this.#segment;
  }

  /**
   * Begins a PDU with room for `copied` bytes of data and for additional header segments of so many words; its header is
   * zeros but for the opcode, the flags and the length of those segments.
   * @returns offset of the header in `bytes`
   */
  begin(opcode: number, flags: number, copied = 0, ahsWords = 0): number {
    const header = BHS_LENGTH + ahsWords * WORD;
    const room = header + DIGEST_LENGTH + copied + padding(copied) + DIGEST_LENGTH;
    if (this.#used + room > this.#segment.length) this.#nextSegment(room);
    const at = this.#used;
    this.#segment.fill(0, at, at + header);
    this.#segment[at + BHS_OPCODE] = opcode;
    this.#segment[at + BHS_FLAGS] = flags;
    this.#segment[at + BHS_AHS_LENGTH] = ahsWords;
    return at;
  }

  /** Ends a PDU that carries no data. */
  end(at: number): void {
    this.#endHeader(at, 0);
    this.#schedule();
  }

  /** Ends a PDU with bytes [from, to) of `source` copied behind its header. */
  endWithCopy(at: number, source: Uint8Array, from: number, to: number): void {
    const length = to - from;
    this.#endHeader(at, length);
    if (length > 0) {
      this.#segment.set(source.subarray(from, to), this.#used);
      const start = this.#used;
      this.#used += length;
      this.#pad(length);
      if (this.dataDigest) this.#digest(crc32c(this.#segment, start, this.#used));
    }
    this.#schedule();
  }

  /** Ends a PDU with bytes [from, to) of `source`, which stay as they are until the buffer that `lend` names is given back. */
  endWithLoan(at: number, source: Uint8Array, from: number, to: number): void {
    const length = to - from;
    this.#endHeader(at, length);
    this.#cut();
    this.#pieces.push(source.subarray(from, to));
    this.#batch.bytes += length;
    this.unwritten += length;
    const pad = padding(length);
    this.#pad(length);
    if (this.dataDigest)
      this.#digest(crc32cEnd(crc32cUpdate(crc32cUpdate(CRC32C_START, source, from, to), ZEROS, 0, pad)));
    this.#schedule();
  }

  /** The data buffer that its owner knows by `handle` goes back when all that was written so far is out. */
  lend(handle: number, size: number): void {
    this.#batch.lent.push(handle, size);
  }

  /** Hands everything to the socket. */
  flush(): void {
    this.#scheduled = false;
    this.#cut();
    const pieces = this.#pieces;
    if (pieces.length === 0) return;
    const batch = this.#batch;
    batch.segments.push(this.#segment);
    this.#underWay.push(batch);
    this.#batch = this.#idleBatches.pop() ?? { segments: [], lent: [], bytes: 0 };
    this.#takeSegment(0);
    this.#sink.cork();
    for (let index = 0; index < pieces.length - 1; index++) this.#sink.write(pieces[index] ?? ZEROS);
    this.#sink.write(pieces[pieces.length - 1] ?? ZEROS, this.#batchWritten);
    this.#sink.uncork();
    pieces.length = 0;
  }

  #endHeader(at: number, dataLength: number): void {
    this.#segment.writeUIntBE(dataLength, at + BHS_DATA_LENGTH, 3);
    this.#used = at + BHS_LENGTH + (this.#segment[at + BHS_AHS_LENGTH] ?? 0) * WORD;
    if (this.headerDigest) this.#digest(crc32c(this.#segment, at, this.#used));
  }

  #digest(value: number): void {
    this.#segment.writeUInt32LE(value, this.#used);
    this.#used += DIGEST_LENGTH;
  }

  #pad(length: number): void {
    for (let pad = padding(length); pad > 0; pad--) this.#segment[this.#used++] = 0;
  }

  #nextSegment(room: number): void {
    this.#cut();
    this.#batch.segments.push(this.#segment);
    this.#takeSegment(room);
  }

  #takeSegment(room: number): void {
    this.#segment = room > SEGMENT ? Buffer.allocUnsafe(room) : (this.#idle.pop() ?? Buffer.allocUnsafe(SEGMENT));
    this.#start = 0;
    this.#used = 0;
  }

  /** What stands in the segment becomes a piece to write. */
  #cut(): void {
    const length = this.#used - this.#start;
    if (length === 0) return;
    this.#pieces.push(this.#segment.subarray(this.#start, this.#used));
    this.#start = this.#used;
    this.#batch.bytes += length;
    this.unwritten += length;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flushLater);
  }

  /** Batches end in the order in which they were written. */
  #endBatch(): void {
    const batch = this.#underWay.shift();
    if (batch === undefined) return;
    for (const segment of batch.segments)
      if (segment.length === SEGMENT && this.#idle.length < IDLE_SEGMENTS) this.#idle.push(segment);
    for (let at = 0; at < batch.lent.length; at += 2) this.#giveBack(batch.lent[at] ?? 0, batch.lent[at + 1] ?? 0);
    this.unwritten -= batch.bytes;
    batch.segments.length = 0;
    batch.lent.length = 0;
    batch.bytes = 0;
    this.#idleBatches.push(batch);
    this.#written();
  }

  /** The socket is gone: nothing is written any more, and what was lent for that goes back. */
  abandon(): void {
    this.#pieces.length = 0;
    for (let at = 0; at < this.#batch.lent.length; at += 2)
      this.#giveBack(this.#batch.lent[at] ?? 0, this.#batch.lent[at + 1] ?? 0);
    this.#batch.lent.length = 0;
    this.#start = this.#used;
  }
}
