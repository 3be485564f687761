import { STATUS_BUSY, STATUS_TASK_SET_FULL } from "../abi/scsi.ts";
import { type ScsiTask, TASK_HEAD_OF_QUEUE, TASK_ORDERED } from "./task.ts";

/**
 * Tasks that a unit takes unless told: what Linux's driver has at most under way at one unit. One that does not answer
 * leaves the rest of an adapter's requests to the others.
 */
export const QUEUE_DEPTH = 64;

/** How much a task set takes. */
interface TaskSetLimits {
  /** Tasks in it. */
  readonly depth?: number | undefined;
  /** Tasks that may be under way at a time; the others wait. */
  readonly underWay?: number;
}

/** Someone who waits for tasks to leave: who aborted them, or wants the unit for itself. */
interface Departure {
  readonly left: Set<ScsiTask>;
  readonly then: () => void;
}

/**
 * The task set of one logical unit: who may start now. [SAM-5] 8.6. SIMPLE tasks run side by side, an ORDERED one waits
 * for all that came before it and holds back all that come after, HEAD OF QUEUE starts at once.
 * Only tasks that wait for their store are kept: every other one ends before the next is looked at.
 */
export class TaskSet {
  readonly #start: (task: ScsiTask) => void;
  readonly #limit: number;
  /** Tasks that it takes. */
  readonly depth: number;
  #waiting: ScsiTask[] = [];
  /** Tasks that wait, each with what makes it leave before its time when it's aborted, if it can. */
  readonly #underWay = new Map<ScsiTask, (() => void) | undefined>();
  #orderedUnderWay = false;
  #held = false;
  #departures: Departure[] = [];

  /** @param start starts a task that had to wait */
  constructor(start: (task: ScsiTask) => void, { depth = QUEUE_DEPTH, underWay = depth }: TaskSetLimits = {}) {
    this.#start = start;
    this.depth = depth;
    this.#limit = underWay;
  }

  /**
   * What a task is told that finds no room; undefined when there is some. TASK SET FULL is for initiators that have tasks
   * here, whose end they can wait for. [SAM-5] 5.3.1.
   */
  refusal({ nexus }: ScsiTask): number | undefined {
    if (this.#underWay.size + this.#waiting.length < this.depth) return undefined;
    const isOfSame = (task: ScsiTask) => task.nexus === nexus;
    return this.isUnderWay(isOfSame) || this.#waiting.some(isOfSame) ? STATUS_TASK_SET_FULL : STATUS_BUSY;
  }

  /** True when the task may start now. Otherwise it is kept, and started when its turn comes. */
  admits(task: ScsiTask): boolean {
    if (task.attribute === TASK_HEAD_OF_QUEUE) return this.#admitsAhead(task);
    if (this.#waiting.length === 0 && this.#mayStart(task)) return true;
    this.#waiting.push(task);
    return false;
  }

  /** HEAD OF QUEUE: before every other one, behind those that came before it. */
  #admitsAhead(task: ScsiTask): boolean {
    if (this.#underWay.size < this.#limit) return true;
    const at = this.#waiting.findIndex(({ attribute }) => attribute !== TASK_HEAD_OF_QUEUE);
    this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, task);
    return false;
  }

  /**
   * A task began to wait for its store.
   * @param leave ends it at once when it is aborted, for one that may last: to call `ended`, `done` and `left`
   */
  began(task: ScsiTask, leave?: () => void): void {
    this.#underWay.set(task, leave);
    if (task.attribute === TASK_ORDERED) this.#orderedUnderWay = true;
  }

  /** It ended: to be told before its `done`, after which the task may be used again for the next command. */
  ended(task: ScsiTask): void {
    this.#underWay.delete(task);
    if (task.attribute === TASK_ORDERED) this.#orderedUnderWay = false;
  }

  /** A task has left: whoever waited for that goes on. To be told after its `done`. */
  left(task: ScsiTask): void {
    if (this.#departures.length > 0) this.#tellDepartures(task);
    if (this.#waiting.length > 0) this.#startWaiting();
  }

  /** Aborts the tasks that `which` picks. `then` follows when the last of them has left, at once if there is none. */
  abort(which: (task: ScsiTask) => boolean, then: () => void): void {
    const running = [...this.#underWay.keys()].filter(which);
    const waiting = this.#waiting.filter(which);
    for (const task of [...running, ...waiting]) task.aborted = true;
    this.#waiting = this.#waiting.filter((task) => !waiting.includes(task));
    for (const task of waiting) this.#leave(task);
    this.#whenLeft(running, then);
    for (const task of running) this.#underWay.get(task)?.();
    if (this.#waiting.length > 0) this.#startWaiting();
  }

  isUnderWay(which: (task: ScsiTask) => boolean): boolean {
    for (const task of this.#underWay.keys()) if (which(task)) return true;
    return false;
  }

  /** Tasks that wait go on waiting, whatever leaves, until `resume`. */
  hold(): void {
    this.#held = true;
  }

  resume(): void {
    this.#held = false;
    this.#startWaiting();
  }

  /** `then` follows when every task that is under way now has left; nobody is aborted, and new ones may begin. */
  whenIdle(then: () => void): void {
    this.#whenLeft([...this.#underWay.keys()], then);
  }

  /** `then` follows when the tasks that `which` picks among all that are here now have left, at once if there is none. */
  whenGone(which: (task: ScsiTask) => boolean, then: () => void): void {
    this.#whenLeft([...this.#underWay.keys(), ...this.#waiting].filter(which), then);
  }

  /** A task that never started ends. */
  #leave(task: ScsiTask): void {
    task.done();
    if (this.#departures.length > 0) this.#tellDepartures(task);
  }

  #whenLeft(tasks: readonly ScsiTask[], then: () => void): void {
    if (tasks.length > 0) this.#departures.push({ left: new Set(tasks), then });
    else then();
  }

  #tellDepartures(task: ScsiTask): void {
    for (const { left } of this.#departures) left.delete(task);
    const complete = this.#departures.filter(({ left }) => left.size === 0);
    if (complete.length === 0) return;
    this.#departures = this.#departures.filter(({ left }) => left.size > 0);
    for (const { then } of complete) then();
  }

  #mayStart(task: ScsiTask): boolean {
    if (this.#underWay.size >= this.#limit) return false;
    if (task.attribute === TASK_HEAD_OF_QUEUE) return true;
    if (this.#held) return false;
    return task.attribute === TASK_ORDERED ? this.#underWay.size === 0 : !this.#orderedUnderWay;
  }

  #startWaiting(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#mayStart(next); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#start(next);
      // One that has ended at once is not told by `left`.
      if (this.#departures.length > 0 && !this.#underWay.has(next)) this.#tellDepartures(next);
    }
  }
}
