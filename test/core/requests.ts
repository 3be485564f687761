/** A number in [0, bound). */
export type Random = (bound: number) => number;

/** Deterministic numbers from a seed (xorshift32). */
export function random(seed: number): Random {
  let state = seed | 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return bound > 0 ? (state >>> 0) % bound : 0;
  };
}

export interface Request {
  /** 256 bytes. */
  iu: Buffer;
  /** Its CRQ entry, IOBA to be filled in at offset 12. */
  entry: Buffer;
}

function request(format: number, bytes: readonly number[], length = 256): Request {
  const iu = Buffer.alloc(256);
  iu.set(bytes);
  iu.set([0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x05], 8);
  const entry = Buffer.alloc(16);
  entry.set([0x80, format]);
  entry.writeUInt16BE(length, 6);
  return { iu, entry };
}

function command(opcode: number, formats: number): Request {
  const made = request(1, [2, 0, 0, 0, 0, formats]);
  made.iu[20] = 0x81;
  made.iu.set([opcode, 0, 0, 0, 8, 0, 0, 0, 8], 32);
  return made;
}

function direct(at: Buffer, offset: number, ioba: number, length: number): void {
  at.writeUInt32BE(ioba, offset + 4);
  at.writeUInt32BE(length, offset + 12);
}

/** One valid request of every kind, with addresses and lengths that the numbers choose. */
export function baseRequests(next: Random): Request[] {
  const ioba = () => next(32 * 4096);
  const length = () => (next(3) === 0 ? next(0x20000) : 512 * (1 + next(32)));
  const directRead = command(0x28, 0x01);
  direct(directRead.iu, 48, ioba(), length());
  const directWrite = command(0x2a, 0x10);
  direct(directWrite.iu, 48, ioba(), length());
  const inline = command(0x88, 0x02);
  inline.iu[7] = 3;
  direct(inline.iu, 48, ioba(), 48);
  inline.iu.writeUInt32BE(length(), 64);
  for (let entry = 0; entry < 3; entry++) direct(inline.iu, 68 + entry * 16, ioba(), length());
  const table = command(0x8a, 0x20);
  table.iu[6] = next(5);
  direct(table.iu, 48, ioba(), 16 * next(40));
  table.iu.writeUInt32BE(length(), 64);
  const management = request(1, [1]);
  management.iu[30] = 1;
  const login = request(1, [0]);
  login.iu.writeUInt32BE(256, 16);
  return [
    directRead,
    directWrite,
    inline,
    table,
    management,
    login,
    request(1, [3]),
    request(2, [0, 0, 0, 3, 0, 0, 0, 0x94], 24),
    request(6, []),
    { iu: Buffer.alloc(256), entry: Buffer.from("c0010000000000000000000000000000", "hex") },
    { iu: Buffer.alloc(256), entry: Buffer.from("ff020000000000000000000000000000", "hex") },
  ];
}
