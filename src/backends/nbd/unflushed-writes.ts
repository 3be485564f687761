/** Bytes that a server may lose and gets again: data, or zeros where there is none. */
export interface UnflushedRegion {
  readonly offset: number;
  readonly length: number;
  readonly data: Buffer | undefined;
}

interface ZeroRange {
  readonly offset: number;
  readonly end: number;
  readonly sequence: number;
}

const SECTOR = 512;
const SECTORS = 8;
const PAGE = SECTOR * SECTORS;
/** Pages stand in chunks of memory: touching new memory costs ten times the copying. */
const CHUNK_PAGES = 256;
/** Pages after which a flush is due: 64 MiB. */
const PAGES_DUE = 0x4000;
/** Ranges of zeros after which it is. They are looked at one by one. */
const ZEROS_DUE = 1024;
/** Bytes of the largest region that is sent again at a time. */
const REGION_MOST = CHUNK_PAGES * PAGE;

/**
 * What the server has acknowledged since the last flush, as it would have to be sent again to a server that died with it in its
 * cache: the initiator was told that it is done. Only the newest bytes of each place are kept. Offsets and lengths are bytes,
 * and multiples of 512.
 */
export class UnflushedWrites {
  /** Grows with every write. */
  #sequence = 0;
  /** Number of a page of the export, to its slot. */
  readonly #slotOf = new Map<number, number>();
  /** By slot: which page it has, which of its sectors, and the sequence of the last write to it. */
  #pageOf = new Float64Array(CHUNK_PAGES);
  #sectorsOf = new Uint8Array(CHUNK_PAGES);
  #sequenceOf = new Float64Array(CHUNK_PAGES);
  readonly #chunks: Buffer[] = [];
  /** Slots that were given back; those from `#slotsUsed` on were never taken. */
  #freeSlots: number[] = [];
  #slotsUsed = 0;
  /** Data of the same place lies over them. */
  #zeros: ZeroRange[] = [];

  /** Keeps a write; zeros without a `source`. */
  add(offset: number, length: number, source: Uint8Array | undefined): void {
    const sequence = this.#sequence++;
    if (source === undefined) {
      this.superseded(offset, length);
      this.#zeros.push({ offset, end: offset + length, sequence });
      return;
    }
    // What lies one behind the other in memory is copied at once: mostly all of it.
    let copied = 0;
    let to = -1;
    for (let done = 0; done < length; ) {
      const within = (offset + done) % PAGE;
      const piece = Math.min(length - done, PAGE - within);
      const slot = this.#slotFor((offset + done - within) / PAGE);
      this.#sectorsOf[slot] = (this.#sectorsOf[slot] ?? 0) | sectors(within, piece);
      this.#sequenceOf[slot] = sequence;
      const place = slot * PAGE + within;
      if (place !== to + done - copied || slot % CHUNK_PAGES === 0) {
        this.#copy(source, copied, done, to);
        copied = done;
        to = place;
      }
      done += piece;
    }
    this.#copy(source, copied, length, to);
  }

  /** What is kept of these bytes is older than what the server has, on stable storage: it must not be sent again over that. */
  superseded(offset: number, length: number): void {
    this.#dropData(offset, length);
    const end = offset + length;
    if (!this.#zeros.some((range) => range.offset < end && range.end > offset)) return;
    this.#zeros = this.#zeros.flatMap((range) =>
      [
        { ...range, end: Math.min(range.end, offset) },
        { ...range, offset: Math.max(range.offset, end) },
      ].filter((part) => part.offset < part.end),
    );
  }

  /** So much is kept that a flush should end it. */
  get flushDue(): boolean {
    return this.#slotOf.size >= PAGES_DUE || this.#zeros.length >= ZEROS_DUE;
  }

  /** More must not be kept: writes wait for the flush. */
  get isFull(): boolean {
    return this.#slotOf.size >= 2 * PAGES_DUE || this.#zeros.length >= 2 * ZEROS_DUE;
  }

  get isEmpty(): boolean {
    return this.#slotOf.size === 0 && this.#zeros.length === 0;
  }

  /** What a flush sent now will cover. */
  mark(): number {
    return this.#sequence;
  }

