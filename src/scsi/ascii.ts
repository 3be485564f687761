/** Left-aligned ASCII padded with spaces, as INQUIRY data have it; what is no ASCII graphic becomes a space. [SPC-4] 4.4.1. */
export function ascii(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(SPACE);
  for (let at = 0; at < Math.min(text.length, length); at++) {
    const code = text.charCodeAt(at);
    if (code > SPACE && code < DELETE) bytes[at] = code;
  }
  return bytes;
}

const SPACE = 0x20;
const DELETE = 0x7f;
