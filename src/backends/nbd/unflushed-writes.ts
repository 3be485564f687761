/** A write that the server has acknowledged and may still lose. */
export interface UnflushedWrite {
  readonly offset: number;
  readonly length: number;
  /** A copy; undefined for zeros. */
  readonly data: Buffer | undefined;
}

/** Bytes of copies after which a flush is due. */
const FLUSH_DUE = 0x200_0000;
/** Copies stand in slabs of so many bytes, which are used again: one allocation a write costs ten times the copying. */
const SLAB = 0x10_0000;
const IDLE_SLABS_MOST = FLUSH_DUE / SLAB;

/**
 * Writes acknowledged since the last flush, oldest first. A server that dies with them in its cache gets them again
 * from whoever keeps them: the initiator was told that they are done.
 */
export class UnflushedWrites {
  #writes: UnflushedWrite[] = [];
  #bytes = 0;
  /** Writes dropped so far: what a mark counts from. */
  #dropped = 0;
  /** Slabs that hold copies, in the order of the writes; the last one is being filled. */
  #slabs: Buffer[] = [];
  #filled = SLAB;
  #idle: Buffer[] = [];

  /** Keeps a write. One that crosses the end of a slab is kept as several. */
  add(offset: number, length: number, source: Uint8Array | undefined): void {
    if (source === undefined) return void this.#writes.push({ offset, length, data: undefined });
    for (let done = 0; done < length; ) {
      const slab = this.#slabWithRoom();
      const piece = Math.min(length - done, SLAB - this.#filled);
      const data = slab.subarray(this.#filled, this.#filled + piece);
      data.set(source.subarray(done, done + piece));
      this.#writes.push({ offset: offset + done, length: piece, data });
      this.#filled += piece;
      this.#bytes += piece;
      done += piece;
    }
  }

  /** So much is kept that a flush should end it. */
  get flushDue(): boolean {
    return this.#bytes >= FLUSH_DUE;
  }

  /** More must not be kept: writes wait for the flush. */
  get isFull(): boolean {
    return this.#bytes >= 2 * FLUSH_DUE;
  }

  get isEmpty(): boolean {
    return this.#writes.length === 0;
  }

  /** What a flush sent now will cover. */
  mark(): number {
    return this.#dropped + this.#writes.length;
  }

  /** A flush that was sent at `mark` has succeeded. */
  flushed(mark: number): void {
    const gone = this.#writes.splice(0, Math.max(0, mark - this.#dropped));
    this.#dropped += gone.length;
    for (const { data } of gone) this.#bytes -= data?.length ?? 0;
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
      if (slab !== undefined && this.#idle.length < IDLE_SLABS_MOST) this.#idle.push(slab);
    }
  }
}