  /** A flush that was sent at `mark` has succeeded. */
  flushed(mark: number): void {
    this.#zeros = this.#zeros.filter(({ sequence }) => sequence >= mark);
    // From the last on, so that those free are taken again from the first on, one behind the other.
    for (let slot = this.#slotsUsed - 1; slot >= 0; slot--)
      if (this.#sectorsOf[slot] !== 0 && (this.#sequenceOf[slot] ?? 0) < mark) this.#free(slot);
    if (this.#slotOf.size > 0) return;
    this.#freeSlots = [];
    this.#slotsUsed = 0;
  }

  /** Lets go of the memory, when nothing is kept in it. */
  release(): void {
    if (this.#slotOf.size > 0) return;
    this.#chunks.length = 0;
    this.#freeSlots = [];
    this.#slotsUsed = 0;
  }

  /** What is kept, in an order in which it can be sent. Nothing is to be added meanwhile. */
  *regions(): Generator<UnflushedRegion> {
    for (const { offset, end } of this.#zeros) yield { offset, length: end - offset, data: undefined };
    let pieces: Uint8Array[] = [];
    let begin = 0;
    let end = 0;
    for (const page of [...this.#slotOf.keys()].sort((one, other) => one - other))
      for (const [from, to, bytes] of this.#runsOf(page)) {
        if (pieces.length > 0 && (from !== end || to - begin > REGION_MOST)) {
          yield { offset: begin, length: end - begin, data: Buffer.concat(pieces) };
          pieces = [];
        }
        if (pieces.length === 0) begin = from;
        pieces.push(bytes);
        end = to;
      }
    if (pieces.length > 0) yield { offset: begin, length: end - begin, data: Buffer.concat(pieces) };
  }

  /** Bytes of the export from, to, and what they hold, for each run of sectors of a page. */
  *#runsOf(page: number): Generator<[number, number, Uint8Array]> {
    const slot = this.#slotOf.get(page) ?? 0;
    const kept = this.#sectorsOf[slot] ?? 0;
    const has = (sector: number) => sector < SECTORS && ((kept >> sector) & 1) === 1;
    for (let first = 0; first < SECTORS; first++) {
      if (!has(first)) continue;
      let behind = first;
      while (has(behind)) behind++;
      const [from, to] = [first * SECTOR, behind * SECTOR];
      const bytes = this.#chunkOf(slot).subarray(placeOf(slot) + from, placeOf(slot) + to);
      yield [page * PAGE + from, page * PAGE + to, bytes];
      first = behind;
    }
  }

  /** Drops data of [offset, offset+length), by the pages there or by those that are kept, whichever are fewer. */
  #dropData(offset: number, length: number): void {
    const end = offset + length;
    const first = Math.floor(offset / PAGE);
    const last = Math.ceil(end / PAGE) - 1;
    if (last - first < this.#slotOf.size)
      for (let page = first; page <= last; page++) this.#dropPage(page, offset, end);
    else for (const page of this.#slotOf.keys()) if (page >= first && page <= last) this.#dropPage(page, offset, end);
  }

  #dropPage(page: number, offset: number, end: number): void {
    const slot = this.#slotOf.get(page);
    if (slot === undefined) return;
    const from = Math.max(0, offset - page * PAGE);
    const left = (this.#sectorsOf[slot] ?? 0) & ~sectors(from, Math.min(PAGE, end - page * PAGE) - from);
    if (left === 0) this.#free(slot);
    else this.#sectorsOf[slot] = left;
  }

  /** Copies bytes [from, before) of `source` to a place in the memory of the slots, within one chunk. */
  #copy(source: Uint8Array, from: number, before: number, to: number): void {
    if (from === before) return;
    const slot = Math.floor(to / PAGE);
    this.#chunkOf(slot).set(source.subarray(from, before), placeOf(slot) + (to % PAGE));
  }

  #slotFor(page: number): number {
    const found = this.#slotOf.get(page);
    if (found !== undefined) return found;
    const slot = this.#freeSlots.pop() ?? this.#slotsUsed++;
    if (slot >= this.#pageOf.length) this.#grow();
    if (slot >= this.#chunks.length * CHUNK_PAGES) this.#chunks.push(Buffer.allocUnsafeSlow(CHUNK_PAGES * PAGE));
    this.#slotOf.set(page, slot);
    this.#pageOf[slot] = page;
    return slot;
  }

  #free(slot: number): void {
    this.#slotOf.delete(this.#pageOf[slot] ?? 0);
    this.#sectorsOf[slot] = 0;
    this.#freeSlots.push(slot);
  }

  #grow(): void {
    const length = 2 * this.#pageOf.length;
    const [pages, kept, sequences] = [new Float64Array(length), new Uint8Array(length), new Float64Array(length)];
    pages.set(this.#pageOf);
    kept.set(this.#sectorsOf);
    sequences.set(this.#sequenceOf);
    [this.#pageOf, this.#sectorsOf, this.#sequenceOf] = [pages, kept, sequences];
  }

  #chunkOf(slot: number): Buffer {
    const chunk = this.#chunks[Math.floor(slot / CHUNK_PAGES)];
    if (chunk === undefined) throw new RangeError(`slot ${slot} has no memory`);
    return chunk;
  }
}

/** Where a slot is in its chunk. */
function placeOf(slot: number): number {
  return (slot % CHUNK_PAGES) * PAGE;
}

/** A bit for each sector of a page from byte `from` on. */
function sectors(from: number, length: number): number {
  return ((1 << (length / SECTOR)) - 1) << (from / SECTOR);
}
