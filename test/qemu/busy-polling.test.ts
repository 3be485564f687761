import { describe, expect, it } from "vitest";
import { BusyPolling } from "../../src/ports/qemu/busy-polling.ts";

/** A loop whose turns take 100 µs and end when nobody wants another one. */
class VirtualLoop {
  milliseconds = 0;
  #next: (() => void) | undefined;

  now(): number {
    return this.milliseconds;
  }

  nextTurn(callback: () => void): void {
    expect(this.#next).toBeUndefined();
    this.#next = callback;
  }

  /** @returns turns without sleep until it sleeps, at most `most` */
  run(most = 1000): number {
    for (let turns = 0; turns < most; turns++) {
      const next = this.#next;
      if (next === undefined) return turns;
      this.#next = undefined;
      this.milliseconds += 0.1;
      next();
    }
    return most;
  }
}

function start(microseconds = 500, processors = 2): { loop: VirtualLoop; polling: BusyPolling } {
  const loop = new VirtualLoop();
  return { loop, polling: new BusyPolling(microseconds, loop, processors) };
}

describe("staying awake for the next command", () => {
  it("ends after the time it was told", () => {
    const { loop, polling } = start();
    polling.messageCame();
    polling.allAnswered();
    expect(loop.run()).toBe(5);
  });

  it("ends when a command comes that is not answered at once, and begins with its answer", () => {
    const { loop, polling } = start();
    polling.allAnswered();
    expect(loop.run(2)).toBe(2);
    polling.messageCame();
    expect(loop.run()).toBe(1);
    loop.milliseconds += 20;
    polling.allAnswered();
    expect(loop.run()).toBe(5);
  });

  it("goes on over any number of commands with one turn at a time", () => {
    const { loop, polling } = start();
    for (let command = 0; command < 10; command++) {
      polling.messageCame();
      polling.allAnswered();
      expect(loop.run(3)).toBe(3);
    }
  });

  it("is not tried again for a client that was slow, until it is quick", () => {
    const { loop, polling } = start();
    polling.allAnswered();
    expect(loop.run()).toBe(5);
    loop.milliseconds += 1;
    polling.messageCame();
    polling.allAnswered();
    expect(loop.run()).toBe(0);
    loop.milliseconds += 0.2;
    polling.messageCame();
    polling.allAnswered();
    expect(loop.run()).toBe(5);
  });

  it.each([
    { microseconds: 0, processors: 2 },
    { microseconds: 500, processors: 1 },
  ])("is not done with $microseconds µs and $processors processors", ({ microseconds, processors }) => {
    const { loop, polling } = start(microseconds, processors);
    polling.messageCame();
    polling.allAnswered();
    expect(loop.run()).toBe(0);
  });

  it("ends with the connection, or when it is turned off", () => {
    const { loop, polling } = start();
    polling.allAnswered();
    polling.end();
    expect(loop.run()).toBe(1);
    polling.setLongest(0);
    polling.allAnswered();
    expect(loop.run()).toBe(0);
    polling.setLongest(200);
    polling.allAnswered();
    expect(loop.run()).toBe(2);
  });
});
