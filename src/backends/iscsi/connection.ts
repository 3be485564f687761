import type { Socket } from "node:net";
import type { Clock } from "../../core/clock.ts";
import { Outbox } from "../../iscsi/outbox.ts";
import { DEFAULT_DATA_SEGMENT_LENGTH } from "../../iscsi/parameters.ts";
import { PduReader, type PduSink, type Problem, type ReceivedHeader } from "../../iscsi/pdu-reader.ts";
import { type Agreement, RECEIVE_MAXIMUM } from "./offers.ts";

/** What PDUs mean, in the login phase and in the full feature phase. */
export interface Phase extends PduSink {
  /** The connection has ended by itself. Called once. */
  lost(reason: string): void;
  /** What was lent to the outbox is out. */
  returned(handle: number): void;
}

/**
 * One TCP connection to a portal. It never stops reading, whatever waits to be written: a target that waits for its answers
 * to be taken before it takes more data would wait for ever.
 */
export class Connection implements PduSink {
  readonly outbox: Outbox;
  readonly #socket: Socket;
  readonly #reader: PduReader;
  readonly #clock: Clock;
  #phase: Phase;
  #ended = false;
  /** When the target's last bytes came, in milliseconds of the clock. */
  heardAt: number;

  /** @param phase makes the first phase, which writes to the outbox */
  constructor(socket: Socket, clock: Clock, phase: (outbox: Outbox) => Phase) {
    this.#socket = socket;
    this.#clock = clock;
    this.heardAt = clock.now();
    this.#reader = new PduReader(this, DEFAULT_DATA_SEGMENT_LENGTH);
    this.outbox = new Outbox(
      socket,
      (handle) => this.#phase.returned(handle),
      () => {},
    );
    this.#phase = phase(this.outbox);
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", (error) => this.lose(error.message));
    socket.on("end", () => this.lose("the target closed the connection"));
    socket.on("close", () => this.lose("the connection is gone"));
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** PDUs from the next one on are the phase's, as agreed. */
  enterFullFeature(phase: Phase, { parameters }: Agreement): void {
    this.#phase = phase;
    this.#reader.dataMaximum = RECEIVE_MAXIMUM;
    this.#reader.headerDigest = parameters.headerDigest;
    this.#reader.dataDigest = parameters.dataDigest;
    this.outbox.headerDigest = parameters.headerDigest;
    this.outbox.dataDigest = parameters.dataDigest;
  }

  header(pdu: ReceivedHeader): Problem | undefined {
    // More of the same bytes that a phase has given the connection up for.
    if (this.#ended) return "the connection has ended";
    return this.#phase.header(pdu);
  }

  data(source: Uint8Array, from: number, to: number): void {
    this.#phase.data(source, from, to);
  }

  end(pdu: ReceivedHeader, intact: boolean): Problem | undefined {
    return this.#phase.end(pdu, intact);
  }

  /** Gives it up, and tells the phase. */
  lose(reason: string): void {
    if (this.#ended) return;
    this.destroy();
    this.#phase.lost(reason);
  }

  /** Ends it without a word to anybody. */
  destroy(): void {
    this.#ended = true;
    this.#socket.destroy();
    this.outbox.abandon();
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) return;
    this.heardAt = this.#clock.now();
    const problem = this.#reader.receive(chunk);
    if (this.#ended) return;
    if (problem !== undefined) return this.lose(problem);
    this.outbox.flush();
  }
}
