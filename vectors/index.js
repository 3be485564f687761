// Runs the conformance vectors of the core. Plain ECMAScript without a dependency, so that every runtime can import it; how
// to write a runner in another language is told in docs/core-abi.md.

/** The first page of linear memory holds the module's own static data. */
const FIRST_ADDRESS = 65_536;

const NAMES = [
  "bytes-copy",
  "crq-put",
  "crq-scan",
  "tce-translate",
  "rdma-copy",
  "slot-copy",
  "srp-decode",
  "srp-response",
  "drain-complete",
  "hostile",
  "abort",
  "capabilities",
  "handshake",
  "login",
  "ping",
  "read-direct",
  "read-table",
  "report-luns",
  "sense-and-residual",
  "violation",
  "write-indirect",
];

export const vectorUrls = NAMES.map((name) => new URL(`./${name}.json`, import.meta.url));

export function runVector(vector, core, memory) {
  const line = differences(vector, core, memory);
  return line === undefined
    ? { passed: true, line: `${vector.name}: ${vector.steps.length} calls, as expected` }
    : { passed: false, line: `${vector.name}: ${line}` };
}

function differences(vector, core, memory) {
  if (core.abi_version() !== vector.abi) return `is of ABI version ${vector.abi}, not ${core.abi_version()}`;
  const found = new Uint8Array(memory.buffer, FIRST_ADDRESS, vector.memory - FIRST_ADDRESS);
  const expected = new Uint8Array(found.length);
  found.fill(0);
  for (const [index, step] of vector.steps.entries()) {
    for (const chunk of step.set) {
      write(found, chunk);
      write(expected, chunk);
    }
    // A word may come signed or not: only its 32 bits count. No result is 0.
    const result = core[step.call](...step.arguments) | 0;
    const where = `call ${index + 1}, ${step.call}`;
    if (result !== step.result) return `${where}: gives ${result}, not ${step.result}`;
    for (const chunk of step.changes) write(expected, chunk);
    const at = firstDifference(found, expected);
    if (at >= 0) return `${where}: byte ${FIRST_ADDRESS + at} is ${found[at]}, not ${expected[at]}`;
  }
  return undefined;
}

/** Writes the bytes of a chunk, as often as it says. */
function write(memory, { at, bytes, times = 1 }) {
  const start = at - FIRST_ADDRESS;
  const length = bytes.length / 2;
  for (let index = 0; index < length; index++)
    memory[start + index] = Number.parseInt(bytes.slice(index * 2, index * 2 + 2), 16);
  for (let copy = 1; copy < times; copy++) memory.copyWithin(start + copy * length, start, start + length);
}

/** Words first: memories are large, and seldom differ. */
function firstDifference(found, expected) {
  const words = new Uint32Array(found.buffer, found.byteOffset, found.length >> 2);
  const others = new Uint32Array(expected.buffer, 0, words.length);
  for (let word = 0; word < words.length; word++)
    if (words[word] !== others[word])
      for (let at = word * 4; at < word * 4 + 4; at++) if (found[at] !== expected[at]) return at;
  return -1;
}
