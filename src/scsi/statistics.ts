import { STATUS_GOOD } from "../abi/scsi.ts";
import { LatencyHistogram } from "../core/latency.ts";
import type { ScsiTask } from "./task.ts";

/** What became of commands of one kind. */
export class CommandCounters {
  /** Of those that were answered: from their arrival at the port to their end. */
  readonly latency = new LatencyHistogram();
  /** Of data read or written. */
  bytes = 0;
  /** Answered with another status than GOOD. */
  failed = 0;
  /** Ended without an answer. */
  aborted = 0;
}

/** What one logical unit was used for since the daemon started. */
export class Statistics {
  readonly reads = new CommandCounters();
  readonly writes = new CommandCounters();
  /** Every other command, and reads and writes that did not get as far. */
  readonly others = new CommandCounters();
  // As the log page counts: what was begun. [SPC-4] 7.3.9.
  readCommands = 0;
  writeCommands = 0;
  readBlocks = 0;
  writtenBlocks = 0;

  read(task: ScsiTask, blocks: number, blockSize: number): void {
    task.counters = this.reads;
    this.reads.bytes += blocks * blockSize;
    this.readCommands++;
    this.readBlocks += blocks;
  }

  wrote(task: ScsiTask, blocks: number, blockSize: number): void {
    task.counters = this.writes;
    this.writes.bytes += blocks * blockSize;
    this.writeCommands++;
    this.writtenBlocks += blocks;
  }
}

/** Counts the end of a task where its unit wanted it counted, once; to be called by its port. */
export function countEnd(task: ScsiTask, now: number): void {
  const { counters } = task;
  if (counters === undefined) return;
  task.counters = undefined;
  if (task.aborted) {
    counters.aborted++;
    return;
  }
  counters.latency.observe(now - task.startedAt);
  if (task.status !== STATUS_GOOD) counters.failed++;
}
