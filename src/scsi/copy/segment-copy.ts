import { STATUS_GOOD } from "../../abi/scsi.ts";
import { UNEXPECTED_INEXACT_SEGMENT } from "../sense.ts";
import { type Blocks, blocks, bytesIn, wholeBlocks } from "../units.ts";
import { read16, write16 } from "./cdbs.ts";
import type { CopyRequest } from "./copy-request.ts";
import type { NamedUnit } from "./designators.ts";
import type { CopySegment } from "./parameter-list.ts";

/** Bytes read at once: a fraction of a millisecond of the event loop. */
const PIECE = 0x4_0000;
/** The largest logical block: what a segment may leave for the next one is less. */
const BLOCK_MAXIMUM = 4096;
/** Bytes of buffer that copying takes: a piece, what was left before it, and the padding of its last block. */
export const COPY_BUFFER_LENGTH = PIECE + 2 * BLOCK_MAXIMUM;

/** A copy target that has been found and asked. */
export interface ReadyTarget extends NamedUnit {
  readonly blockSize: number;
  readonly pad: boolean;
}

/** How a segment ended. */
export type SegmentEnd = "done" | "inexact" | "source" | "destination";

/**
 * Moves the blocks of one segment in pieces: reads what fits, writes the whole blocks of it, keeps the rest for the next
 * piece. Bytes that the segment before left (`carried`) come first. [SPC-4] 6.4.6.4, PAD and CAT: 6.4.6.2.
 */
export class SegmentCopy {
  readonly #request: CopyRequest;
  readonly #source: ReadyTarget;
  readonly #destination: ReadyTarget;
  readonly #segment: CopySegment;
  readonly #keepsRest: boolean;
  #readAt: Blocks;
  #writeAt: Blocks;
  #toRead: Blocks;
  /** Blocks of the destination that may still be written; unlimited when the source's are counted. */
  #toWrite: number;
  /** Bytes at the start of the buffer. */
  carried: number;
  /** Bytes that the destination has taken. */
  written = 0;

  /** @param isLast nothing follows that could take what is left over */
  constructor(
    request: CopyRequest,
    segment: CopySegment,
    source: ReadyTarget,
    destination: ReadyTarget,
    carried: number,
    isLast: boolean,
  ) {
    this.#request = request;
    this.#segment = segment;
    this.#source = source;
    this.#destination = destination;
    this.#keepsRest = segment.continues && !isLast;
    this.carried = carried;
    this.#readAt = segment.sourceBlock;
    this.#writeAt = segment.destinationBlock;
    const { count, countsDestination } = segment;
    const wanted = Math.max(0, bytesIn(count, destination.blockSize) - carried);
    this.#toRead = countsDestination ? blocks(Math.ceil(wanted / source.blockSize)) : count;
    this.#toWrite = countsDestination ? count : Number.POSITIVE_INFINITY;
  }

  /** Copies one piece. @param then told how the segment ended, or undefined when there is more of it */
  step(then: (end: SegmentEnd | undefined) => void): void {
    const { blockSize, unit } = this.#source;
    const count = blocks(Math.min(this.#toRead, wholeBlocks(PIECE, blockSize)));
    if (count === 0) return this.#write(then);
    this.#request.send(unit, read16(this.#readAt, count), this.carried, 0, () => {
      if (this.#request.status !== STATUS_GOOD) return then("source");
      this.#readAt = blocks(this.#readAt + count);
      this.#toRead = blocks(this.#toRead - count);
      this.carried += bytesIn(count, blockSize);
      this.#write(then);
    });
  }

  #write(then: (end: SegmentEnd | undefined) => void): void {
    const { blockSize, unit } = this.#destination;
    const isEnd = this.#toRead === 0;
    if (isEnd) this.#padRest();
    const count = blocks(Math.min(this.#toWrite, wholeBlocks(this.carried, blockSize)));
    if (count === 0) return then(this.#endOfPiece());
    const length = bytesIn(count, blockSize);
    this.#request.send(unit, write16(this.#writeAt, count), 0, length, () => {
      if (this.#request.status !== STATUS_GOOD) return then("destination");
      this.#writeAt = blocks(this.#writeAt + count);
      this.#toWrite -= count;
      this.written += length;
      const { data, memory } = this.#request;
      memory.u8.copyWithin(data, data + length, data + this.carried);
      this.carried -= length;
      then(this.#endOfPiece());
    });
  }

  /** Fills the last, partial block of the destination with zeros, where that is asked for. */
  #padRest(): void {
    const { blockSize, pad } = this.#destination;
    const rest = this.carried % blockSize;
    if (rest === 0 || !pad || this.#keepsRest || this.#segment.countsDestination) return;
    const { data, memory } = this.#request;
    memory.u8.fill(0, data + this.carried, data + this.carried + blockSize - rest);
    this.carried += blockSize - rest;
  }

  #endOfPiece(): SegmentEnd | undefined {
    if (this.#toRead > 0) return undefined;
    if (this.carried === 0 || this.#keepsRest) return "done";
    if (!this.#source.pad) return "inexact";
    this.carried = 0;
    return "done";
  }
}

/** Sense of an "inexact" end. */
export const INEXACT = UNEXPECTED_INEXACT_SEGMENT;
