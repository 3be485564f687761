import type { Clock } from "../core/clock.ts";
import { type BlockStore, STORE_PENDING } from "../scsi/block-store.ts";
import { Filter, type FilteredOperation, type StoreOperation } from "./filter.ts";

/** Milliseconds that operations wait before they begin. */
export type DelayOptions = { readonly [Operation in StoreOperation]?: number | undefined };

/** Makes a store slow: each operation waits, any number of them at the same time. */
export class DelayFilter extends Filter {
  readonly #delays: DelayOptions;
  readonly #clock: Clock;

  constructor(inner: BlockStore, delays: DelayOptions, clock: Clock) {
    super(inner);
    this.#delays = delays;
    this.#clock = clock;
  }

  protected filter({ operation, completion, pass }: FilteredOperation): number {
    const delay = this.#delays[operation] ?? 0;
    if (delay === 0) return pass();
    this.#clock.after(delay, () => {
      const result = pass();
      if (result !== STORE_PENDING) completion.storeDone(result);
    });
    return STORE_PENDING;
  }
}
