/** A write that the server has acknowledged and may still lose. */
export interface UnflushedWrite {
  /** Grows with every write that was kept; the parts of one have the same. */
  readonly sequence: number;
  readonly offset: number;
  readonly length: number;
  /** A copy; undefined for zeros. */
  readonly data: Buffer | undefined;
}

/** Copies stand in slabs of so many bytes, which are used again: one allocation a write costs ten times the copying. */
const SLAB = 0x10_0000;
/** Slabs after which a flush is due, and the most that are kept idle. */
const SLABS_DUE = 32;
/** Writes after which it is, whatever they are: zeros have no copy. */
const WRITES_DUE = 0x1_0000;

/**
 * Writes acknowledged since the last flush, oldest first. A server that dies with them in its cache gets them again
 * from whoever keeps them: the initiator was told that they are done.
 */
export class UnflushedWrites {
  #writes: UnflushedWrite[] = [];
  #sequence = 0;
  /** Slabs that hold copies, in the order of the writes; the last one is being filled. */
  #slabs: Buffer[] = [];
  #filled = SLAB;
  #idle: Buffer[] = [];

  /** Keeps a write. One that crosses the end of a slab is kept as several. */
  add(offset: number, length: number, source: Uint8Array | undefined): void {
    const sequence = this.#sequence++;
    if (source === undefined) return void this.#writes.push({ sequence, offset, length, data: undefined });
    for (let done = 0; done < length; ) {
      const slab = this.#slabWithRoom();
      const piece = Math.min(length - done, SLAB - this.#filled);
      const data = slab.subarray(this.#filled, this.#filled + piece);
      data.set(source.subarray(done, done + piece));
      this.#writes.push({ sequence, offset: offset + done, length: piece, data });
      this.#filled += piece;
      done += piece;
    }
  }

  /**
   * A write of these bytes is on stable storage: what is kept of them is older and is dropped. Sent again, it would lie
   * over them. The memory of its copy is free after the next flush.
   */
  superseded(offset: number, length: number): void {
    const end = offset + length;
    const isTouched = (write: UnflushedWrite) => write.offset < end && write.offset + write.length > offset;
    if (!this.#writes.some(isTouched)) return;
    this.#writes = this.#writes.flatMap((write) =>
      isTouched(write)
        ? [...partOf(write, write.offset, offset), ...partOf(write, end, write.offset + write.length)]
        : write,
    );
  }

  /** So much is kept that a flush should end it. */
  get flushDue(): boolean {
    return this.#slabs.length > SLABS_DUE || this.#writes.length >= WRITES_DUE;
  }

  /** More must not be kept: writes wait for the flush. */
  get isFull(): boolean {
    return this.#slabs.length > 2 * SLABS_DUE || this.#writes.length >= 2 * WRITES_DUE;
  }

  get isEmpty(): boolean {
    return this.#writes.length === 0;
  }

  /** What a flush sent now will cover. */
  mark(): number {
    return this.#sequence;
  }

  /** A flush that was sent at `mark` has succeeded. */
  flushed(mark: number): void {
    const left = this.#writes.findIndex(({ sequence }) => sequence >= mark);
    this.#writes.splice(0, left < 0 ? this.#writes.length : left);
    this.#giveBack();
  }

  list(): readonly UnflushedWrite[] {
    return [...this.#writes];
  }

  #slabWithRoom(): Buffer {
    const last = this.#slabs.at(-1);
    if (last !== undefined && this.#filled < SLAB) return last;
    const slab = this.#idle.pop() ?? Buffer.allocUnsafeSlow(SLAB);
    this.#slabs.push(slab);
    this.#filled = 0;
    return slab;
  }

  /** Slabs before that of the oldest copy are free; all of them when there is none. Who writes no more keeps no memory. */
  #giveBack(): void {
    const oldest = this.#writes.find(({ data }) => data !== undefined)?.data?.buffer;
    if (oldest === undefined) {
      this.#slabs = [];
      this.#idle = [];
      return;
    }
    while (this.#slabs.length > 0 && this.#slabs[0]?.buffer !== oldest) {
      const slab = this.#slabs.shift();
      if (slab !== undefined && this.#idle.length < SLABS_DUE) this.#idle.push(slab);
    }
  }
}

/** What a write has from byte `begin` of the export to before `end`: nothing, or one write. */
function partOf(write: UnflushedWrite, begin: number, end: number): UnflushedWrite[] {
  const length = end - begin;
  if (length <= 0) return [];
  const at = begin - write.offset;
  return [{ ...write, offset: begin, length, data: write.data?.subarray(at, at + length) }];
}
