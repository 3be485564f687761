import {
  CRQ_COMMAND,
  CRQ_EVENT_SUSPENDED,
  CRQ_FORMAT_MESSAGE,
  CRQ_INIT,
  CRQ_INIT_COMPLETE,
  CRQ_INITIALIZATION,
  CRQ_PING,
  CRQ_PING_RESPONSE,
  CRQ_TRANSPORT_EVENT,
} from "../abi/crq.ts";
import { H_BUSY, H_CLOSED, H_IN_PROGRESS, H_RESOURCE, H_SUCCESS } from "../abi/papr.ts";
import { SRP_IU_MAX } from "../abi/srp.ts";
import type { Clock } from "../core/clock.ts";
import type { Hypervisor } from "../papr/hypervisor.ts";
import type { VirtualAdapter } from "../papr/virtual-adapter.ts";
import { ClientQueue, type CrqEntry } from "./client-queue.ts";
import { DmaSpace } from "./dma.ts";
import { RequestFailed } from "./errors.ts";
import type { ClientProfile } from "./profiles.ts";
import { type EventSlot, type LossReason, type RequestOutcome, RequestTable } from "./request-table.ts";

/** Slots beyond the commands: two for task management, two for MADs and login. */
const EXTRA_SLOTS = 4;
/** Linux repeats H_ENABLE_CRQ at this interval. */
const ENABLE_RETRY_MILLISECONDS = 100;

/** What the layer above the queue is told. */
export interface ConnectionListener {
  /** The handshake is done: negotiate. `migrated` after a suspend event. */
  opened(migrated: boolean): void;
  /** The handshake is to be made again; requests have been told already. */
  lost(reason: LossReason): void;
  /** After a reset the server was not there: nothing can be sent until its INIT. */
  absent(): void;
  entry(entry: CrqEntry): void;
}

/** How an IU goes out. */
export interface IuOptions {
  /** CRQ_FORMAT_*. */
  readonly format: number;
  /** Seconds in the CRQ entry. */
  readonly timeout: number;
  /** Writes the IU into its slot. @returns its true length */
  write(slot: EventSlot): number;
}

/**
 * From registration to an open queue and back: handshake in both orders, transport events, pings, requests by tag.
 * [LoPAR] app_virtual_scsi; recovery as Linux's ibmvscsi does it.
 */
export class Connection {
  readonly dma: DmaSpace;
  readonly queue: ClientQueue;
  readonly requests: RequestTable;
  readonly #hypervisor: Hypervisor;
  readonly #profile: ClientProfile;
  readonly #clock: Clock;
  readonly #listener: ConnectionListener;
  readonly #pings: (() => void)[] = [];
  #cancelEnable = (): void => {};
  #migrated = false;
  #closed = true;

