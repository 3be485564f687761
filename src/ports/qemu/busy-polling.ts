import { availableParallelism } from "node:os";

/** Time and turns of the event loop, for tests to replace. */
interface Loop {
  /** Milliseconds. */
  now(): number;
  /** Calls back in the loop's next turn, for which it does not sleep. */
  nextTurn(callback: () => void): void;
}

const eventLoop: Loop = { now: () => performance.now(), nextTurn: (callback) => void setImmediate(callback) };

/**
 * Keeps the event loop awake for a while after the last answer, so that a client that sends its next command soon need not
 * wait for a processor to be woken: 5 µs where it has only dozed, 100 where it is a halted virtual one. It does so only as
 * long as the message before came within that while, and never where there is one processor for all.
 */
export class BusyPolling {
  readonly #loop: Loop;
  readonly #isAlone: boolean;
  /** Milliseconds. */
  #longest = 0;
  #worthwhile = true;
  /** When all was answered; undefined while something is under way. */
  #idleSince: number | undefined;
  #until = 0;
  #isAwake = false;
  readonly #turn = () => {
    this.#isAwake = this.#loop.now() < this.#until;
    if (this.#isAwake) this.#loop.nextTurn(this.#turn);
  };

  /** @param microseconds how long at most; 0: never */
  constructor(microseconds: number, loop: Loop = eventLoop, processors: number = availableParallelism()) {
    this.#loop = loop;
    this.#isAlone = processors === 1;
    this.setLongest(microseconds);
  }

  /** @param microseconds how long at most; 0: never */
  setLongest(microseconds: number): void {
    this.#longest = this.#isAlone ? 0 : microseconds / 1000;
    this.end();
  }

  /** A message has come. */
  messageCame(): void {
    if (this.#idleSince !== undefined) this.#worthwhile = this.#loop.now() - this.#idleSince < this.#longest;
    this.#idleSince = undefined;
    this.#until = 0;
  }

  /** All that came is answered. */
  allAnswered(): void {
    if (this.#longest === 0) return;
    const now = this.#loop.now();
    this.#idleSince = now;
    if (!this.#worthwhile) return;
    this.#until = now + this.#longest;
    if (this.#isAwake) return;
    this.#isAwake = true;
    this.#loop.nextTurn(this.#turn);
  }

  /** Nothing is waited for any more, until messages come again. */
  end(): void {
    this.#idleSince = undefined;
    this.#worthwhile = true;
    this.#until = 0;
  }
}
