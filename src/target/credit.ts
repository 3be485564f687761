/** Linux counts a credit of its own for a request that it frees: that many more are not yet an over-run. [protocol] 3.10. */
const SLACK = 8;

/** The request limit of one connection: what is outstanding, and what is owed. [SRP] r16a 4.7; [protocol] 3.10. */
export class Credit {
  readonly limit: number;
  /** Requests without an answer, those of an ended connection that are still under way among them. */
  outstanding = 0;
  /** Credits of aborted commands, to be given back with the next response. */
  #owed = 0;
  /** Commands aborted on this connection: Linux adds a credit for each for good, beside the one that we return. */
  #aborted = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** A request came. @returns false when the client has overrun its credit, slack included */
  take(): boolean {
    if (this.outstanding >= this.limit + SLACK + this.#aborted) return false;
    this.outstanding++;
    return true;
  }

  /** A response goes out. @returns its request limit delta */
  respond(): number {
    const delta = 1 + this.#owed;
    this.#owed = 0;
    this.outstanding--;
    return delta;
  }

  /** A command leaves without a response: a later one carries its credit. */
  abort(): void {
    this.outstanding--;
    this.#owed++;
    this.#aborted++;
  }

  /** A request leaves with its connection: nothing is owed for it. */
  discard(): void {
    this.outstanding--;
  }

  /** A connection begins anew: nothing of the last one is owed. */
  renew(): void {
    this.#owed = 0;
    this.#aborted = 0;
  }
}
