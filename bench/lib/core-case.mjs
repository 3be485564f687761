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
 * @param {object} options
 * @param {string} options.name
 * @param {number} options.operations in a sample
 * @param {(world: CoreWorld) => import("./work.mjs").Work} options.build lays the case out in a world
 * @param {(world: CoreWorld) => import("./work.mjs").Work} [options.bare] the bare memcpy that C is also asked for
 * @param {number} [options.bytes]
 * @param {number} milliseconds of a round
 * @param {import("./native.mjs").Native | undefined} native
 * @returns {Promise<import("./interleave.mjs").Case>}
 */
export async function coreCase({ name, operations, build, bare, bytes }, milliseconds, native) {
  const results = [];
  const sides = {};
  for (const kind of ["wasm", "js"]) {
    const world = new CoreWorld(kind);
    const work = build(world);
    const sample = callerOf(work, functionsOf(world));
    const before = () => {
      for (const [address, saved] of work.restores) world.memory.u8.set(saved, address);
    };
    before();
    sample();
    results.push([kind, world.image()]);
    sides[kind] = synchronousRound({ sample, before, operations, milliseconds });
  }
  if (native) {
    const world = new CoreWorld("wasm");
    const work = build(world);
    await native.takeImage(world.image());
    await native.takeWork("work", work);
    results.push(["C", await native.dump()]);
    sides.c = async () => (await native.round("work", milliseconds)) / operations;
    if (bare) {
      await native.takeWork("bare", bare(world));
      sides.memcpy = async () => (await native.round("bare", milliseconds)) / operations;
    }
  }
  sameResults(name, results);
  return {
    name,
    sides,
    ratios: [
      ["js", "wasm"],
      ["wasm", "c"],
      ["memcpy", "wasm"],
    ],
    ...(bytes === undefined ? {} : { bytes }),
  };
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
    const at = expected.findIndex((byte, index) => index >= FIRST_ADDRESS && byte !== found[index]);
    if (at >= 0) throw new Error(`${name}: ${first} and ${side} differ at address ${at}`);
  }
}
