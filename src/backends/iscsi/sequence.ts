const HALF = 0x8000_0000;

/** Whether serial number `left` comes before `right`, or is the same. [RFC 1982], [RFC 7143] 4.2.2. */
export function notAfter(left: number, right: number): boolean {
  return (right - left) >>> 0 < HALF;
}
