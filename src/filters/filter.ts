import type { BlockStore, Provisioning, StoreCompletion } from "../scsi/block-store.ts";

/** What a store is asked for: letting go of storage counts as a write. */
export type StoreOperation = "read" | "write" | "flush";

/** An operation that a filter has before the store below it. */
export interface FilteredOperation {
  readonly operation: StoreOperation;
  /** Bytes; 0 for a flush. */
  readonly offset: number;
  readonly length: number;
  readonly completion: StoreCompletion;
  /** Passes it on. @returns as the store's own operation */
  readonly pass: () => number;
}

/**
 * A store around a store, which decides over each operation before it is passed on. For tests and experiments: unlike the
 * stores themselves it makes an object for each operation.
 */
export abstract class Filter implements BlockStore {
  readonly inner: BlockStore;
  readonly provisioning: Provisioning | undefined;
  readonly resize: ((size?: number) => void) | undefined;

  constructor(inner: BlockStore) {
    this.inner = inner;
    this.provisioning = this.#filteredProvisioning(inner.provisioning);
    this.resize = inner.resize && ((size) => inner.resize?.(size));
  }

  /** @returns as a store's operation */
  protected abstract filter(operation: FilteredOperation): number;

  get kind(): string {
    return this.inner.kind;
  }

  get size(): number {
    return this.inner.size;
  }

  get readOnly(): boolean {
    return this.inner.readOnly;
  }

  get physicalBlockSize(): number {
    return this.inner.physicalBlockSize;
  }

  get description(): string {
    return this.inner.description;
  }

  read(offset: number, address: number, length: number, completion: StoreCompletion): number {
    const pass = () => this.inner.read(offset, address, length, completion);
    return this.filter({ operation: "read", offset, length, completion, pass });
  }

  write(offset: number, address: number, length: number, durable: boolean, completion: StoreCompletion): number {
    const pass = () => this.inner.write(offset, address, length, durable, completion);
    return this.filter({ operation: "write", offset, length, completion, pass });
  }

  flush(completion: StoreCompletion): number {
    return this.filter({
      operation: "flush",
      offset: 0,
      length: 0,
      completion,
      pass: () => this.inner.flush(completion),
    });
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  #filteredProvisioning(below: Provisioning | undefined): Provisioning | undefined {
    return (
      below && {
        granularity: below.granularity,
        deallocate: (offset, length, durable, completion) => {
          const pass = () => below.deallocate(offset, length, durable, completion);
          return this.filter({ operation: "write", offset, length, completion, pass });
        },
        findExtents: (offset, length, found, completion) => below.findExtents(offset, length, found, completion),
      }
    );
  }
}
