import { VIO_SIGNAL_ENABLE } from "../abi/papr.ts";
import { QUEUE_INTERRUPT, QUEUE_SIGNAL_MODE } from "../abi/records.ts";
import type { VirtualAdapter } from "./virtual-adapter.ts";

/** Runs a task later, outside the current call. */
export type Scheduler = (task: () => void) => void;

/**
 * Presents virtual interrupts: an edge for each entry put while the signal mode is on, at most one pending for each
 * adapter, none made up for what came while it was off. [LoPAR] ch_virtual_io, Virtual I/O Interrupts.
 */
export class Interrupts {
  readonly #schedule: Scheduler;
  readonly #pending = new Set<VirtualAdapter>();

  constructor(schedule: Scheduler) {
    this.#schedule = schedule;
  }

  /** Delivers what puts into the adapter's queue have raised. */
  deliver(adapter: VirtualAdapter): void {
    if (adapter.queueField(QUEUE_INTERRUPT) === 0) return;
    adapter.setQueue(QUEUE_INTERRUPT, 0);
    if (this.#pending.has(adapter)) return;
    this.#pending.add(adapter);
    this.#schedule(() => {
      // Withdrawn when the queue was freed meanwhile; switched off by an owner who drains anyway.
      if (!this.#pending.delete(adapter)) return;
      if (adapter.queueField(QUEUE_SIGNAL_MODE) === VIO_SIGNAL_ENABLE) adapter.onInterrupt();
    });
  }

  /** Forgets a pending interrupt. */
  withdraw(adapter: VirtualAdapter): void {
    adapter.setQueue(QUEUE_INTERRUPT, 0);
    this.#pending.delete(adapter);
  }
}
