import { SRP_IU_MAX } from "../abi/srp.ts";
import type { CrqEntry } from "./client-queue.ts";
import { type DmaBuffer, type DmaSpace, firstIoba } from "./dma.ts";
import type { ClientProfile } from "./profiles.ts";

/** Why a request ended without an answer. */
export type LossReason = "reset" | "suspended" | "closed";

/** What becomes of a request: exactly one of the two is called. */
export interface RequestOutcome {
  /** The answer stands at the slot's address until this returns. */
  answered(entry: CrqEntry, slot: EventSlot): void;
  lost(reason: LossReason): void;
}

/** Room for one request's IU, which its response overwrites. */
export interface EventSlot {
  readonly index: number;
  /** Linear address and IOBA of the 256-byte IU. */
  readonly address: number;
  readonly ioba: number;
  /** As on the wire, read big-endian. */
  tag: bigint;
}

/** A pointer tag looks like one of the kernel's linear mapping, stored little-endian as an LE kernel does. */
const POINTER_BASE = 0xc000_0000_0400_0000n;
const POINTER_STRIDE = 0x180n;

/** The client's event pool: slots in DMA memory, tags, and what waits for each tag. */
export class RequestTable {
  readonly #dma: DmaSpace;
  readonly #buffer: DmaBuffer;
  readonly #tags: ClientProfile["tags"];
  readonly #free: EventSlot[] = [];
  readonly #waiting = new Map<bigint, { slot: EventSlot; outcome: RequestOutcome }>();
  #counter = 0n;

  constructor(dma: DmaSpace, slots: number, tags: ClientProfile["tags"]) {
    this.#dma = dma;
    this.#buffer = dma.allocate(slots * SRP_IU_MAX);
    this.#tags = tags;
    for (let index = slots - 1; index >= 0; index--) {
      const offset = index * SRP_IU_MAX;
      this.#free.push({
        index,
        address: this.#buffer.address + offset,
        ioba: firstIoba(this.#buffer) + offset,
        tag: 0n,
      });
    }
  }

  get hasFree(): boolean {
    return this.#free.length > 0;
  }

  /** Takes a slot and gives it a tag. */
  take(outcome: RequestOutcome): EventSlot | undefined {
    const slot = this.#free.pop();
    if (!slot) return undefined;
    slot.tag = this.#tag(slot.index);
    this.#waiting.set(slot.tag, { slot, outcome });
    return slot;
  }

  /** Ends the request that an entry answers. @returns false for a tag that nobody waits for */
  answer(entry: CrqEntry): boolean {
    const found = this.#waiting.get(entry.tag);
    if (!found) return false;
    this.#waiting.delete(entry.tag);
    found.outcome.answered(entry, found.slot);
    this.#free.push(found.slot);
    return true;
  }

  /** Gives a slot back unanswered. */
  forget(tag: bigint): void {
    const found = this.#waiting.get(tag);
    if (!found) return;
    this.#waiting.delete(tag);
    this.#free.push(found.slot);
  }

  /** Ends every request. */
  loseAll(reason: LossReason): void {
    const lost = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { slot } of lost) this.#free.push(slot);
    for (const { outcome } of lost) outcome.lost(reason);
  }

  close(): void {
    this.#dma.release(this.#buffer);
  }

  #tag(index: number): bigint {
    switch (this.#tags) {
      case "one":
        return 1n;
      case "counter":
        return ++this.#counter;
      case "pointer":
        return swapped(POINTER_BASE + BigInt(index) * POINTER_STRIDE);
    }
  }
}

function swapped(value: bigint): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, value, true);
  return view.getBigUint64(0);
}
