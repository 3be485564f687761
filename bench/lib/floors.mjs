// What the project has to reach: ratios within one run. Each is judged by the worst row that it names.

/**
 * @typedef {object} Floor
 * @property {string} name
 * @property {string} group
 * @property {RegExp} rows
 * @property {string} ratio as the rows have it, "first/second": how many times the second's time goes into the first's
 * @property {number} least
 * @property {number} aim
 * @property {boolean} [atMost] the floor is a ceiling
 */

/** @type {readonly Floor[]} */
export const FLOORS = [
  {
    name: "scan, clear and decode, an entry: how much faster WebAssembly is than JavaScript",
    group: "hot-path",
    rows: /^scan, clear, fetch and decode, 64 /,
    ratio: "js/wasm",
    least: 1.5,
    aim: 3,
  },
  {
    name: "the same: time of WebAssembly against C",
    group: "hot-path",
    rows: /^scan, clear, fetch and decode, 64 /,
    ratio: "wasm/c",
    least: 1.5,
    aim: 1.1,
    atMost: true,
  },
  {
    name: "RDMA copy of 4 KiB and more: bandwidth of WebAssembly against C's memcpy",
    group: "hot-path",
    rows: /^copy (\d+ KiB|1 MiB) to \d+ segments?(, not aligned)?$/,
    ratio: "memcpy/wasm",
    least: 0.8,
    aim: 0.95,
  },
  {
    name: "4 KiB reads in process, memory, queue depth 64: time a command over the bare copy",
    group: "in-process",
    rows: /^read 4 KiB QD 64, memory$/,
    ratio: "wasm/copy",
    least: 10,
    aim: 3,
    atMost: true,
  },
  {
    name: "4 KiB reads in process, cached file: rate against bare preadSync",
    group: "in-process",
    rows: /^read 4 KiB QD 64, file$/,
    ratio: "preadSync/wasm",
    least: 0.5,
    aim: 0.8,
  },
  {
    name: "iSCSI portal: rate against tgtd",
    group: "iscsi",
    rows: /^(random 4 KiB|sequential 256 KiB)/,
    ratio: "tgtd/portal",
    least: 0.7,
    aim: 1.2,
  },
  {
    name: "a unit amid 256 adapters and 1,000 units: cost of a command against 1 and 1",
    group: "scale",
    rows: /^256 adapters.*one of them used$/,
    ratio: "many/one",
    least: 1.2,
    aim: 1,
    atMost: true,
  },
  {
    name: "the same with all of them used, in no order",
    group: "scale",
    rows: /^256 adapters.*all used$/,
    ratio: "many/one",
    least: 1.2,
    aim: 1,
    atMost: true,
  },
  {
    name: "in the guest: rate against QEMU's own server",
    group: "guest",
    rows: /./,
    ratio: "built-in/ours",
    least: 1,
    aim: 1.3,
  },
];

/**
 * @param {readonly { name: string, rows: readonly import("./interleave.mjs").Row[] }[]} groups
 * @returns {{ name: string, bound: string, aim: string, found: number | undefined, row: string | undefined, holds: boolean | undefined }[]}
 */
export function judgeFloors(groups) {
  return FLOORS.map((floor) => {
    const { name, group, rows, ratio, least, aim, atMost = false } = floor;
    const sign = atMost ? -1 : 1;
    const judged = (groups.find((run) => run.name === group)?.rows ?? [])
      .filter((row) => rows.test(row.name) && ratio in row.ratios)
      .toSorted((a, b) => sign * (a.ratios[ratio].median - b.ratios[ratio].median));
    const worst = judged[0];
    const found = worst?.ratios[ratio].median;
    return {
      name,
      bound: `${atMost ? "≤" : "≥"} ${least}`,
      aim: String(aim),
      found,
      row: worst?.name,
      holds: found === undefined ? undefined : sign * found >= sign * least,
    };
  });
}
