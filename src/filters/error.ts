import { constants } from "node:os";
import type { BlockStore } from "../scsi/block-store.ts";
import { Filter, type FilteredOperation, type StoreOperation } from "./filter.ts";
import { type Random, randomFrom } from "./random.ts";

/** Which operations fail, and how. All that is said must be true of an operation. */
export interface ErrorOptions {
  /** What a failing operation answers; EIO unless told. */
  readonly errno?: "EIO" | "ENOSPC" | "ENODEV" | "ETIMEDOUT" | undefined;
  /** All of them unless told. */
  readonly operations?: StoreOperation[] | undefined;
  /** First and last logical block: an operation that touches one of these, whereby a flush touches none. */
  readonly blocks?: [first: number, last: number] | undefined;
  /** Operations of these that are passed on before the first one may fail. */
  readonly after?: number | undefined;
  /** Share of them that fail, above 0 to 1: which ones, the seed decides. */
  readonly rate?: number | undefined;
  readonly seed?: number | undefined;
  /** How many fail; then all are passed on. */
  readonly count?: number | undefined;
}

/** Makes operations of a store fail instead of being passed on; always the same ones, for the same seed and order. */
export class ErrorFilter extends Filter {
  readonly #options: ErrorOptions;
  readonly #errno: number;
  readonly #random: Random;
  readonly #blockSize: number;
  #passing: number;
  #left: number;

  /** @param blockSize bytes of a logical block */
  constructor(inner: BlockStore, options: ErrorOptions, blockSize: number) {
    super(inner);
    this.#options = options;
    this.#errno = -constants.errno[options.errno ?? "EIO"];
    this.#random = randomFrom(options.seed ?? 1);
    this.#blockSize = blockSize;
    this.#passing = options.after ?? 0;
    this.#left = options.count ?? Number.POSITIVE_INFINITY;
  }

  protected filter(operation: FilteredOperation): number {
    return this.#fails(operation) ? this.#errno : operation.pass();
  }

  #fails(operation: FilteredOperation): boolean {
    const { rate = 1 } = this.#options;
    if (this.#left === 0 || !this.#concerns(operation)) return false;
    if (this.#passing > 0) {
      this.#passing--;
      return false;
    }
    if (rate < 1 && this.#random() >= rate) return false;
    this.#left--;
    return true;
  }

  #concerns({ operation, offset, length }: FilteredOperation): boolean {
    const { operations, blocks } = this.#options;
    if (operations !== undefined && !operations.includes(operation)) return false;
    if (blocks === undefined) return true;
    const [first, last] = blocks;
    return length > 0 && offset < (last + 1) * this.#blockSize && offset + length > first * this.#blockSize;
  }
}
