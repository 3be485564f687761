import { join } from "node:path";

const DRIVERS = "bus/vio/drivers/ibmvscsis";

/** A call of a method of the control socket. */
export interface Change {
  readonly method: "tree.set" | "tree.make" | "tree.remove" | "unit.add" | "unit.remove";
  readonly params: object;
}

/** Changes of a configuration, the same for the same seed. Some of them are refused, as some of an operator's are. */
export class RandomChanges {
  #state: number;
  readonly #folder: string;

  constructor(seed: number, folder: string) {
    this.#state = seed >>> 0;
    this.#folder = folder;
  }

  /** From 0 to 1. (mulberry32) */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  next(): Change {
    const adapter = `${DRIVERS}/3000000${this.#below(3)}`;
    const bus = `${adapter}/bus${this.#below(2)}`;
    const target = `${bus}/target${this.#below(3)}`;
    const image = join(this.#folder, `${"abcd"[this.#below(4)]}.img`);
    const set = (path: string, value: string | number): Change => ({
      method: "tree.set",
      params: { path, value: `${value}\n` },
    });
    const choices: readonly (() => Change)[] = [
      () => ({ method: "tree.make", params: { path: adapter } }),
      () => ({ method: "tree.make", params: { path: adapter } }),
      () => ({ method: "tree.remove", params: { path: adapter } }),
      () => set(`${adapter}/num_buses`, this.#below(4)),
      () => set(`${adapter}/max_sectors`, 9 + this.#below(1000)),
      () => set(`${adapter}/debug`, this.#below(2)),
      () => set(`${bus}/num_targets`, this.#below(5)),
      () => set(`${target}/device`, image),
      () => set(`${target}/device`, image),
      () => set(`${target}/size`, `${1 + this.#below(4)}M`),
      () => set(`${target}/ro`, this.#below(2)),
      () => set(`${target}/active`, 1),
      () => set(`${target}/active`, 1),
      () => set(`${target}/active`, 0),
      () => set(`${target}/serial`, `S${this.#below(1000)}`),
      () => ({
        method: "unit.add",
        params: { name: `unit${this.#below(3)}`, backend: { type: "memory", size: 65_536 } },
      }),
      () => set(`${target}/unit`, `unit${this.#below(3)}`),
      () => ({ method: "unit.remove", params: { place: { unit: `unit${this.#below(3)}` } } }),
    ];
    const choose = choices[this.#below(choices.length)];
    if (choose === undefined) throw new RangeError("there is always a choice");
    return choose();
  }

  #below(limit: number): number {
    return Math.floor(this.random() * limit);
  }
}
