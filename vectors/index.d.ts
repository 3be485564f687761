/**
 * Conformance vectors of the core, and a runner of them.
 * @module vscsi-target/vectors
 */

/** Bytes at an address of linear memory, in hexadecimal, `times` one after the other (1 unless told). */
export interface Chunk {
  readonly at: number;
  readonly bytes: string;
  readonly times?: number;
}

/** One call of the core, with what is written before it and every byte that it changes. */
export interface Step {
  readonly set: readonly Chunk[];
  /** Name of the export. */
  readonly call: string;
  readonly arguments: readonly number[];
  /** A signed 32-bit word; 0 for a function without a result. */
  readonly result: number;
  readonly changes: readonly Chunk[];
}

/** Calls of the core on a memory that begins as zeros. */
export interface Vector {
  readonly name: string;
  readonly title: string;
  /** `CORE_ABI_VERSION` that it is for. */
  readonly abi: number;
  /** Bytes of linear memory that it needs. */
  readonly memory: number;
  readonly steps: readonly Step[];
}

/** Where the package has the vectors, each a JSON file that holds a {@link Vector}. */
export const vectorUrls: readonly URL[];

/**
 * Runs a vector and compares every result, and all of the memory after every call.
 * @param core the exports of an instance, or the twin
 * @param memory the memory that the core was made on, at least as large as the vector says; it is overwritten
 * @returns whether all was as expected, and a line that says so or tells the first difference
 */
export function runVector(
  vector: Vector,
  core: object,
  memory: { readonly buffer: ArrayBuffer | SharedArrayBuffer },
): { readonly passed: boolean; readonly line: string };
