import { constants as osConstants } from "node:os";
import type { FileCalls } from "../host/file-calls.ts";
import {
  type Provisioning,
  STORE_DONE,
  STORE_PENDING,
  type StoreCompletion,
  type StoreExtent,
} from "../scsi/block-store.ts";

/** Bytes of a hole made by one call: longer ones would keep writes, which are made on the main thread, from the file. */
const PIECE = 0x100_0000;
const ENXIO = -osConstants.errno.ENXIO;
const EOPNOTSUPP = -osConstants.errno.EOPNOTSUPP;

interface HolePunchingOptions {
  readonly fd: number;
  readonly calls: Pick<FileCalls, "punchHole" | "nextData" | "nextHole">;
  /** Bytes of the smallest piece that can be given back. */
  readonly granularity: number;
  /** Holes begin and end at multiples of it; what is beside them is written with zeros. 1 for a file: Linux does that. */
  readonly alignment: number;
  /** The file tells its holes (a block device does not). */
  readonly tellsHoles: boolean;
  /** Writes zeros at once. @returns 0 or a negative errno */
  readonly zero: (offset: number, length: number) => number;
  readonly flush: (completion: StoreCompletion) => number;
  /** Told of every hole that could not be made, with a negative errno. */
  readonly failed: (offset: number, errno: number) => void;
}

/** A range to give back. */
class Deallocation {
  offset = 0;
  end = 0;
  durable = false;
  completion: StoreCompletion | undefined;
}

/** Storage given back by making holes. Ranges take their turn: Linux would let two holes in one file wait for each other. */
export class HolePunching implements Provisioning {
  readonly granularity: number;
  readonly #options: HolePunchingOptions;
  /** The first one is under way. */
  readonly #waiting: Deallocation[] = [];
  readonly #idle: Deallocation[] = [];

  constructor(options: HolePunchingOptions) {
    this.granularity = options.granularity;
    this.#options = options;
  }

  deallocate(offset: number, length: number, durable: boolean, completion: StoreCompletion): number {
    const { alignment, flush } = this.#options;
    const end = offset + length;
    const first = Math.min(end, Math.ceil(offset / alignment) * alignment);
    const last = Math.max(first, Math.floor(end / alignment) * alignment);
    const zeroed = this.#zero(offset, first) || this.#zero(last, end);
    if (zeroed !== STORE_DONE) return zeroed;
    if (first === last) return durable ? flush(completion) : STORE_DONE;
    const deallocation = this.#idle.pop() ?? new Deallocation();
    deallocation.offset = first;
    deallocation.end = last;
    deallocation.durable = durable;
    deallocation.completion = completion;
    if (this.#waiting.push(deallocation) === 1) this.#punch(deallocation);
    return STORE_PENDING;
  }

  findExtents(offset: number, length: number, found: StoreExtent[], _completion: StoreCompletion): number {
    found.push(this.#extentAt(offset, length));
    return STORE_DONE;
  }

  #extentAt(offset: number, length: number): StoreExtent {
    const { fd, calls, tellsHoles } = this.#options;
    if (!tellsHoles) return { length, allocated: true };
    const data = calls.nextData(fd, offset);
    if (data === ENXIO) return { length, allocated: false };
    if (data > offset) return { length: Math.min(length, data - offset), allocated: false };
    const hole = data < 0 ? data : calls.nextHole(fd, offset);
    return { length: hole > offset ? Math.min(length, hole - offset) : length, allocated: true };
  }

  #zero(offset: number, end: number): number {
    return end > offset ? this.#options.zero(offset, end - offset) : STORE_DONE;
  }

  #punch({ offset, end }: Deallocation): void {
    this.#options.calls.punchHole(this.#options.fd, offset, Math.min(PIECE, end - offset), this.#punched);
  }

  readonly #punched = (punched: number): void => {
    const [deallocation] = this.#waiting;
    if (deallocation === undefined) return;
    const pieceEnd = Math.min(deallocation.end, deallocation.offset + PIECE);
    // Some devices say so only when they are asked for the first time.
    const result = punched === EOPNOTSUPP ? this.#zero(deallocation.offset, pieceEnd) : punched;
    if (result < 0) this.#options.failed(deallocation.offset, result);
    else deallocation.offset = pieceEnd;
    if (result === STORE_DONE && deallocation.offset < deallocation.end) return this.#punch(deallocation);
    this.#waiting.shift();
    const [next] = this.#waiting;
    if (next !== undefined) this.#punch(next);
    this.#end(deallocation, result);
  };

  #end(deallocation: Deallocation, result: number): void {
    const { completion, durable } = deallocation;
    deallocation.completion = undefined;
    this.#idle.push(deallocation);
    if (completion === undefined) return;
    const ended = result === STORE_DONE && durable ? this.#options.flush(completion) : result;
    if (ended !== STORE_PENDING) completion.storeDone(ended);
  }
}
