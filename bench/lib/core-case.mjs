// One piece of work as a comparison: the same calls on the WebAssembly core, its twin and the core in C.
import {
  ADAPTER_COMPLETE_LIST,
  ADAPTER_READY_LIST,
  ANSWER_RSP,
  SLOT_ANSWER,
  SLOT_LIMIT_DELTA,
} from "../../dist/abi/records.js";
import { CoreWorld } from "./core-world.mjs";
import { synchronousRound } from "./round.mjs";
import { callerOf } from "./work.mjs";

/** Linear memory below is the modules' own static data. */
const FIRST_ADDRESS = 65_536;

/**
 * @typedef {object} Description
 * @property {string} name
 * @property {number} operations in a sample
 * @property {(world: CoreWorld) => import("./work.mjs").Work} build lays the case out in a world
 * @property {(world: CoreWorld) => import("./work.mjs").Work} [bare] the bare memcpy that C is also asked for
 * @property {number} [bytes]
 */

/** Makes comparisons; their worlds serve one case after the other. */
export class CoreCases {
  #worlds = ["wasm", "js"].map((kind) => ({ kind, world: new CoreWorld(kind) }));
  #blank = this.#worlds[0].world.image().slice();
  #milliseconds;
  #native;
  #dump = new Uint8Array(this.#blank.length);

  /**
   * @param {number} milliseconds of a round
   * @param {import("./native.mjs").Native | undefined} native
   */
  constructor(milliseconds, native) {
    this.#milliseconds = milliseconds;
    this.#native = native;
  }

  /** @param {Description} description @returns {Promise<import("./interleave.mjs").Case>} */
  async make({ name, operations, build, bare, bytes }) {
    const sides = {};
    const images = [];
    for (const { kind, world } of this.#worlds) {
      const { u8 } = world.memory;
      u8.set(this.#blank);
      const work = build(world);
      if (images.length === 0) await this.#native?.takeImage(world.image());
      const sample = callerOf(work, functionsOf(world));
      const before = () => {
        for (const [address, saved] of work.restores) u8.set(saved, address);
      };
      before();
      sample();
      images.push([kind, world.image()]);
      sides[kind] = synchronousRound({ sample, before, operations, milliseconds: this.#milliseconds });
      if (kind !== "wasm" || !this.#native) continue;
      this.#native.takeWork("work", work);
      if (bare) this.#native.takeWork("bare", bare(world));
    }
    if (this.#native) {
      const round = (work) => async () => (await this.#native.round(work, this.#milliseconds)) / operations;
      await this.#native.dump("work", this.#dump);
      images.push(["C", this.#dump]);
      sides.c = round("work");
      if (bare) sides.memcpy = round("bare");
    }
    sameResults(name, images);
    const ratios = [
      ["js", "wasm"],
      ["wasm", "c"],
      ["memcpy", "wasm"],
    ];
    return { name, sides, ratios, ...(bytes === undefined ? {} : { bytes }) };
  }
}

/** The core's exports, and what the host does between drain and complete. */
function functionsOf({ core, memory }) {
  return {
    ...core,
    answer_ready(adapter, count) {
      const { u32 } = memory;
      const ready = u32[(adapter + ADAPTER_READY_LIST) >>> 2] >>> 2;
      const list = u32[(adapter + ADAPTER_COMPLETE_LIST) >>> 2] >>> 2;
      for (let index = 0; index < count; index++) {
        const slot = u32[ready + index];
        u32[list + index] = slot;
        u32[(slot + SLOT_ANSWER) >>> 2] = ANSWER_RSP;
        u32[(slot + SLOT_LIMIT_DELTA) >>> 2] = 1;
      }
      return count;
    },
  };
}

/** What is compared does the same: after one sample the memories are alike, byte for byte. */
function sameResults(name, [[first, expected], ...others]) {
  for (const [side, found] of others) {
    if (Buffer.compare(expected.subarray(FIRST_ADDRESS), found.subarray(FIRST_ADDRESS)) === 0) continue;
    const at = expected.findIndex((byte, index) => index >= FIRST_ADDRESS && byte !== found[index]);
    throw new Error(`${name}: ${first} and ${side} differ at address ${at}`);
  }
}
