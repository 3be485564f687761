import {
  COMMAND_BLOCK_STATUS,
  COMMAND_FLAG_FUA,
  COMMAND_READ,
  COMMAND_WRITE,
  COMMAND_WRITE_ZEROES,
  EXPORT_FLUSH,
  EXPORT_FUA,
  EXPORT_READ_ONLY,
  EXPORT_WRITE_ZEROES,
} from "../../abi/nbd.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import {
  type BlockStore,
  type Provisioning,
  STORE_DONE,
  STORE_PENDING,
  type StoreCompletion,
  type StoreExtent,
} from "../../scsi/block-store.ts";
import { StoreOpenError } from "../open-file.ts";
import { NbdClient, type NbdClientOptions } from "./nbd-client.ts";
import { LONGEST_PART } from "./request.ts";

const SECTOR = 512;
const LARGEST_BLOCK = 4096;
/** Nobody listens there. */
const ABSENT = new Set(["ENOENT", "ECONNREFUSED"]);

/** What an NBD store is told. */
export interface NbdStoreOptions extends NbdClientOptions {
  readonly readOnly: boolean;
  /** Smallest bytes that a client of ours reads or writes: the logical block of the disk. */
  readonly blockSize: number;
}

/**
 * An export of an NBD server: every engine that serves NBD holds a disk. A lost connection is made again, and what the
 * server had acknowledged but not yet flushed is sent to it again.
 */
export class NbdStore implements BlockStore {
  readonly kind = "nbd";
  readonly size: number;
  readonly readOnly: boolean;
  readonly physicalBlockSize: number;
  readonly description: string;
  readonly provisioning: Provisioning | undefined;
  readonly #client: NbdClient;
  readonly #memory: SharedMemory;

  private constructor(client: NbdClient, memory: SharedMemory, options: NbdStoreOptions) {
    this.#client = client;
    this.#memory = memory;
    this.size = client.size - (client.size % SECTOR);
    this.readOnly = options.readOnly || (client.flags & EXPORT_READ_ONLY) !== 0;
    this.physicalBlockSize = Math.min(LARGEST_BLOCK, Math.max(SECTOR, client.preferredBlock));
    this.description = options.address.text;
    const givesBack = !this.readOnly && (client.flags & EXPORT_WRITE_ZEROES) !== 0;
    this.provisioning = givesBack ? this.#provisioning() : undefined;
  }

  /** Connects. @throws StoreOpenError */
  static async open(memory: SharedMemory, options: NbdStoreOptions): Promise<NbdStore> {
    const { text } = options.address;
    const client = new NbdClient(memory, options);
    try {
      await client.open();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const advice = code !== undefined && ABSENT.has(code) ? ": start the server, or mend the URI" : "";
      throw new StoreOpenError(`${text}: can't be opened: ${message}${advice}`, code);
    }
    const refusal = unfit(client, options);
    if (refusal === undefined) return new NbdStore(client, memory, options);
    await client.close();
    throw new StoreOpenError(`${text}: ${refusal}`);
  }

  read(offset: number, address: number, length: number, completion: StoreCompletion): number {
    const request = this.#client.request(COMMAND_READ, offset, length, completion);
    request.address = address;
    this.#client.submit(request);
    return STORE_PENDING;
  }

  write(offset: number, address: number, length: number, durable: boolean, completion: StoreCompletion): number {
    const request = this.#client.request(COMMAND_WRITE, offset, length, completion);
    request.source = this.#memory.u8.subarray(address, address + length);
    this.#submitWrite(request, durable);
    return STORE_PENDING;
  }

  flush(completion: StoreCompletion): number {
    // A server without the command keeps nothing back, or could not be asked to give it up.
    if ((this.#client.flags & EXPORT_FLUSH) === 0) return STORE_DONE;
    this.#client.submitFlush(completion);
    return STORE_PENDING;
  }

  /** @throws when the server could not be told to keep what it has acknowledged */
  async close(): Promise<void> {
    await this.#client.close();
  }

  #submitWrite(request: ReturnType<NbdClient["request"]>, durable: boolean): void {
    const { flags } = this.#client;
    if (durable && (flags & EXPORT_FUA) !== 0) request.flags = COMMAND_FLAG_FUA;
    else request.thenFlush = durable && (flags & EXPORT_FLUSH) !== 0;
    this.#client.submit(request);
  }

  #findExtents(offset: number, length: number, found: StoreExtent[], completion: StoreCompletion): number {
    if (!this.#client.tellsAllocation) {
      found.push({ length, allocated: true });
      return STORE_DONE;
    }
    const request = this.#client.request(COMMAND_BLOCK_STATUS, offset, Math.min(length, LONGEST_PART), completion);
    request.found = found;
    request.foundBefore = found.length;
    this.#client.submit(request);
    return STORE_PENDING;
  }

  #provisioning(): Provisioning {
    return {
      granularity: this.physicalBlockSize,
      deallocate: (offset, length, durable, completion) => {
        this.#submitWrite(this.#client.request(COMMAND_WRITE_ZEROES, offset, length, completion), durable);
        return STORE_PENDING;
      },
      // What the server holds is known to it alone: all of it, as far as anyone is told.
      findExtents: (offset, length, found, completion) => this.#findExtents(offset, length, found, completion),
    };
  }
}

/** Why an export can't be served; undefined when it can. */
function unfit({ size, minimumBlock, flags }: NbdClient, { blockSize, readOnly }: NbdStoreOptions): string | undefined {
  if (size < SECTOR) return "has no whole sector";
  if (minimumBlock > blockSize)
    return `takes no less than ${minimumBlock} bytes: give the unit "blockSize": ${minimumBlock}, if it can be`;
  if (!readOnly && (flags & EXPORT_READ_ONLY) !== 0) return "the server serves it read-only: so must the unit";
  return undefined;
}
