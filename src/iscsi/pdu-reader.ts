import { BHS_AHS_LENGTH, BHS_DATA_LENGTH, BHS_LENGTH, DIGEST_LENGTH } from "../abi/iscsi.ts";
import { CRC32C_START, crc32c, crc32cEnd, crc32cUpdate } from "./crc32c.ts";

/** Longest additional header segments that are taken: one extended CDB of 260 bytes, padded. [RFC 7143] 11.2.2.3. */
export const AHS_LENGTH_MAXIMUM = 248;
const HEADER_MAXIMUM = BHS_LENGTH + AHS_LENGTH_MAXIMUM;
/** Segments are whole words. [RFC 7143] 11.2. */
export const WORD = 4;

/** Why a connection can't go on. The text is for the log. */
export type Problem = string;

/** Takes PDUs as they come. Every method says what is wrong with what it was given, or undefined. */
export interface PduSink {
  /** The header stands, and its digest is right. `dataLength` is not above the limit. */
  header(pdu: ReceivedHeader): Problem | undefined;
  /** Bytes [from, to) of `source` are the next of the data segment. */
  data(source: Uint8Array, from: number, to: number): void;
  /** The PDU is complete. `intact` is false when its data digest is wrong. */
  end(pdu: ReceivedHeader, intact: boolean): Problem | undefined;
}

/** Header of the PDU that is being received: valid until the sink's `end` returns. */
export interface ReceivedHeader {
  /** Basic header segment and what follows it. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly ahsLength: number;
  readonly dataLength: number;
}

const STAGE_BHS = 0;
const STAGE_REST = 1;
const STAGE_DATA = 2;
const STAGE_TAIL = 3;

/**
 * Finds PDUs in a byte stream that may be cut anywhere. Headers are put together in one small buffer; data segments are
 * passed on piece by piece and never kept, so a peer that claims much costs nothing.
 */
export class PduReader implements ReceivedHeader {
  readonly #sink: PduSink;
  readonly bytes = new Uint8Array(HEADER_MAXIMUM + DIGEST_LENGTH);
  readonly view = new DataView(this.bytes.buffer);
  /** Padding and data digest. */
  readonly #tail = new Uint8Array(WORD + DIGEST_LENGTH);
  readonly #tailView = new DataView(this.#tail.buffer);
  ahsLength = 0;
  dataLength = 0;
  /** Digests that later PDUs carry. */
  headerDigest = false;
  dataDigest = false;
  /** MaxRecvDataSegmentLength that we have declared. */
  dataMaximum: number;
  /** Digest setting of the PDU that is being received. */
  #checksData = false;
  #stage = STAGE_BHS;
  #filled = 0;
  #needed = BHS_LENGTH;
  #crc = CRC32C_START;

  constructor(sink: PduSink, dataMaximum: number) {
    this.#sink = sink;
    this.dataMaximum = dataMaximum;
  }

  /** Between two PDUs. */
  get idle(): boolean {
    return this.#stage === STAGE_BHS && this.#filled === 0;
  }

  /** Takes bytes as they come. @returns what is wrong with them, or undefined */
  receive(chunk: Uint8Array): Problem | undefined {
    let at = 0;
    while (at < chunk.length) {
      const take = Math.min(this.#needed - this.#filled, chunk.length - at);
      this.#keep(chunk, at, at + take);
      at += take;
      this.#filled += take;
      if (this.#filled < this.#needed) break;
      const problem = this.#advance();
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  #keep(chunk: Uint8Array, from: number, to: number): void {
    if (this.#stage === STAGE_DATA) {
      if (this.#checksData) this.#crc = crc32cUpdate(this.#crc, chunk, from, to);
      this.#sink.data(chunk, from, to);
      return;
    }
    const target = this.#stage === STAGE_TAIL ? this.#tail : this.bytes;
    for (let at = from, into = this.#filled; at < to; at++, into++) target[into] = chunk[at] ?? 0;
  }

  /** A stage is complete: on to the next that has bytes to wait for. */
  #advance(): Problem | undefined {
    if (this.#stage === STAGE_BHS) {
      const problem = this.#measure();
      if (problem !== undefined) return problem;
      this.#stage = STAGE_REST;
      this.#needed = BHS_LENGTH + this.ahsLength + (this.headerDigest ? DIGEST_LENGTH : 0);
      if (this.#filled < this.#needed) return undefined;
    }
    if (this.#stage === STAGE_REST) {
      const problem = this.#headerComplete();
      if (problem !== undefined) return problem;
      if (this.dataLength === 0) return this.#complete(true);
      this.#begin(STAGE_DATA, this.dataLength);
      return undefined;
    }
    if (this.#stage === STAGE_DATA) {
      const tail = padding(this.dataLength) + (this.#checksData ? DIGEST_LENGTH : 0);
      if (tail === 0) return this.#complete(true);
      this.#begin(STAGE_TAIL, tail);
      return undefined;
    }
    return this.#complete(this.#dataIntact());
  }

  #begin(stage: number, needed: number): void {
    this.#stage = stage;
    this.#filled = 0;
    this.#needed = needed;
  }

  #measure(): Problem | undefined {
    this.ahsLength = this.view.getUint8(BHS_AHS_LENGTH) * WORD;
    this.dataLength = this.view.getUint32(BHS_DATA_LENGTH - 1) & 0xff_ffff;
    if (this.ahsLength > AHS_LENGTH_MAXIMUM) return `additional header segments of ${this.ahsLength} bytes`;
    if (this.dataLength > this.dataMaximum)
      return `data segment of ${this.dataLength} bytes, at most ${this.dataMaximum} are taken`;
    return undefined;
  }

  #headerComplete(): Problem | undefined {
    const end = BHS_LENGTH + this.ahsLength;
    if (this.headerDigest && crc32c(this.bytes, 0, end) !== this.view.getUint32(end, true))
      return "header digest is wrong";
    this.#checksData = this.dataDigest;
    this.#crc = CRC32C_START;
    return this.#sink.header(this);
  }

  #dataIntact(): boolean {
    if (!this.#checksData) return true;
    const pad = padding(this.dataLength);
    return crc32cEnd(crc32cUpdate(this.#crc, this.#tail, 0, pad)) === this.#tailView.getUint32(pad, true);
  }

  #complete(intact: boolean): Problem | undefined {
    this.#begin(STAGE_BHS, BHS_LENGTH);
    return this.#sink.end(this, intact);
  }
}

/** Bytes that bring a segment to a whole number of words. [RFC 7143] 11.2. */
export function padding(length: number): number {
  return -length & (WORD - 1);
}
