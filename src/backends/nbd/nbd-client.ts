import {
  COMMAND_FLAG_FUA,
  COMMAND_FLUSH,
  COMMAND_WRITE,
  COMMAND_WRITE_ZEROES,
  EXPORT_FLUSH,
  EXPORT_MULTI_CONNECTION,
} from "../../abi/nbd.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import { STORE_DONE, type StoreCompletion } from "../../scsi/block-store.ts";
import { connectExport } from "./connect.ts";
import { type ConnectionOwner, NbdConnection } from "./connection.ts";
import type { NbdExport, NbdTls } from "./handshake.ts";
import { type NbdRequest, RequestTable } from "./request.ts";
import { type UnflushedRegion, UnflushedWrites } from "./unflushed-writes.ts";
import type { NbdAddress } from "./uri.ts";

export interface NbdClientOptions {
  readonly address: NbdAddress;
  readonly tls?: NbdTls | undefined;
  /** Connections at the same time, where the server says that they see each other's writes. */
  readonly connections: number;
  /** Milliseconds after which a server that does not answer is given up and connected to again. */
  readonly timeout: number;
  /** Milliseconds after which an operation fails that no server has answered. */
  readonly retryFor: number;
  readonly log: Log;
  readonly clock?: Clock;
}

/** Requests on one connection at a time; the rest waits here. */
const REQUESTS_MOST = 128;
const FIRST_PAUSE = 20;
const LONGEST_PAUSE = 1000;
/** Times a second that waiting requests are looked at. */
const TICK = 100;
const EIO = -5;
/** Milliseconds for which memory is kept that unflushed writes stood in. */
const RELEASE_AFTER = 2000;
/** The server is going away: what it answers so was not done. [NBD] "Error values". */
const ESHUTDOWN = 108;

type State = "connecting" | "replaying" | "connected" | "closed";

function isWrite(command: number): boolean {
  return command === COMMAND_WRITE || command === COMMAND_WRITE_ZEROES;
}

/**
 * Sends requests over one or more connections, and again over new ones when a connection is lost: all are given up then,
 * so that no answer of the old ones can come between. Writes that were acknowledged but not flushed go first.
 */
export class NbdClient implements ConnectionOwner {
  size = 0;
  flags = 0;
  minimumBlock = 1;
  preferredBlock = 1;
  /** The server tells what has storage. */
  tellsAllocation = false;
  readonly #memory: SharedMemory;
  readonly #options: NbdClientOptions;
  readonly #clock: Clock;
  readonly #table = new RequestTable();
  readonly #unflushed = new UnflushedWrites();
  #state: State = "connecting";
  #connections: NbdConnection[] = [];
  #waiting: NbdRequest[] = [];
  /** What is still to be sent again. */
  #replays: Iterator<UnflushedRegion> = [][Symbol.iterator]();
  #flushing = false;
  #lostWrites = false;
  #ticking = false;
  #pause = FIRST_PAUSE;
  #idle: (() => void) | undefined;
  #releases = false;

