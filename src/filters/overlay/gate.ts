/** Who passes a gate. */
interface Passer {
  /** The gate has opened, and it has passed. */
  admitted(): void;
}

/** Lets operations in, and keeps new ones waiting while somebody needs that there are none. */
export class Gate {
  #inside = 0;
  #closed = false;
  #waiting: Passer[] = [];
  #emptied: (() => void) | undefined;

  /** @returns false when it has to wait; it is told when it has passed */
  enters(passer: Passer): boolean {
    if (this.#closed) {
      this.#waiting.push(passer);
      return false;
    }
    this.#inside++;
    return true;
  }

  leaves(): void {
    if (--this.#inside === 0) this.#emptied?.();
  }

  /** Runs `work` while nobody is inside. Not while another one does. */
  async alone<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#closed = true;
    try {
      if (this.#inside > 0)
        await new Promise<void>((resolve) => {
          this.#emptied = resolve;
        });
      this.#emptied = undefined;
      return await work();
    } finally {
      this.#closed = false;
      const waiting = this.#waiting;
      this.#waiting = [];
      this.#inside += waiting.length;
      for (const passer of waiting) passer.admitted();
    }
  }
}
