import { CRQ_COMMAND, CRQ_ENTRY_SIZE, CRQ_FORMAT_SRP } from "../../src/abi/crq.ts";
import {
  ADAPTER_COMPLETE_LIST,
  ADAPTER_ENTRY,
  ADAPTER_FREE_COUNT,
  ADAPTER_READY_LIST,
  ANSWER_PREPARED,
  SLOT_ANSWER,
  SLOT_ENTRY,
  SLOT_FAULT,
  SLOT_IU,
  SLOT_IU_LENGTH,
  SLOT_KIND,
  SLOT_RESPONSE,
  SLOT_RESPONSE_FORMAT,
  SLOT_RESPONSE_LENGTH,
} from "../../src/abi/records.ts";
import { SRP_CMD, SRP_CMD_CDB, SRP_CMD_FORMATS, SRP_LUN } from "../../src/abi/srp.ts";
import type { CrqLink, CrqListener } from "../../src/core/crq-link.ts";

const BATCH = 16;

export interface Taken {
  slot: number;
  kind: number;
  fault: number;
  entry: Buffer;
  iu: Buffer;
}

/** A server adapter that does nothing but tell what came. Its slots stay taken until `answer` or `release`. */
export class RecordingServer implements CrqListener {
  readonly link: CrqLink;
  readonly copies: [slot: number, result: number][] = [];
  readonly #taken: Taken[] = [];
  #arrived: (() => void) | undefined;

  constructor(link: CrqLink) {
    this.link = link;
    link.listen(this);
  }

  get freeSlots(): number {
    return this.link.memory.view.getUint32(this.link.adapter + ADAPTER_FREE_COUNT, true);
  }

  interrupt(): void {
    const { core, adapter, memory } = this.link;
    for (;;) {
      const count = core.drain(adapter, BATCH);
      if (count === 0) break;
      const list = memory.view.getUint32(adapter + ADAPTER_READY_LIST, true);
      for (let index = 0; index < count; index++) {
        const slot = memory.view.getUint32(list + index * 4, true);
        const length = memory.view.getUint32(slot + SLOT_IU_LENGTH, true);
        this.#taken.push({
          slot,
          kind: memory.view.getUint32(slot + SLOT_KIND, true),
          fault: memory.view.getUint32(slot + SLOT_FAULT, true),
          entry: this.bytes(slot + SLOT_ENTRY, CRQ_ENTRY_SIZE),
          iu: this.bytes(slot + SLOT_IU, length),
        });
      }
    }
    this.#arrived?.();
  }

  copyDone(slot: number, result: number): void {
    this.copies.push([slot, result]);
    this.#arrived?.();
  }

  /** The next entry. */
  async next(): Promise<Taken> {
    for (;;) {
      const first = this.#taken.shift();
      if (first) return first;
      await this.#something();
    }
  }

  /** The next finished copy. */
  async nextCopy(): Promise<[slot: number, result: number]> {
    for (;;) {
      const first = this.copies.shift();
      if (first) return first;
      await this.#something();
    }
  }

  get waiting(): number {
    return this.#taken.length;
  }

  bytes(address: number, length: number): Buffer {
    return Buffer.from(this.link.memory.u8.slice(address, address + length));
  }

  send(bytes: Uint8Array): number {
    const entry = this.link.adapter + ADAPTER_ENTRY;
    this.link.memory.u8.set(bytes, entry);
    return this.link.send(entry);
  }

  /** Answers a request with these bytes. */
  answer(slot: number, response: Uint8Array): number {
    const { adapter, memory } = this.link;
    memory.u8.set(response, slot + SLOT_RESPONSE);
    memory.view.setUint32(slot + SLOT_ANSWER, ANSWER_PREPARED, true);
    memory.view.setUint32(slot + SLOT_RESPONSE_FORMAT, CRQ_FORMAT_SRP, true);
    memory.view.setUint32(slot + SLOT_RESPONSE_LENGTH, response.length, true);
    memory.view.setUint32(memory.view.getUint32(adapter + ADAPTER_COMPLETE_LIST, true), slot, true);
    return this.link.complete(1);
  }

  release(slot: number): void {
    this.link.core.slot_release(this.link.adapter, slot);
  }

  #something(): Promise<void> {
    return new Promise((resolve) => {
      this.#arrived = resolve;
    });
  }
}

/** A 16-byte entry that names an IU at `ioba`. */
export function srpEntry(ioba: number, length: number): Buffer {
  const entry = Buffer.alloc(CRQ_ENTRY_SIZE);
  entry[0] = CRQ_COMMAND;
  entry[1] = CRQ_FORMAT_SRP;
  entry.writeUInt16BE(length, 6);
  entry.writeUInt32BE(ioba, 12);
  return entry;
}

export function directDescriptor(high: number, low: number, length: number): Buffer {
  const descriptor = Buffer.alloc(16);
  descriptor.writeUInt32BE(high, 0);
  descriptor.writeUInt32BE(low, 4);
  descriptor.writeUInt32BE(length, 12);
  return descriptor;
}

/** A CMD; `formats` is its byte 5, `descriptor` what follows the CDB. */
export function command(formats: number, descriptor: Uint8Array, cdb: readonly number[] = [0x2a], tag = 1): Buffer {
  const iu = Buffer.alloc(48);
  iu[0] = SRP_CMD;
  iu[SRP_CMD_FORMATS] = formats;
  iu.writeUInt32BE(tag, 12);
  iu[SRP_LUN] = 0x81;
  iu.set(cdb, SRP_CMD_CDB);
  return Buffer.concat([iu, descriptor]);
}
