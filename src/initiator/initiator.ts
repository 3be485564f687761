import { CRQ_FORMAT_MAD, CRQ_FORMAT_SRP } from "../abi/crq.ts";
import {
  MAD_ADAPTER_INFO,
  MAD_BUFFER,
  MAD_CAPABILITIES,
  MAD_ENABLE_FAST_FAIL,
  MAD_HEADER_LENGTH,
  MAD_LENGTH,
  MAD_STATUS,
  MAD_SUCCESS,
  MAD_TAG,
  MAD_TYPE,
  MAD_WITH_BUFFER_LENGTH,
} from "../abi/mad.ts";
import { H_CLOSED, H_SUCCESS } from "../abi/papr.ts";
import {
  SRP_IU_MAX,
  SRP_LOGIN_REJ,
  SRP_LOGIN_REJ_REASON,
  SRP_LOGIN_RSP,
  SRP_LOGIN_RSP_LIMIT,
  SRP_TSK_ABORT_TASK,
} from "../abi/srp.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { type Log, silentLog } from "../core/log.ts";
import type { Hypervisor } from "../papr/hypervisor.ts";
import type { VirtualAdapter } from "../papr/virtual-adapter.ts";
import type { CrqEntry } from "./client-queue.ts";
import { CommandQueue, type CommandRequest, type CommandResult, type SubmittedCommand } from "./command-queue.ts";
import { Connection } from "./connection.ts";
import { firstIoba } from "./dma.ts";
import { RequestFailed } from "./errors.ts";
import { readResponse, writeLogin, writeLogout, writeTaskManagement } from "./iu.ts";
import {
  type AdapterInfo,
  type MadAnswer,
  type MadRequest,
  readAdapterInfo,
  writeAdapterInfo,
  writeCapabilities,
} from "./management.ts";
import type { ClientProfile } from "./profiles.ts";

/** CRQ time-outs in seconds; the client's own guard is twice that. */
const MAD_TIMEOUT = 30;
const LOGIN_TIMEOUT = 60;
const TASK_TIMEOUT = 60;
const PING_TIMEOUT = 30;
/** Linux waits this long for a usable request limit. */
const CONNECT_TIMEOUT_MILLISECONDS = 300_000;

export interface InitiatorOptions {
  readonly hypervisor: Hypervisor;
  /** A client adapter. */
  readonly adapter: VirtualAdapter;
  readonly profile: ClientProfile;
  readonly clock?: Clock;
  readonly log?: Log;
}

/** A PAPR VSCSI client with the habits of an operating system. [LoPAR] app_virtual_scsi. */
export class Initiator {
  readonly profile: ClientProfile;
  /** The layer below: queue, DMA memory and requests, for tests that break the protocol. */
  readonly connection: Connection;
  readonly #adapter: VirtualAdapter;
  readonly #hypervisor: Hypervisor;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #commands: CommandQueue;
  readonly #entryListeners = new Set<(entry: CrqEntry) => void>();
  #waiters: { resolve(): void; reject(error: RequestFailed): void }[] = [];
  #serverInfo: AdapterInfo | undefined;
  #open = false;
  /** Raised by every handshake: a negotiation of an earlier one ends silently. */
  #epoch = 0;

  constructor({ hypervisor, adapter, profile, clock = systemClock, log = silentLog }: InitiatorOptions) {
    this.profile = profile;
    this.#adapter = adapter;
    this.#hypervisor = hypervisor;
    this.#clock = clock;
    this.#log = log;
    this.connection = new Connection(hypervisor, adapter, profile, clock, {
      opened: (migrated) => void this.#negotiate(migrated),
      lost: () => {
        this.#epoch++;
        this.#commands.suspend();
      },
      absent: () => this.#commands.refuse(new RequestFailed("reset", H_CLOSED)),
      entry: (entry) => {
        for (const listener of this.#entryListeners) listener(entry);
      },
    });
    this.#commands = new CommandQueue(this.connection, hypervisor.memory, profile, clock, (tag, lun) =>
      this.taskManagement({ function: SRP_TSK_ABORT_TASK, lun, taskTag: tag }),
    );
  }

  /** What the server said of itself; `undefined` before, or when it refused. */
  get serverInfo(): AdapterInfo | undefined {
    return this.#serverInfo;
  }

