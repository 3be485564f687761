import { CRQ_FORMAT_SRP } from "../abi/crq.ts";
import { H_CLOSED, H_RESOURCE, H_SUCCESS, TCE_READ, TCE_RIGHTS } from "../abi/papr.ts";
import { SRP_DIRECT_LENGTH, SRP_RSP_LIMIT_DELTA } from "../abi/srp.ts";
import type { Clock } from "../core/clock.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import type { Connection } from "./connection.ts";
import type { DmaBuffer } from "./dma.ts";
import { firstIoba } from "./dma.ts";
import { RequestFailed } from "./errors.ts";
import { INLINE_TABLE, readResponse, writeCommand, writeDescriptors } from "./iu.ts";
import type { ClientProfile } from "./profiles.ts";
import type { EventSlot, LossReason } from "./request-table.ts";

export interface CommandRequest {
  readonly lun: bigint;
  readonly cdb: Uint8Array | readonly number[];
  /** At most one of the two: bidirectional commands do not exist here. */
  readonly dataOut?: Uint8Array;
  readonly dataInLength?: number;
  /** SAM task attribute; simple when left out. */
  readonly taskAttribute?: number;
  /** Bytes a descriptor covers, when the profile's habit is not wanted. */
  readonly segmentLength?: number;
  /** Milliseconds until the command is aborted; none when left out. */
  readonly timeout?: number;
}

export interface CommandResult {
  /** SCSI status. */
  readonly status: number;
  readonly sense: Uint8Array;
  /** The whole data-in buffer. */
  readonly data: Uint8Array;
  /** SRP_RSP_* flags. */
  readonly flags: number;
  readonly dataOutResidual: number;
  readonly dataInResidual: number;
  /** Status byte of the CRQ entry. */
  readonly crqStatus: number;
  /** Type of the IU that answered: SRP_RSP from a server that keeps to the protocol. */
  readonly responseType: number;
}

export interface SubmittedCommand {
  readonly lun: bigint;
  /** The tag while the server has the command. */
  readonly tag: bigint | undefined;
  readonly result: Promise<CommandResult>;
}

/** A command on its way: waiting for credit, then with the server. */
class Command implements SubmittedCommand {
  readonly request: CommandRequest;
  readonly result: Promise<CommandResult>;
  tag: bigint | undefined;
  data: DmaBuffer | undefined;
  table: DmaBuffer | undefined;
  cancelTimeout = (): void => {};
  resolve: (result: CommandResult) => void = () => {};
  reject: (error: RequestFailed) => void = () => {};

  constructor(request: CommandRequest) {
    this.request = request;
    this.result = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Whoever only looks at another command's result must not bring the process down.
    this.result.catch(() => {});
  }

  get lun(): bigint {
    return this.request.lun;
  }
}

/** Commands and credit: what may go out, with which buffers, and what becomes of it. [SRP] r16a 4.7. */
export class CommandQueue {
  readonly #connection: Connection;
  readonly #memory: SharedMemory;
  readonly #profile: ClientProfile;
  readonly #clock: Clock;
  readonly #abort: (tag: bigint, lun: bigint) => Promise<number>;
  readonly #active = new Set<Command>();
  #waiting: Command[] = [];
  #credit = 0;
  #limit = 0;
  #state: "waiting" | "ready" | "refused" = "waiting";
  #refusal = new RequestFailed("closed");

  constructor(
    connection: Connection,
    memory: SharedMemory,
    profile: ClientProfile,
    clock: Clock,
    abort: (tag: bigint, lun: bigint) => Promise<number>,
  ) {
    this.#connection = connection;
    this.#memory = memory;
    this.#profile = profile;
    this.#clock = clock;
    this.#abort = abort;
  }

  get credit(): number {
    return this.#credit;
  }

  get isReady(): boolean {
    return this.#state === "ready";
  }