  constructor(
    hypervisor: Hypervisor,
    adapter: VirtualAdapter,
    profile: ClientProfile,
    clock: Clock,
    listener: ConnectionListener,
  ) {
    this.#hypervisor = hypervisor;
    this.#profile = profile;
    this.#clock = clock;
    this.#listener = listener;
    this.dma = new DmaSpace(hypervisor, adapter);
    this.queue = new ClientQueue(hypervisor, adapter, this.dma, profile.queueBytes, (entry) => this.#entry(entry));
    this.requests = new RequestTable(this.dma, profile.requestsMaximum + EXTRA_SLOTS, profile.tags);
  }

  /**
   * Registers and begins the handshake. A left-over registration is freed first.
   * @returns the code of H_REG_CRQ: H_CLOSED leaves the first word to the server
   */
  open(): number {
    this.#closed = false;
    let code = this.queue.register();
    if (code === H_RESOURCE) {
      this.queue.free();
      code = this.queue.register();
    }
    if (code !== H_SUCCESS && code !== H_CLOSED) return code;
    this.queue.listen();
    // H_CLOSED and H_DROPPED are no errors: the server's INIT will come.
    if (code === H_SUCCESS) this.queue.sendInitialization(CRQ_INIT);
    return code;
  }

  /** Host reset: every request is lost, the queue closed and opened again. */
  reset(): number {
    this.#quiesce("reset");
    return this.#reopen();
  }

  /** Sends an IU. @returns H_SEND_CRQ's code; unless it is H_SUCCESS `outcome` is never called. H_RESOURCE: no slot */
  send(options: IuOptions, outcome: RequestOutcome): { code: number; tag: bigint } {
    const slot = this.requests.take(outcome);
    if (!slot) return { code: H_RESOURCE, tag: 0n };
    const exact = options.write(slot);
    const length = this.#profile.iuLength === "slot" ? SRP_IU_MAX : exact;
    const word0 = ((CRQ_COMMAND << 24) | (options.format << 16)) >>> 0;
    const code = this.queue.send(word0, ((options.timeout << 16) | length) >>> 0, 0, slot.ioba);
    if (code !== H_SUCCESS) this.requests.forget(slot.tag);
    return { code, tag: slot.tag };
  }

  /**
   * Sends an IU and waits for its answer. When it does not come within `guard` milliseconds the connection is reset.
   * @param read takes what it needs out of the slot
   */
  exchange<T>(options: IuOptions, guard: number, read: (view: DataView, slot: EventSlot) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(guard, () => {
        this.requests.forget(tag);
        reject(new RequestFailed("timed-out"));
        this.#lose("reset");
      });
      const { code, tag } = this.send(options, {
        answered: (_entry, slot) => {
          cancel();
          resolve(read(this.#hypervisor.memory.view, slot));
        },
        lost: (reason) => {
          cancel();
          reject(new RequestFailed(reason));
        },
      });
      if (code === H_SUCCESS) return;
      cancel();
      reject(new RequestFailed("refused", code));
    });
  }

  /** Sends a ping; resolves with its response. [LoPAR] app_virtual_scsi, Message in CRQ. */
  ping(guard: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(guard, () => {
        this.#pings.splice(this.#pings.indexOf(answered), 1);
        reject(new RequestFailed("timed-out"));
      });
      const answered = () => {
        cancel();
        resolve();
      };
      const code = this.#sendMessage(CRQ_PING);
      if (code === H_SUCCESS) {
        this.#pings.push(answered);
        return;
      }
      cancel();
      reject(new RequestFailed("refused", code));
    });
  }

  /** Frees the queue and all memory. */
  close(): void {
    if (!this.#closed) this.#quiesce("closed");
    this.#closed = true;
    this.queue.close();
    this.requests.close();
  }

  #entry(entry: CrqEntry): void {
    this.#listener.entry(entry);
    if (entry.header === CRQ_INITIALIZATION) this.#initialization(entry.format);
    else if (entry.header === CRQ_TRANSPORT_EVENT) this.#event(entry.format);
    else if (entry.header !== CRQ_COMMAND) return;
    else if (entry.format === CRQ_FORMAT_MESSAGE) this.#message(entry.status);
    else this.requests.answer(entry);
  }

  #initialization(format: number): void {
    if (format !== CRQ_INIT && format !== CRQ_INIT_COMPLETE) return;
    if (format === CRQ_INIT && this.queue.sendInitialization(CRQ_INIT_COMPLETE) !== H_SUCCESS) return;
    const migrated = this.#migrated;
    this.#migrated = false;
    this.#listener.opened(migrated);
  }

  #event(event: number): void {
    this.#lose(event === CRQ_EVENT_SUSPENDED ? "suspended" : "reset");
  }

  #lose(reason: "reset" | "suspended"): void {
    this.#quiesce(reason);
    if (!this.#profile.recovers) return;
    if (reason === "suspended") {
      this.#migrated = true;
      this.#enable();
    } else {
      this.#reopen();
    }
  }

  /** Linux sends no INIT of its own when the server is gone. */
  #reopen(): number {
    this.queue.free();
    const code = this.open();
    if (code === H_CLOSED) this.#listener.absent();
    return code;
  }

  #quiesce(reason: LossReason): void {
    this.#cancelEnable();
    this.#pings.length = 0;
    this.#listener.lost(reason);
    this.requests.loseAll(reason);
  }

  /** H_ENABLE_CRQ until it is through, then INIT. */
  #enable(): void {
    const code = this.queue.enable();
    if (code === H_BUSY || code === H_IN_PROGRESS) {
      this.#cancelEnable = this.#clock.after(ENABLE_RETRY_MILLISECONDS, () => this.#enable());
    } else this.queue.sendInitialization(CRQ_INIT);
  }

  #message(code: number): void {
    if (code === CRQ_PING) this.#sendMessage(CRQ_PING_RESPONSE);
    else if (code === CRQ_PING_RESPONSE) this.#pings.shift()?.();
  }

  #sendMessage(code: number): number {
    return this.queue.send(((CRQ_COMMAND << 24) | (CRQ_FORMAT_MESSAGE << 16) | code) >>> 0, 0, 0, 0);
  }
}