  constructor(memory: SharedMemory, options: NbdClientOptions) {
    this.#memory = memory;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Connects for the first time. @throws with a text that tells why not */
  async open(): Promise<void> {
    const first = await this.#connect();
    this.size = first.size;
    this.flags = first.flags;
    this.minimumBlock = first.minimumBlock;
    this.preferredBlock = first.preferredBlock;
    this.tellsAllocation = first.allocationContext !== undefined;
    await this.#connected(first);
  }

  /** An empty request, to be filled and submitted. */
  request(command: number, offset: number, length: number, completion: StoreCompletion | undefined): NbdRequest {
    const request = this.#table.take();
    request.command = command;
    request.flags = 0;
    request.offset = offset;
    request.length = length;
    request.completion = completion;
    request.done = 0;
    request.error = 0;
    request.thenFlush = false;
    request.isReplay = false;
    request.since = this.#clock.now();
    return request;
  }

  submit(request: NbdRequest): void {
    this.#waiting.push(request);
    this.#pump();
    this.#watch();
  }

  submitFlush(completion: StoreCompletion | undefined): void {
    const request = this.request(COMMAND_FLUSH, 0, 0, completion);
    request.mark = this.#unflushed.mark();
    this.submit(request);
  }

  /** Ends when all is answered and flushed. @throws when that can't be */
  async close(): Promise<void> {
    await this.#whenIdle();
    while (!this.#unflushed.isEmpty && !this.#lostWrites) {
      this.#flushForSelf();
      await this.#whenIdle();
    }
    this.#state = "closed";
    for (const connection of this.#connections) connection.end(true);
    if (this.#lostWrites || !this.#unflushed.isEmpty)
      throw new Error(`${this.#options.address.text}: the server may have lost writes that it had acknowledged`);
  }

  find(generation: number, index: number): NbdRequest | undefined {
    return this.#table.find(generation, index);
  }

  answered(connection: NbdConnection, request: NbdRequest): void {
    if (request.error === ESHUTDOWN) {
      connection.requests.add(request);
      return this.lost(connection, "the server is shutting down");
    }
    const result = request.error === 0 ? STORE_DONE : -request.error;
    if (result === STORE_DONE) request.done += request.part;
    if (result === STORE_DONE && request.done < request.length) return connection.send(request, this.#clock.now());
    if (request.isReplay) this.#replayed(connection, request, result);
    else this.#finish(request, result);
  }

  lost(_connection: NbdConnection, reason: string): void {
    if (this.#state === "closed") return;
    const { log, address } = this.#options;
    log.warn(
      { nbd: address.text, reason, requests: this.#inFlight },
      "connection to the NBD server lost: connecting again",
    );
    const again: NbdRequest[] = [];
    for (const connection of this.#connections) {
      again.push(...connection.requests);
      connection.end(false);
    }
    this.#connections = [];
    this.#state = "connecting";
    for (const request of again) {
      this.#table.renew(request);
      request.error = 0;
      // Parts that were done may be lost with the server, as all that it has not flushed.
      request.done = 0;
      // What is not yet acknowledged is still in the list that is replayed.
      if (request.isReplay) this.#table.giveBack(request);
    }
    const requests = again.filter(({ isReplay }) => !isReplay).sort((left, right) => left.since - right.since);
    this.#waiting.unshift(...requests);
    this.#pause = FIRST_PAUSE;
    void this.#reconnect();
  }

  get #inFlight(): number {
    return this.#connections.reduce((sum, { requests }) => sum + requests.size, 0);
  }

  #connect(): Promise<NbdExport> {
    const { address, tls, timeout } = this.#options;
    return connectExport(address, tls, timeout, this.#clock);
  }

  async #reconnect(): Promise<void> {
    const { log, address } = this.#options;
    for (let told = ""; this.#state === "connecting"; ) {
      try {
        const found = await this.#connect();
        if (found.size >= this.size && found.flags === this.flags) return await this.#connected(found);
        found.socket.destroy();
        throw new Error(`the export is another one now: ${found.size} bytes, flags 0x${found.flags.toString(16)}`);
      } catch (error) {
        const { message } = error as Error;
        if (message !== told) log.warn({ nbd: address.text, error: message }, "the NBD server can't be reached");
        told = message;
      }
      await new Promise<void>((resolve) => this.#clock.after(this.#pause, resolve));
      this.#pause = Math.min(LONGEST_PAUSE, this.#pause * 2);
    }
  }

  /** A first connection stands: opens the others, sends again what may be lost, and goes on. */
  async #connected(first: NbdExport): Promise<void> {
    if (this.#state === "closed") return void first.socket.destroy();
    const main = new NbdConnection(first, this.#memory, this);
    this.#connections = [main];
    const several = (first.flags & EXPORT_MULTI_CONNECTION) !== 0 ? this.#options.connections : 1;
    for (let count = 1; count < several && this.#connections[0] === main; count++) {
      const more = await this.#connect().catch(() => undefined);
      if (more === undefined) break;
      // Meanwhile the first one may have been lost.
      if (this.#connections[0] === main) this.#connections.push(new NbdConnection(more, this.#memory, this));
      else more.socket.destroy();
    }
    if (this.#connections[0] === main) this.#replay(main);
  }

  #replay(connection: NbdConnection): void {
    this.#state = "replaying";
    this.#replays = this.#unflushed.regions();
    this.#replayNext(connection);
  }

  /** One after the other: a server may do in any order what it has at the same time, and data lies over zeros. */
  #replayNext(connection: NbdConnection): void {
    const next = this.#replays.next();
    if (next.done === true) return this.#ready();
    const { offset, length, data } = next.value;
    const request = this.request(data === undefined ? COMMAND_WRITE_ZEROES : COMMAND_WRITE, offset, length, undefined);
    request.source = data;
    request.isReplay = true;
    connection.send(request, this.#clock.now());
    this.#watch();
  }

  #ready(): void {
    this.#state = "connected";
    this.#pause = FIRST_PAUSE;
    this.#pump();
  }

  /** Sends what waits, as far as the connections take it. */
  #pump(): void {
    while (this.#state === "connected" && this.#waiting.length > 0) {
      const connection = this.#leastBusy();
      if (connection === undefined || connection.requests.size >= REQUESTS_MOST) return;
      const request = this.#nextWaiting();
      if (request === undefined) return;
      connection.send(request, this.#clock.now());
    }
  }

  /** With no room for what is unflushed, writes are passed over: the flush that makes it may be behind them. */
  #nextWaiting(): NbdRequest | undefined {
    if (!this.#unflushed.isFull || !this.#flushing) return this.#waiting.shift();
    const index = this.#waiting.findIndex(({ command }) => !isWrite(command));
    return index < 0 ? undefined : this.#waiting.splice(index, 1)[0];
  }

  #leastBusy(): NbdConnection | undefined {
    let found = this.#connections[0];
    for (const connection of this.#connections)
      if (found !== undefined && connection.requests.size < found.requests.size) found = connection;
    return found;
  }

  #finish(request: NbdRequest, result: number): void {
    const { completion } = request;
    if (result === STORE_DONE) this.#note(request);
    const flushFollows = result === STORE_DONE && request.thenFlush;
    if (request.command === COMMAND_FLUSH) {
      // What a failed flush did not bring to stable storage, no later one may.
      if (result !== STORE_DONE) this.#lostWrites = true;
      if (completion === undefined) this.#flushing = false;
    } else if (this.#unflushed.flushDue && !this.#flushing) {
      this.#flushForSelf();
    }
    this.#table.giveBack(request);
    if (flushFollows) this.submitFlush(completion);
    else completion?.storeDone(result);
    this.#pump();
    this.#tellIdle();
  }

  /** Keeps what the server may still lose, and drops what it has flushed or written over for good. */
  #note({ command, flags, offset, length, source, mark }: NbdRequest): void {
    if (command === COMMAND_FLUSH) {
      this.#unflushed.flushed(mark);
      this.#releaseLater();
    } else if (!isWrite(command)) return;
    else if ((flags & COMMAND_FLAG_FUA) !== 0) this.#unflushed.superseded(offset, length);
    else if ((this.flags & EXPORT_FLUSH) !== 0) this.#unflushed.add(offset, length, source);
  }

  /** Who writes no more keeps no memory; who flushes often does not take it anew each time. */
  #releaseLater(): void {
    if (this.#releases) return;
    this.#releases = true;
    this.#clock.after(RELEASE_AFTER, () => {
      this.#releases = false;
      this.#unflushed.release();
    });
  }

  #replayed(connection: NbdConnection, request: NbdRequest, result: number): void {
    this.#table.giveBack(request);
    if (result !== STORE_DONE) {
      this.#lostWrites = true;
      this.#options.log.error(
        { nbd: this.#options.address.text, errno: result },
        "the server did not take again a write that it had acknowledged: it may be lost",
      );
    }
    this.#replayNext(connection);
  }

  #flushForSelf(): void {
    this.#flushing = true;
    this.submitFlush(undefined);
  }

