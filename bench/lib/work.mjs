// What a case of the hot path calls: lists of calls of exported functions, the same for WebAssembly, JavaScript and C.

/**
 * Calls of one function, one after the other; or what stands in its place in C.
 *
 * @typedef {object} Phase
 * @property {string} function
 * @property {readonly (readonly number[])[]} calls their arguments
 *
 * @typedef {object} Work
 * @property {readonly Phase[]} phases
 * @property {readonly (readonly [address: number, bytes: Uint8Array])[]} restores written before each sample, unmeasured
 */

/** Order and number of arguments: those of run_phase in bench/native/runner.c. The last two are no exports. */
const FUNCTIONS = [
  ["crq_put", 2],
  ["crq_scan", 5],
  ["tce_translate", 7],
  ["rdma_write", 5],
  ["rdma_read", 5],
  ["srp_decode", 3],
  ["srp_build_response", 1],
  ["srp_build_entry", 2],
  ["drain", 2],
  ["complete", 2],
  ["scatter", 5],
  ["memcpy", 3],
  ["answer_ready", 2],
];
const BY_NAME = new Map(FUNCTIONS.map(([name, count], index) => [name, { index, count }]));

/** For the C process: see read_work. @param {Work} work */
export function wordsOf({ phases, restores }) {
  /** @type {number[]} */
  const words = [phases.length];
  for (const phase of phases) {
    const { index, count } = BY_NAME.get(phase.function);
    words.push(index, count, phase.calls.length, ...phase.calls.flat());
  }
  words.push(restores.length);
  const parts = [Buffer.from(Uint32Array.from(words).buffer)];
  for (const [address, bytes] of restores) {
    const part = Buffer.alloc(8 + Math.ceil(bytes.length / 4) * 4);
    part.writeUInt32LE(address, 0);
    part.writeUInt32LE(bytes.length, 4);
    part.set(bytes, 8);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

let made = 0;

/**
 * A function that makes the calls on one core. Its source is made for the phases, so that every core has call sites of
 * its own: two cores behind one call site would slow each other down.
 *
 * @param {Work} work
 * @param {Record<string, (...words: number[]) => number>} functions
 * @returns {() => number}
 */
export function callerOf({ phases }, functions) {
  const loops = phases.map((phase, at) => {
    const { count } = BY_NAME.get(phase.function);
    const words = Array.from({ length: count }, (_, word) => `words${at}[at + ${word}]`).join(", ");
    return `for (let at = 0; at < words${at}.length; at += ${count}) sum += functions.${phase.function}(${words}) | 0;`;
  });
  const lists = phases.map((_, at) => `const words${at} = lists[${at}];`);
  // The engine takes functions of the same text for the same function.
  const source = `// ${made++}\n${lists.join("\n")}\nreturn () => { let sum = 0;\n${loops.join("\n")}\nreturn sum | 0; };`;
  const make = new Function("functions", "lists", source);
  return make(
    functions,
    phases.map(({ calls }) => Int32Array.from(calls.flat())),
  );
}
