import { STORE_DONE, STORE_PENDING, type StoreCompletion } from "../../scsi/block-store.ts";
import type { Gate } from "./gate.ts";

/** What a step answers when it was the last one. */
export const STEPS_ENDED = 2;

/** An operation on an overlay: steps, each one operation of a store. Reused. */
export abstract class OverlayOperation implements StoreCompletion {
  readonly #gate: Gate;
  protected offset = 0;
  protected address = 0;
  protected length = 0;
  #completion: StoreCompletion | undefined;

  constructor(gate: Gate) {
    this.#gate = gate;
  }

  /** Begins the next step. @returns what its store does, or that there is none */
  protected abstract step(): number;
  /** It has ended: whatever it has is given back. */
  protected abstract end(result: number): void;
  /** What it has to have before its first step. @returns false when it has to wait for that */
  protected abstract prepare(): boolean;

  protected start(offset: number, address: number, length: number, completion: StoreCompletion): number {
    this.offset = offset;
    this.address = address;
    this.length = length;
    this.#completion = completion;
    if (!this.#gate.enters(this)) return STORE_PENDING;
    return this.prepare() ? this.#run(STORE_DONE) : STORE_PENDING;
  }

  /** The gate has opened. */
  admitted(): void {
    if (this.prepare()) this.storeDone(STORE_DONE);
  }

  /** Its clusters are its own. */
  granted(): void {
    this.storeDone(STORE_DONE);
  }

  storeDone(last: number): void {
    const completion = this.#completion;
    const result = this.#run(last);
    if (result !== STORE_PENDING) completion?.storeDone(result);
  }

  #run(last: number): number {
    let result = last;
    while (result === STORE_DONE) result = this.step();
    if (result === STORE_PENDING) return result;
    const ended = result === STEPS_ENDED ? STORE_DONE : result;
    this.#completion = undefined;
    this.end(ended);
    this.#gate.leaves();
    return ended;
  }
}
