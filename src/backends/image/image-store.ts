import type { BlockStore, Provisioning, StoreCompletion } from "../../scsi/block-store.ts";
import type { NbdStore } from "../nbd/nbd-store.ts";
import type { QemuNbd } from "./qemu-nbd.ts";

/** An image in a format that QEMU knows, served to us by a qemu-nbd of our own. */
export class ImageStore implements BlockStore {
  readonly kind = "image";
  readonly size: number;
  readonly readOnly: boolean;
  readonly physicalBlockSize: number;
  readonly description: string;
  readonly provisioning: Provisioning | undefined;
  readonly #store: NbdStore;
  readonly #server: QemuNbd;
  readonly #closed: () => void;

  /**
   * @param thin the image gives storage back
   * @param closed called when the image is nobody's any more
   */
  constructor(store: NbdStore, server: QemuNbd, thin: boolean, closed: () => void) {
    this.#store = store;
    this.#server = server;
    this.#closed = closed;
    this.size = store.size;
    this.readOnly = store.readOnly;
    this.physicalBlockSize = store.physicalBlockSize;
    this.description = store.description;
    this.provisioning = thin ? store.provisioning : undefined;
    server.keepUp();
  }

  read(offset: number, address: number, length: number, completion: StoreCompletion): number {
    return this.#store.read(offset, address, length, completion);
  }

  write(offset: number, address: number, length: number, durable: boolean, completion: StoreCompletion): number {
    return this.#store.write(offset, address, length, durable, completion);
  }

  flush(completion: StoreCompletion): number {
    return this.#store.flush(completion);
  }

  /** Flushes, and waits until QEMU has closed the image. @throws when writes may be lost */
  async close(): Promise<void> {
    try {
      await this.#store.close();
    } finally {
      await this.#server.end();
      this.#closed();
    }
  }
}