  /** Looks, as long as something waits, whether it waits too long. */
  #watch(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    this.#clock.after(TICK, () => this.#tick());
  }

  #tick(): void {
    this.#ticking = false;
    const now = this.#clock.now();
    const { timeout, retryFor } = this.#options;
    const stuck = this.#connections.find(({ requests }) => {
      for (const { sentAt, since, isReplay } of requests)
        if (now - sentAt > timeout || (!isReplay && now - since > retryFor)) return true;
      return false;
    });
    if (stuck !== undefined) this.lost(stuck, `no answer within ${timeout} ms`);
    const late = this.#waiting.filter(({ since }) => now - since > retryFor);
    if (late.length > 0) this.#giveUp(late);
    if (this.#waiting.length > 0 || this.#inFlight > 0) this.#watch();
  }

  #giveUp(late: readonly NbdRequest[]): void {
    const { log, address, retryFor } = this.#options;
    this.#waiting = this.#waiting.filter((request) => !late.includes(request));
    log.error(
      { nbd: address.text, operations: late.length },
      `no NBD server has answered within ${retryFor} ms: they fail`,
    );
    for (const request of late) this.#finish(request, EIO);
  }

  #whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle = resolve;
      this.#tellIdle();
    });
  }

  #tellIdle(): void {
    if (this.#idle !== undefined && this.#waiting.length === 0 && this.#inFlight === 0) this.#idle();
  }
}