  /** Requests that the server still admits. */
  get credit(): number {
    return this.#commands.credit;
  }

  /** Registers the queue and waits until commands can be sent. Rejects on a login reject or when time is up. */
  connect(milliseconds = CONNECT_TIMEOUT_MILLISECONDS): Promise<void> {
    const ready = new Promise<void>((resolve, reject) => {
      const cancel = this.#clock.after(milliseconds, () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(new RequestFailed("timed-out"));
      });
      const waiter = {
        resolve: () => {
          cancel();
          resolve();
        },
        reject: (error: RequestFailed) => {
          cancel();
          reject(error);
        },
      };
      this.#waiters.push(waiter);
    });
    if (this.#commands.isReady) this.#settle();
    else if (!this.#open) {
      this.#open = true;
      const code = this.connection.open();
      if (code !== H_SUCCESS && code !== H_CLOSED) this.#settle(new RequestFailed("refused", code));
    }
    return ready;
  }

  /** Runs a command. Rejects with {@link RequestFailed} when no answer came. */
  command(request: CommandRequest): Promise<CommandResult> {
    return this.submit(request).result;
  }

  /** As {@link command}, with the tag that an abort needs. */
  submit(request: CommandRequest): SubmittedCommand {
    return this.#commands.submit(request);
  }

  /** Aborts a command and frees it, as Linux does once the server has answered 0. @returns the response code */
  async abort(command: SubmittedCommand): Promise<number> {
    if (command.tag === undefined) throw new TypeError("the command is not with the server");
    const request = { function: SRP_TSK_ABORT_TASK, lun: command.lun, taskTag: command.tag };
    const code = await this.taskManagement(request);
    if (code === 0) this.#commands.aborted(command);
    return code;
  }

  /** TSK_MGMT. @returns the response code, 0 when the function is complete; SCSI status if there is no code */
  taskManagement(request: { function: number; lun: bigint; taskTag?: bigint }): Promise<number> {
    this.#commands.takeCredit();
    return this.connection.exchange(
      {
        format: CRQ_FORMAT_SRP,
        timeout: TASK_TIMEOUT,
        write: ({ address, tag }) =>
          writeTaskManagement(this.#view, address, tag, request.lun, request.function, request.taskTag ?? 0n),
      },
      guard(TASK_TIMEOUT),
      (view, { address }) => {
        this.#commands.returnCredit(view, address);
        const response = readResponse(view, address);
        return response.responseCode ?? response.status;
      },
    );
  }

  /** Sends any MAD. */
  async mad(request: MadRequest): Promise<MadAnswer> {
    const data = request.buffer ?? new Uint8Array();
    const buffer = this.connection.dma.allocate(data.length);
    this.#hypervisor.memory.u8.set(data, buffer.address);
    const own = request.buffer ? MAD_WITH_BUFFER_LENGTH : MAD_HEADER_LENGTH + (request.body?.length ?? 0);
    try {
      return await this.connection.exchange(
        {
          format: CRQ_FORMAT_MAD,
          timeout: MAD_TIMEOUT,
          write: ({ address, tag }) => {
            const { u8 } = this.#hypervisor.memory;
            u8.fill(0, address, address + SRP_IU_MAX);
            this.#view.setUint32(address + MAD_TYPE, request.type);
            this.#view.setUint16(address + MAD_LENGTH, request.length ?? (request.buffer ? data.length : own));
            this.#view.setBigUint64(address + MAD_TAG, tag);
            if (request.body) u8.set(request.body, address + MAD_HEADER_LENGTH);
            if (request.buffer) this.#view.setBigUint64(address + MAD_BUFFER, BigInt(firstIoba(buffer)));
            return own;
          },
        },
        guard(MAD_TIMEOUT),
        (view, { address }) => ({
          status: view.getUint16(address + MAD_STATUS),
          buffer: this.#hypervisor.memory.u8.slice(buffer.address, buffer.address + data.length),
        }),
      );
    } finally {
      this.connection.dma.release(buffer);
    }
  }

  /** Asks whether the server is alive. */
  ping(): Promise<void> {
    return this.connection.ping(guard(PING_TIMEOUT));
  }

  /** I_LOGOUT; commands wait for the next {@link login}. */
  async logout(): Promise<void> {
    this.#commands.suspend();
    const write = ({ address, tag }: { address: number; tag: bigint }) => writeLogout(this.#view, address, tag);
    await this.connection.exchange(
      { format: CRQ_FORMAT_SRP, timeout: LOGIN_TIMEOUT, write },
      guard(LOGIN_TIMEOUT),
      () => {},
    );
  }

  /** LOGIN_REQ. Rejects with the reason of a LOGIN_REJ. */
  async login(): Promise<void> {
    const write = ({ address, tag }: { address: number; tag: bigint }) => writeLogin(this.#view, address, tag);
    const answer = await this.connection.exchange(
      { format: CRQ_FORMAT_SRP, timeout: LOGIN_TIMEOUT, write },
      guard(LOGIN_TIMEOUT),
      (view, { address }) => ({
        type: view.getUint8(address),
        limit: view.getInt32(address + SRP_LOGIN_RSP_LIMIT),
        reason: view.getUint32(address + SRP_LOGIN_REJ_REASON),
      }),
    );
    if (answer.type === SRP_LOGIN_RSP) this.#commands.resume(answer.limit);
    else throw new RequestFailed("rejected", answer.type === SRP_LOGIN_REJ ? answer.reason : undefined);
  }

  /** Host reset: closes the connection and opens it anew; resolves when it is usable again. */
  async reset(): Promise<void> {
    this.#open = true;
    this.connection.reset();
    await this.connect();
  }

  /** H_SEND_CRQ of any 16 bytes, past all rules. */
  sendRaw(entry: Uint8Array): number {
    return this.connection.queue.sendRaw(entry);
  }

  /** Sees every entry before the client acts on it. @returns a function that ends it */
  onEntry(listener: (entry: CrqEntry) => void): () => void {
    this.#entryListeners.add(listener);
    return () => this.#entryListeners.delete(listener);
  }

  /** Frees the queue; what is under way fails with `closed`. */
  close(): void {
    this.#open = false;
    this.connection.close();
    this.#commands.close();
    this.#settle(new RequestFailed("closed"));
  }

  async #negotiate(migrated: boolean): Promise<void> {
    const epoch = ++this.#epoch;
    try {
      if (!this.profile.logsIn) this.#commands.resume(this.profile.requestsMaximum);
      else {
        for (const type of this.profile.mads) {
          if (type === MAD_ADAPTER_INFO) await this.#exchangeInfo();
          else if (this.#sendsFurtherMads) await this.#announce(type, migrated);
          if (epoch !== this.#epoch) return;
        }
        await this.login();
      }
      if (epoch === this.#epoch) this.#settle();
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      this.#log.info({ reason: error.reason, result: error.result }, "negotiation ended");
      if (error.reason !== "rejected") return;
      // Linux sets its request limit to -1: nothing goes out until the next handshake.
      this.#commands.refuse(error);
      this.#settle(error);
    }
  }

  get #sendsFurtherMads(): boolean {
    const { furtherMadsFor } = this.profile;
    return furtherMadsFor === undefined || furtherMadsFor === this.#serverInfo?.osType;
  }

  async #exchangeInfo(): Promise<void> {
    const { partition } = this.#adapter;
    const buffer = writeAdapterInfo({
      srpVersion: "16.a",
      partitionName: partition.name,
      partitionNumber: partition.number,
      madVersion: 1,
      osType: this.profile.osType,
      maxTransfer: 0,
    });
    const answer = await this.mad({ type: MAD_ADAPTER_INFO, buffer });
    this.#serverInfo = answer.status === MAD_SUCCESS ? readAdapterInfo(answer.buffer) : undefined;
  }

  /** The MADs whose answers change nothing here. */
  async #announce(type: number, migrated: boolean): Promise<void> {
    const name = `vscsi-${this.#adapter.unitAddress.toString(16)}`;
    if (type === MAD_CAPABILITIES) {
      await this.mad({ type, buffer: writeCapabilities(name, this.#adapter.partition.name, migrated) });
    } else if (type === MAD_ENABLE_FAST_FAIL) await this.mad({ type });
  }

  #settle(error?: RequestFailed): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (error) waiter.reject(error);
      else waiter.resolve();
    }
  }

  get #view(): DataView {
    return this.#hypervisor.memory.view;
  }
}

function guard(seconds: number): number {
  return seconds * 2 * 1000;
}
