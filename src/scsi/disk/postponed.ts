import type { Drive } from "../drive.ts";
import { failTask } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import type { Blocks } from "../units.ts";
import type { BlockClaim } from "./block-locks.ts";

/** What a command does with its blocks, once it is known that they are there. */
type Handler<Kind extends Drive> = (drive: Kind, task: ScsiTask, first: Blocks, count: Blocks) => void;

/** A command on blocks that another one has for itself just now. It begins anew when they are free. */
class PostponedCommand<Kind extends Drive> implements BlockClaim {
  readonly first: Blocks;
  readonly count: Blocks;
  readonly exclusive = false;
  readonly #drive: Kind;
  readonly #task: ScsiTask;
  readonly #begin: Handler<Kind>;

  constructor(drive: Kind, task: ScsiTask, first: Blocks, count: Blocks, begin: Handler<Kind>) {
    this.#drive = drive;
    this.#task = task;
    this.first = first;
    this.count = count;
    this.#begin = begin;
  }

  wait(): void {
    const { taskSet, transfers } = this.#drive;
    taskSet.began(this.#task, () => this.#leave());
    transfers.locks.request(this);
  }

  granted(): void {
    const { taskSet, log, transfers } = this.#drive;
    const task = this.#task;
    taskSet.ended(task);
    transfers.admitted = task;
    try {
      this.#begin(this.#drive, task, this.first, this.count);
    } catch (error) {
      failTask(task, error, log);
    }
    transfers.admitted = undefined;
    transfers.locks.release(this);
    // One that waits for its store leaves later, and says so itself.
    if (!taskSet.isUnderWay((other) => other === task)) taskSet.left(task);
  }

  #leave(): void {
    const { taskSet, transfers } = this.#drive;
    const task = this.#task;
    taskSet.ended(task);
    task.done();
    taskSet.left(task);
    transfers.locks.release(this);
  }
}

/**
 * Has a task wait for blocks that belong to a command which shares them with nobody, as `TransferPool.mustWait` found.
 * @param begin called when it may go on
 */
export function postpone<Kind extends Drive>(
  drive: Kind,
  task: ScsiTask,
  first: Blocks,
  count: Blocks,
  begin: Handler<Kind>,
): void {
  new PostponedCommand(drive, task, first, count, begin).wait();
}
