/**
 * What the SCSI device model needs of storage. Backends and filters implement it; offsets and lengths are bytes.
 *
 * Every operation returns at once: `STORE_DONE`, `STORE_PENDING` (the completion is called later, exactly once, never
 * from within the call), or a negative errno (`-ENOSPC`) for an operation that failed at once. Buffers are ranges of
 * the shared linear memory, so that a disk read lands where the data phase takes it from.
 */
export interface BlockStore {
  /** "memory", "file": for logs and status. */
  readonly kind: string;
  /** Capacity in bytes, as found when it was opened. */
  readonly size: number;
  readonly readOnly: boolean;
  /** Bytes that are written without reading first: 512, 4096 … Becomes the physical block size. */
  readonly physicalBlockSize: number;
  /** Where the bytes come from, for people: a path, "64 MiB of memory". */
  readonly description: string;

  /** Fills [address, address+length) of linear memory from `offset`. Fewer bytes than asked for is an error (-EIO). */
  read(offset: number, address: number, length: number, completion: StoreCompletion): number;
  /**
   * Reads into memory that is somebody else's as soon as this returns: STORE_DONE, a negative errno, or STORE_PENDING when the
   * bytes would have to be waited for; nothing is under way then, and part of them may be there. Without it the store has
   * only `read`.
   */
  readonly readNow?: ((offset: number, address: number, length: number) => number) | undefined;
  /** Writes. With `durable` (FUA) the bytes are on stable storage before it is done. */
  write(offset: number, address: number, length: number, durable: boolean, completion: StoreCompletion): number;
  /**
   * Takes over the capacity that the bytes have by now, or gives them another one first; `size` tells it afterwards. An
   * operation under way beyond a new, nearer end fails. Without it the capacity stays.
   * @throws StoreOpenError when it can't be
   */
  readonly resize?: ((size?: number) => void) | undefined;
  /** Everything acknowledged so far is on stable storage when this is done (fdatasync). */
  flush(completion: StoreCompletion): number;
  /** How storage is given back; undefined for a store that keeps all it ever had. */
  readonly provisioning?: Provisioning | undefined;
  /** Ends; rejects when the last flush failed. No operation is pending any more. */
  close(): Promise<void>;
}

/** What a store adds that takes storage only for what was written, and gives it back: thin provisioning. [SBC-3] 4.7. */
export interface Provisioning {
  /** Bytes of the smallest piece of storage that can be given back: a power of two. */
  readonly granularity: number;
  /**
   * Gives back what holds [offset, offset+length), which reads as zeros from then on, down to the last byte: parts of a
   * piece are written with zeros. With `durable` that is on stable storage before it is done.
   */
  deallocate(offset: number, length: number, durable: boolean, completion: StoreCompletion): number;
  /**
   * Tells what of [offset, offset+length) has storage: appends extents to `found` that follow one another from `offset` on,
   * one at least. They need not lead to the end of the range, and two that follow one another may be alike: whoever wants
   * more asks again. A store appends at most `EXTENTS_MOST`, and works no longer than one read for it.
   */
  findExtents(offset: number, length: number, found: StoreExtent[], completion: StoreCompletion): number;
}

export interface StoreExtent {
  /** Bytes, never none. */
  readonly length: number;
  /** Storage holds them; otherwise they read as zeros. */
  readonly allocated: boolean;
}

/** Told of the end of a pending operation: 0 or a negative errno. One object for all of a task's operations. */
export interface StoreCompletion {
  storeDone(result: number): void;
}

/** Extents that a store tells at once, at most. */
export const EXTENTS_MOST = 256;

export const STORE_DONE = 0;
export const STORE_PENDING = 1;
