import { CORE_ABI_VERSION } from "../../src/abi/records.ts";
import type { CoreExports } from "../../src/core/exports.ts";
import type { SharedMemory } from "../../src/core/shared-memory.ts";
import type { Chunk, Step, Vector } from "../../vectors/index.js";

/** Linear memory below is the modules' own. */
const FIRST_ADDRESS = 65_536;
/** Fewer equal bytes than these do not end a chunk; at least as many of one value are told by a count. */
const GAP = 8;
const RUN = 32;

/** Stands before a core and notes each call: what was written since the last one, the result, what the call wrote. */
export class Recorder {
  readonly core: CoreExports;
  readonly #memory: SharedMemory;
  readonly #steps: Step[] = [];
  /** Memory as it was after the last call. */
  #last = new Uint8Array(0);

  constructor(memory: SharedMemory, core: CoreExports) {
    this.#memory = memory;
    const recorded = Object.keys(core).map((name) => [name, this.#record(name, core[name as keyof CoreExports])]);
    this.core = Object.fromEntries(recorded);
  }

  vector(name: string, title: string): Vector {
    return { name, title, abi: CORE_ABI_VERSION, memory: this.#memory.u8.byteLength, steps: this.#steps };
  }

  #record(call: string, run: (...words: number[]) => unknown): (...words: number[]) => number {
    return (...words) => {
      const set = this.#changes();
      const result = Number(run(...words) ?? 0) | 0;
      this.#steps.push({ set, call, arguments: words, result, changes: this.#changes() });
      return result;
    };
  }

  /** What is not as it was after the last call. */
  #changes(): Chunk[] {
    const now = this.#memory.u8;
    if (this.#last.length < now.length) {
      const grown = new Uint8Array(now.length);
      grown.set(this.#last);
      this.#last = grown;
    }
    const chunks = changedRanges(this.#last, now).flatMap(([from, to]) => split(now, from, to));
    this.#last.set(now);
    return chunks;
  }
}

function changedRanges(before: Uint8Array, after: Uint8Array): [from: number, to: number][] {
  const ranges: [number, number][] = [];
  const words = new Uint32Array(before.buffer);
  const others = new Uint32Array(after.buffer, 0, words.length);
  for (let word = FIRST_ADDRESS >> 2; word < words.length; word++) {
    if (words[word] === others[word]) continue;
    for (let at = word * 4; at < word * 4 + 4; at++) {
      if (before[at] === after[at]) continue;
      const last = ranges.at(-1);
      if (last !== undefined && at - last[1] < GAP) last[1] = at + 1;
      else ranges.push([at, at + 1]);
    }
  }
  return ranges;
}

/** Chunks of a range: long runs of one byte are chunks of their own. */
function split(memory: Uint8Array, from: number, to: number): Chunk[] {
  const chunks: Chunk[] = [];
  let start = from;
  const plain = (end: number) => {
    if (end > start) chunks.push({ at: start, bytes: Buffer.from(memory.slice(start, end)).toString("hex") });
  };
  for (let at = from; at < to; ) {
    let end = at + 1;
    while (end < to && memory[end] === memory[at]) end++;
    if (end - at >= RUN) {
      plain(at);
      chunks.push({ at, bytes: Buffer.from([memory[at] ?? 0]).toString("hex"), times: end - at });
      start = end;
    }
    at = end;
  }
  plain(to);
  return chunks;
}

/** A line for each call. */
export function vectorText(vector: Vector): string {
  const { steps, ...head } = vector;
  const lines = steps.map((step) => `    ${JSON.stringify(step)}`).join(",\n");
  return `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "steps": [\n${lines}\n  ]\n}\n`;
}
