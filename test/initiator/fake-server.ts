import { CRQ_INIT, CRQ_INIT_COMPLETE, CRQ_INITIALIZATION } from "../../src/abi/crq.ts";
import * as R from "../../src/abi/records.ts";
import * as S from "../../src/abi/srp.ts";
import type { SharedMemory } from "../../src/core/shared-memory.ts";
import { PartitionLink } from "../../src/papr/crq-link.ts";
import type { Pair } from "../papr/pair.ts";

/** What the fake saw of one request. */
export interface Seen {
  readonly slot: number;
  readonly kind: number;
  readonly iu: Uint8Array;
  readonly length: number;
}

/** A server that answers by hand-written rules: enough to see what a client sends. */
export class FakeServer {
  readonly link: PartitionLink;
  readonly seen: Seen[] = [];
  readonly memory: SharedMemory;
  /** Tags and MADs that get no answer. */
  answers = (_seen: Seen): boolean => true;
  limit = 10;
  loginType = S.SRP_LOGIN_RSP;
  osType = 3;
  readonly #buffer: number;
  readonly #entry: number;

  constructor({ hypervisor, serverAdapter, memory }: Pair) {
    this.memory = memory;
    this.link = new PartitionLink({ hypervisor, adapter: serverAdapter, ringEntries: 256, slots: 32 });
    this.#buffer = memory.allocate(0x10000);
    this.#entry = memory.allocate(16);
    this.link.listen({
      interrupt: () => this.#drain(),
      copyDone: () => {
        throw new Error("copies are synchronous");
      },
    });
  }

  start(): number {
    const code = this.link.register();
    this.link.signal(true);
    this.initialize(CRQ_INIT);
    return code;
  }

  initialize(format: number): number {
    this.memory.view.setUint32(this.#entry, ((CRQ_INITIALIZATION << 24) | (format << 16)) >>> 0);
    return this.link.send(this.#entry);
  }

  sendBytes(hex: string): number {
    this.memory.u8.set(Buffer.from(hex.padEnd(32, "0"), "hex"), this.#entry);
    return this.link.send(this.#entry);
  }

  #drain(): void {
    const { core, adapter } = this.link;
    for (;;) {
      const count = core.drain(adapter, 32);
      if (count === 0) return;
      const list = this.#word(adapter + R.ADAPTER_READY_LIST);
      const slots = Array.from({ length: count }, (_, index) => this.#word(list + index * 4));
      for (const slot of slots) this.#handle(slot);
    }
  }

  #handle(slot: number): void {
    const kind = this.#word(slot + R.SLOT_KIND);
    const length = this.#word(slot + R.SLOT_IU_LENGTH);
    const seen = { slot, kind, length, iu: this.memory.u8.slice(slot + R.SLOT_IU, slot + R.SLOT_IU + 256) };
    this.seen.push(seen);
    if (kind === R.KIND_INIT) this.initialize(CRQ_INIT_COMPLETE);
    const answered = this.answers(seen);
    if (answered && kind === R.KIND_MAD) this.#mad(slot);
    else if (answered && kind === R.KIND_SRP) this.respond(slot);
    else if (kind !== R.KIND_SRP || answered) this.link.core.slot_release(this.link.adapter, slot);
  }

  /** Answers an SRP request: data-in is 0x5a throughout, data-out is thrown away. */
  respond(slot: number, delta = 1): void {
    const type = this.memory.u8[slot + R.SLOT_IU] ?? 0;
    if (type === S.SRP_LOGIN_REQ) {
      this.#prepared(slot, this.loginType, this.limit, S.SRP_LOGIN_RSP_LENGTH);
      return;
    }
    if (type === S.SRP_I_LOGOUT) {
      this.#prepared(slot, S.SRP_RSP, 0, S.SRP_I_LOGOUT_LENGTH);
      return;
    }
    const length = this.#word(slot + R.SLOT_TRANSFER_LENGTH);
    if (this.#word(slot + R.SLOT_DIRECTION) === R.DIRECTION_IN) {
      this.memory.u8.fill(0x5a, this.#buffer, this.#buffer + length);
      this.link.scatter(slot, 0, this.#buffer, length);
    }
    this.#set(slot + R.SLOT_ANSWER, R.ANSWER_RSP);
    this.#set(slot + R.SLOT_RSP_FLAGS, type === S.SRP_TSK_MGMT ? S.SRP_RSP_RSPVALID : 0);
    this.#set(slot + R.SLOT_LIMIT_DELTA, delta);
    this.#complete(slot);
  }

  /** The bytes of a command's data-out. */
  dataOut(slot: number): Uint8Array {
    const length = this.#word(slot + R.SLOT_TRANSFER_LENGTH);
    this.link.gather(slot, 0, this.#buffer, length);
    return this.memory.u8.slice(this.#buffer, this.#buffer + length);
  }

  #mad(slot: number): void {
    const at = slot + R.SLOT_IU;
    const { view } = this.memory;
    if (view.getUint32(at) === 3) {
      const [high, low] = [view.getUint32(at + 16), view.getUint32(at + 20)];
      this.link.readClient(slot, high, low, this.#buffer, 148);
      view.setUint32(this.#buffer + 112, this.osType);
      this.link.writeClient(slot, high, low, this.#buffer, 148);
    }
    this.memory.u8.copyWithin(slot + R.SLOT_RESPONSE, at, at + 24);
    this.#send(slot, 2, 24);
  }

  #prepared(slot: number, type: number, limit: number, length: number): void {
    const at = slot + R.SLOT_RESPONSE;
    this.memory.u8.fill(0, at, at + 256);
    this.memory.u8[at] = type;
    this.#set32(at + 4, limit);
    this.memory.u8.copyWithin(at + 8, slot + R.SLOT_TAG, slot + R.SLOT_TAG + 8);
    this.#send(slot, 1, length);
  }

  #send(slot: number, format: number, length: number): void {
    this.#set(slot + R.SLOT_ANSWER, R.ANSWER_PREPARED);
    this.#set(slot + R.SLOT_RESPONSE_LENGTH, length);
    this.#set(slot + R.SLOT_RESPONSE_FORMAT, format);
    this.#complete(slot);
  }

  #complete(slot: number): void {
    this.#set(this.#word(this.link.adapter + R.ADAPTER_COMPLETE_LIST), slot);
    if (this.link.complete(1) !== 1) throw new Error(`complete: ${this.link.completeResult}`);
  }

  #word(address: number): number {
    return this.memory.view.getUint32(address, true);
  }
  #set(address: number, value: number): void {
    this.memory.view.setUint32(address, value, true);
  }
  #set32(address: number, value: number): void {
    this.memory.view.setUint32(address, value);
  }
}