  submit(request: CommandRequest): SubmittedCommand {
    const command = new Command(request);
    if (this.#state === "refused") command.reject(this.#refusal);
    else {
      this.#waiting.push(command);
      this.#start();
    }
    return command;
  }

  /** The server granted `limit` requests. */
  resume(limit: number): void {
    this.#limit = limit;
    this.#credit = limit;
    this.#state = "ready";
    this.#start();
  }

  /** No command goes out until {@link resume}. */
  suspend(): void {
    this.#state = "waiting";
    this.#credit = 0;
  }

  /** Fails what waits and what comes. */
  refuse(error: RequestFailed): void {
    this.#state = "refused";
    this.#refusal = error;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const command of waiting) command.reject(error);
  }

  close(): void {
    this.refuse(new RequestFailed("closed"));
  }

  takeCredit(): void {
    this.#credit--;
  }

  /** Adds the limit delta of a response; Linux does so for every SRP answer. */
  returnCredit(view: DataView, response: number): void {
    if (this.#profile.logsIn) this.#credit += view.getInt32(response + SRP_RSP_LIMIT_DELTA);
    else this.#credit++;
    queueMicrotask(() => this.#start());
  }

  /** Frees a command that the server has dropped. */
  aborted(submitted: SubmittedCommand, reason: "aborted" | "timed-out" = "aborted"): void {
    for (const command of this.#active) {
      if (command !== submitted || command.tag === undefined) continue;
      this.#connection.requests.forget(command.tag);
      if (this.#profile.countsAbortedCredit) this.#credit++;
      this.#end(command);
      command.reject(new RequestFailed(reason));
    }
    this.#start();
  }

  #start(): void {
    const reserve = this.#limit > this.#profile.creditReserve ? this.#profile.creditReserve : 0;
    while (
      this.#state === "ready" &&
      this.#credit > reserve &&
      this.#active.size < this.#profile.requestsMaximum &&
      this.#connection.requests.hasFree
    ) {
      const command = this.#waiting.shift();
      if (!command) return;
      if (!this.#send(command)) return;
    }
  }

  /** @returns false when the command went back to the waiting ones */
  #send(command: Command): boolean {
    const { request } = command;
    this.#map(command);
    const write = (slot: EventSlot) => this.#write(command, slot);
    const { code, tag } = this.#connection.send(
      { format: CRQ_FORMAT_SRP, timeout: this.#profile.commandTimeout, write },
      {
        answered: (entry, slot) => this.#answered(command, entry.status, slot),
        lost: (reason) => this.#lost(command, reason),
      },
    );
    if (code === H_SUCCESS) {
      this.#credit--;
      command.tag = tag;
      this.#active.add(command);
      if (request.timeout !== undefined) {
        command.cancelTimeout = this.#clock.after(request.timeout, () => void this.#expire(command));
      }
      return true;
    }
    this.#end(command);
    // Linux requeues on H_CLOSED and waits for the event; anything else, H_DROPPED included, fails the command.
    if (code === H_CLOSED || code === H_RESOURCE) {
      this.#waiting.unshift(command);
      return false;
    }
    command.reject(new RequestFailed("refused", code));
    return true;
  }

  #map(command: Command): void {
    const { dataOut, dataInLength = 0, segmentLength = this.#profile.segmentLength } = command.request;
    const length = dataOut?.length ?? dataInLength;
    if (length === 0) return;
    const { descriptorsMaximum, descriptorsInline, dataOutReadOnly } = this.#profile;
    const segment = Math.max(segmentLength, Math.ceil(length / descriptorsMaximum));
    const rights = dataOut && dataOutReadOnly ? TCE_READ : TCE_RIGHTS;
    const data = this.#connection.dma.allocateScattered(length, segment, rights);
    command.data = data;
    if (dataOut) this.#memory.u8.set(dataOut, data.address);
    if (data.segments.length <= Math.max(descriptorsInline, 1)) return;
    command.table = this.#connection.dma.allocate(data.segments.length * SRP_DIRECT_LENGTH);
    writeDescriptors(this.#memory.view, command.table.address, data.segments);
  }

  #write(command: Command, slot: EventSlot): number {
    const { request, data, table } = command;
    return writeCommand(this.#memory.view, slot.address, {
      tag: slot.tag,
      lun: request.lun,
      cdb: Uint8Array.from(request.cdb),
      taskAttribute: request.taskAttribute ?? 0,
      direction: request.dataOut ? "out" : "in",
      segments: data?.segments ?? [],
      table: table ? firstIoba(table) : slot.ioba + INLINE_TABLE,
      inline: this.#profile.descriptorsInline,
      directCount: this.#profile.directCount,
    });
  }

  #answered(command: Command, crqStatus: number, { address }: EventSlot): void {
    const { view, u8 } = this.#memory;
    const { type, status, flags, sense, dataOutResidual, dataInResidual } = readResponse(view, address);
    this.returnCredit(view, address);
    const { data } = command;
    const received =
      data && !command.request.dataOut ? u8.slice(data.address, data.address + data.length) : new Uint8Array();
    this.#end(command);
    command.resolve({
      status,
      sense,
      data: received,
      flags,
      dataOutResidual,
      dataInResidual,
      crqStatus,
      responseType: type,
    });
  }

  #lost(command: Command, reason: LossReason): void {
    this.#end(command);
    if (reason === "suspended") this.#waiting.push(command);
    else command.reject(new RequestFailed(reason));
  }

  /** Linux's error handler: abort, and when that fails the host reset. */
  async #expire(command: Command): Promise<void> {
    const { tag } = command;
    if (tag === undefined) return;
    let code: number | undefined;
    try {
      code = await this.#abort(tag, command.lun);
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
    }
    if (code === 0) this.aborted(command, "timed-out");
    else if (command.tag === tag) this.#connection.reset();
  }

  #end(command: Command): void {
    command.cancelTimeout();
    command.tag = undefined;
    this.#active.delete(command);
    if (command.data) this.#connection.dma.release(command.data);
    if (command.table) this.#connection.dma.release(command.table);
    command.data = undefined;
    command.table = undefined;
  }
}
