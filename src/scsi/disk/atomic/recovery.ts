import type { SharedMemory } from "../../../core/shared-memory.ts";
import { STORE_DONE, STORE_PENDING, type StoreCompletion } from "../../block-store.ts";
import { type Blocks, blocks } from "../../units.ts";
import type { BlockClaim } from "../block-locks.ts";
import type { Disk } from "../disk.ts";
import { mediumName } from "../erase/erasing.ts";
import { type AtomicWriteIntent, decodeIntent, INTENT_NAME, NO_INTENT } from "./intent.ts";

/** Ends a WRITE ATOMIC that a former daemon began. Commands wait for it. */
class Recovery implements StoreCompletion, BlockClaim {
  readonly first = blocks(0);
  readonly count: Blocks;
  readonly exclusive = true;
  readonly #disk: Disk;
  readonly #memory: SharedMemory;
  readonly #intent: AtomicWriteIntent;
  readonly #address: number;

  constructor(disk: Disk, memory: SharedMemory, intent: AtomicWriteIntent) {
    this.count = disk.medium.blockCount;
    this.#disk = disk;
    this.#memory = memory;
    this.#intent = intent;
    this.#address = memory.allocate(intent.data.length);
    memory.u8.set(intent.data, this.#address);
  }

  begin(): void {
    if (this.#disk.transfers.locks.request(this)) this.granted();
  }

  granted(): void {
    const { offset, data } = this.#intent;
    const result = this.#disk.medium.store.write(offset, this.#address, data.length, true, this);
    if (result !== STORE_PENDING) this.storeDone(result);
  }

  storeDone(result: number): void {
    const { log, state, identity, transfers } = this.#disk;
    this.#memory.free(this.#address, this.#intent.data.length);
    const where = { unit: identity.serial, offset: this.#intent.offset };
    if (result === STORE_DONE) {
      state?.save(INTENT_NAME, NO_INTENT);
      log.info(where, "an atomic write that was under way at the daemon's end is done");
    } else {
      log.error(
        { ...where, errno: result },
        "an atomic write that was under way could not be ended: kept for the next start",
      );
    }
    transfers.locks.release(this);
  }
}

/** Takes up the WRITE ATOMIC that a former daemon did not end, if there is one. That of another medium is put away. */
export function resumeAtomicWrite(disk: Disk, memory: SharedMemory): void {
  const bytes = disk.state?.load(INTENT_NAME);
  if (bytes === undefined || bytes.length === 0) return;
  const intent = decodeIntent(bytes);
  if (intent?.medium === mediumName(disk.medium) && intent.offset + intent.data.length <= disk.medium.size)
    return new Recovery(disk, memory, intent).begin();
  disk.log.warn({ unit: disk.identity.serial }, "an unfinished atomic write is of another medium: it is not taken up");
  disk.state?.save(INTENT_NAME, NO_INTENT);
}
