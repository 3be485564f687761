/** The linear memory as a worker sees it. */
export interface WorkerMemory {
  readonly view: DataView;
  readonly words: Int32Array;
  /** Address of its first byte in the process. */
  readonly base: number;
}
