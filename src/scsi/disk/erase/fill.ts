import type { Clock } from "../../../core/clock.ts";
import type { SharedMemory } from "../../../core/shared-memory.ts";
import { type Provisioning, STORE_DONE, STORE_PENDING, type StoreCompletion } from "../../block-store.ts";
import type { Medium } from "../../medium.ts";
import { Pace } from "../../pace.ts";
import type { Erasure } from "./erasure.ts";

/** Bytes written at once: a fraction of a millisecond of the event loop. A whole number of blocks of every size. */
const PIECE = 0x4_0000;
/** Bytes let go of at once, which costs a store little. */
const DEALLOCATED_PIECE = 0x400_0000;
const ENOMEM = -12;

export interface FillOptions {
  medium: Medium;
  memory: SharedMemory;
  clock: Clock;
  bytesPerSecond: number;
  /** What lets go of blocks in place of writing zeros to them; undefined for a disk that keeps all it has. */
  provisioning: Provisioning | undefined;
}

/**
 * Overwrites every logical block of a medium, in pieces and at a pace, or lets go of it where the erasure allows, then
 * flushes. Others' commands run between two pieces.
 */
export class Fill implements StoreCompletion {
  readonly #options: FillOptions;
  readonly #erasure: Erasure;
  readonly #ended: (result: number) => void;
  readonly #pace: Pace;
  readonly #provisioning: Provisioning | undefined;
  #address = 0;
  #pass = 0;
  #offset = 0;
  #pieceLength = 0;
  #flushing = false;
  #storeBusy = false;
  #stopped: (() => void) | undefined;

  /** @param ended told once, with 0 or the errno of the store's failure; not when the fill was stopped */
  constructor(options: FillOptions, erasure: Erasure, ended: (result: number) => void) {
    this.#options = options;
    this.#erasure = erasure;
    this.#ended = ended;
    this.#pace = new Pace(options.clock, options.bytesPerSecond);
    this.#provisioning = erasure.deallocate ? options.provisioning : undefined;
  }

  /** How much is written, 0 to 1. */
  get progress(): number {
    const { size } = this.#options.medium;
    return Math.min(1, (this.#pass * size + this.#offset) / (this.#erasure.passes * size));
  }

  /** Begins; `ended` is never called from within. */
  start(): void {
    this.#pace.after(0, this.#step);
  }

  /** Writes no further piece. Resolves when the one under way has ended. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#stopped = resolve;
      if (!this.#storeBusy) this.#finishStop();
    });
  }

  storeDone(result: number): void {
    this.#storeBusy = false;
    if (this.#stopped !== undefined) return this.#finishStop();
    if (result !== STORE_DONE || this.#flushing) return this.#end(result);
    this.#offset += this.#pieceLength;
    if (this.#offset >= this.#options.medium.size) {
      this.#offset = 0;
      this.#pass++;
    }
    this.#pace.after(this.#provisioning === undefined ? this.#pieceLength : 0, this.#step);
  }

  readonly #step = (): void => {
    if (this.#stopped !== undefined) return;
    const { medium } = this.#options;
    const { passes } = this.#erasure;
    this.#flushing = this.#pass === passes || medium.size === 0;
    const patternIsDue = !this.#flushing && this.#offset === 0 && this.#provisioning === undefined;
    if (patternIsDue && !this.#layPattern()) return this.#end(ENOMEM);
    this.#storeBusy = true;
    const result = this.#flushing ? medium.store.flush(this) : this.#erasePiece();
    if (result !== STORE_PENDING) this.storeDone(result);
  };

  #erasePiece(): number {
    const { store, size } = this.#options.medium;
    const most = this.#provisioning === undefined ? PIECE : DEALLOCATED_PIECE;
    this.#pieceLength = Math.min(most, size - this.#offset);
    return this.#provisioning === undefined
      ? store.write(this.#offset, this.#address, this.#pieceLength, false, this)
      : this.#provisioning.deallocate(this.#offset, this.#pieceLength, false, this);
  }

  /** Fills the piece with the pattern of the pass that begins. @returns false when there is no memory for it */
  #layPattern(): boolean {
    const { memory, medium } = this.#options;
    const { pattern, invert } = this.#erasure;
    if (this.#address === 0) {
      try {
        this.#address = memory.allocate(PIECE);
      } catch {
        return false;
      }
    }
    const complement = invert && this.#pass % 2 === 1 ? 0xff : 0;
    const { u8 } = memory;
    for (let at = 0; at < medium.blockSize; at++)
      u8[this.#address + at] = (pattern[at % pattern.length] ?? 0) ^ complement;
    for (let at = medium.blockSize; at < PIECE; at += medium.blockSize)
      memory.copy(this.#address + at, this.#address, medium.blockSize);
    return true;
  }

  #end(result: number): void {
    this.#release();
    this.#ended(result);
  }

  #finishStop(): void {
    this.#release();
    this.#stopped?.();
  }

  #release(): void {
    if (this.#address !== 0) this.#options.memory.free(this.#address, PIECE);
    this.#address = 0;
  }
}
