/** A write that the server has acknowledged and may still lose. */
export interface UnflushedWrite {
  readonly offset: number;
  readonly length: number;
  /** A copy; undefined for zeros. */
  readonly data: Buffer | undefined;
}

/** Bytes of copies after which a flush is due. */
const FLUSH_DUE = 0x200_0000;

/**
 * Writes acknowledged since the last flush, oldest first. A server that dies with them in its cache gets them again
 * from whoever keeps them: the initiator was told that they are done.
 */
export class UnflushedWrites {
  #writes: UnflushedWrite[] = [];
  #bytes = 0;
  /** Writes dropped so far: what a mark counts from. */
  #dropped = 0;

  add(offset: number, length: number, source: Uint8Array | undefined): void {
    const data = source && Buffer.from(source);
    this.#writes.push({ offset, length, data });
    this.#bytes += data?.length ?? 0;
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
  }

  list(): readonly UnflushedWrite[] {
    return [...this.#writes];
  }
}
