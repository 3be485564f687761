/** Largest value of the length keys: three bytes. [RFC 7143] 13.12 to 13.14. */
export const LENGTH_MAXIMUM = 0xff_ffff;
export const LENGTH_MINIMUM = 512;
/** Default of MaxRecvDataSegmentLength, in force while logging in. [RFC 7143] 13.12. */
export const DEFAULT_DATA_SEGMENT_LENGTH = 8192;

/** What a session and one of its connections have agreed on; at first the defaults of [RFC 7143] clause 13. */
export class Parameters {
  headerDigest = false;
  dataDigest = false;
  /** The peer's MaxRecvDataSegmentLength: the most that we put into one PDU. */
  sendDataMaximum = DEFAULT_DATA_SEGMENT_LENGTH;
  maxConnections = 1;
  initialR2T = true;
  immediateData = true;
  maxBurstLength = 262_144;
  firstBurstLength = 65_536;
  maxOutstandingR2T = 1;

  /** The most that comes unsolicited, whatever was agreed on in which order. */
  get unsolicitedMaximum(): number {
    return Math.min(this.firstBurstLength, this.maxBurstLength);
  }

  /** What another connection of the same session begins with. */
  forConnection(): Parameters {
    const copy = Object.assign(new Parameters(), this);
    copy.headerDigest = false;
    copy.dataDigest = false;
    copy.sendDataMaximum = DEFAULT_DATA_SEGMENT_LENGTH;
    return copy;
  }
}
