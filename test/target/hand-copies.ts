import { H_IN_PROGRESS, H_SUCCESS } from "../../src/abi/papr.ts";
import type { CrqLink, CrqListener } from "../../src/core/crq-link.ts";
import type { PartitionLink } from "../../src/papr/crq-link.ts";

/** A link whose copies out of client memory end when the test says so, as a guest's in another process do. */
export class HandCopies implements CrqLink {
  readonly #link: PartitionLink;
  #listener: CrqListener | undefined;
  #copies: { slot: number; copy: () => number }[] = [];

  constructor(link: PartitionLink) {
    this.#link = link;
  }

  get waiting(): number {
    return this.#copies.length;
  }

  /** Ends the oldest copy. */
  end(): void {
    const next = this.#copies.shift();
    if (next) this.#listener?.copyDone(next.slot, next.copy());
  }

  get memory() {
    return this.#link.memory;
  }
  get core() {
    return this.#link.core;
  }
  get adapter() {
    return this.#link.adapter;
  }
  get slotCount() {
    return this.#link.slotCount;
  }
  get unitAddress() {
    return this.#link.unitAddress;
  }
  get completeResult() {
    return this.#link.completeResult;
  }

  listen(listener: CrqListener): void {
    this.#listener = listener;
    this.#link.listen(listener);
  }

  register(): number {
    return this.#link.register();
  }

  free(): number {
    this.#copies = [];
    return this.#link.free();
  }

  dataInAddress(): number {
    return 0;
  }

  signal(enable: boolean): number {
    return this.#link.signal(enable);
  }

  send(entry: number): number {
    return this.#link.send(entry);
  }

  readClient(slot: number, high: number, low: number, destination: number, length: number): number {
    this.#copies.push({ slot, copy: () => this.#link.readClient(slot, high, low, destination, length) });
    return H_IN_PROGRESS;
  }

  writeClient(slot: number, high: number, low: number, source: number, length: number): number {
    return this.#link.writeClient(slot, high, low, source, length);
  }

  gather(slot: number, offset: number, destination: number, length: number): number {
    if (length === 0) return H_SUCCESS;
    this.#copies.push({ slot, copy: () => this.#link.gather(slot, offset, destination, length) });
    return H_IN_PROGRESS;
  }

  scatter(slot: number, offset: number, source: number, length: number): number {
    return this.#link.scatter(slot, offset, source, length);
  }

  complete(count: number): number {
    return this.#link.complete(count);
  }

  close(): void {
    this.#link.close();
  }
}
