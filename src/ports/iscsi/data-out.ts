import { RESERVED_TAG } from "../../abi/iscsi.ts";
import type { Problem } from "../../iscsi/pdu-reader.ts";
import { PROTOCOL_SERVICE_CRC_ERROR, type Sense, UNEXPECTED_UNSOLICITED_DATA } from "../../scsi/sense.ts";

/** Sequences of one command are told apart by the low half of their tag, commands by the high half. */
const TAG_SHIFT = 16;
const TAG_SEQUENCE_MASK = 0xffff;

/** What a Data-Out claims of itself. */
export interface DataOutClaim {
  tag: number;
  dataSN: number;
  offset: number;
  length: number;
  final: boolean;
}

/**
 * How far the data-out of one command has come: immediate data, one unsolicited sequence, then what R2Ts ask for. All of
 * it arrives in order (DataPDUInOrder and DataSequenceInOrder are Yes), so that one position tells everything.
 * [RFC 7143] 4.2.5.2, 11.7, 11.8.
 */
export class DataOut {
  #total = 0;
  /** Bytes that have come, from the start of the buffer without a gap. */
  received = 0;
  /** The initiator has announced unsolicited Data-Out PDUs, and the last has not come. */
  unsolicited = false;
  #unsolicitedEnd = 0;
  /** Where the sequence that is coming in ends. */
  #sequenceEnd = 0;
  #nextDataSN = 0;
  /** Bytes that R2Ts have asked for so far, counted from the start of the buffer. */
  #solicited = 0;
  #tag = 0;
  #sequencesBegun = 0;
  #sequencesEnded = 0;
  #burst = 0;

  /**
   * @param total bytes that are to come
   * @param unsolicitedEnd how many of them may come unsolicited
   * @param unsolicited whether Data-Out PDUs follow without an R2T
   */
  begin(total: number, unsolicitedEnd: number, unsolicited: boolean, index: number, burst: number): void {
    this.#total = total;
    this.received = 0;
    this.unsolicited = unsolicited;
    this.#unsolicitedEnd = Math.min(total, unsolicitedEnd);
    this.#sequenceEnd = this.#unsolicitedEnd;
    this.#nextDataSN = 0;
    this.#solicited = 0;
    this.#tag = index << TAG_SHIFT;
    this.#sequencesBegun = 0;
    this.#sequencesEnded = 0;
    this.#burst = burst;
  }

  get complete(): boolean {
    return this.received === this.#total;
  }

  /** Data-Out PDUs are to come that the initiator has announced or been asked for. */
  get flowing(): boolean {
    return this.unsolicited || this.outstanding > 0;
  }

  /** R2Ts sent so far: the R2TSN of the next. */
  get solicitations(): number {
    return this.#sequencesBegun;
  }

  /** R2Ts whose data have not all come. */
  get outstanding(): number {
    return this.#sequencesBegun - this.#sequencesEnded;
  }

  /** Bytes of the next R2T, 0 when everything has been asked for. */
  get nextLength(): number {
    return Math.min(this.#burst, this.#total - this.nextOffset);
  }

  get nextOffset(): number {
    return Math.max(this.#solicited, this.received);
  }

  get nextTag(): number {
    return (this.#tag | (this.#sequencesBegun & TAG_SEQUENCE_MASK)) >>> 0;
  }

  /** The next R2T is out. */
  solicit(): void {
    const start = this.nextOffset;
    this.#solicited = start + this.nextLength;
    if (this.outstanding === 0) this.#beginSequence(start);
    this.#sequencesBegun++;
  }

  /**
   * Checks a Data-Out against what is to come next.
   * @returns undefined when it is right; the sense data that its command ends with when data were lost or put out of
   * order ([RFC 7143] 7.8, 7.9); or what is wrong with the initiator
   */
  judge({ tag, dataSN, offset, length, final }: DataOutClaim): Sense | Problem | undefined {
    if (!this.flowing) return UNEXPECTED_UNSOLICITED_DATA;
    if (tag !== this.#currentTag()) return "Data-Out for another R2T than the oldest";
    if (dataSN !== this.#nextDataSN) return PROTOCOL_SERVICE_CRC_ERROR;
    if (offset !== this.received) return `Data-Out at offset ${offset} instead of ${this.received}`;
    const left = this.#sequenceEnd - this.received;
    if (length > left) return `Data-Out of ${length} bytes where ${left} are left of its sequence`;
    if (tag !== RESERVED_TAG && final !== (length === left))
      return final ? "a sequence of Data-Out that ends early" : "a sequence of Data-Out whose end is not marked";
    return undefined;
  }

  /**
   * A Data-Out is complete, taken in or thrown away.
   * @returns false when its unsolicited sequence has ended with too little data
   */
  advance(final: boolean): boolean {
    this.#nextDataSN++;
    if (!final) return true;
    this.#nextDataSN = 0;
    if (this.unsolicited) {
      this.unsolicited = false;
      return this.received === this.#unsolicitedEnd;
    }
    if (this.outstanding === 0) return true;
    this.#sequencesEnded++;
    if (this.outstanding > 0) this.#beginSequence(this.received);
    return true;
  }

  #beginSequence(start: number): void {
    this.#nextDataSN = 0;
    this.#sequenceEnd = Math.min(start + this.#burst, this.#total);
  }

  #currentTag(): number {
    return this.unsolicited ? RESERVED_TAG : (this.#tag | (this.#sequencesEnded & TAG_SEQUENCE_MASK)) >>> 0;
  }
}
