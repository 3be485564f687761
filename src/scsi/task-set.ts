import { type ScsiTask, TASK_ACA, TASK_HEAD_OF_QUEUE, TASK_ORDERED } from "./task.ts";

/** An abort that waits for tasks to leave. */
interface Abort {
  readonly left: Set<ScsiTask>;
  readonly then: () => void;
}

/**
 * The task set of one logical unit: who may start now. [SAM-5] 8.6. SIMPLE tasks run side by side, an ORDERED one waits
 * for all that came before it and holds back all that come after, HEAD OF QUEUE and ACA tasks start at once.
 * Only tasks that wait for their store are kept: every other one ends before the next is looked at.
 */
export class TaskSet {
  readonly #start: (task: ScsiTask) => void;
  #waiting: ScsiTask[] = [];
  readonly #underWay = new Set<ScsiTask>();
  #orderedUnderWay = false;
  #held = false;
  #aborts: Abort[] = [];

  /** @param start starts a task that had to wait */
  constructor(start: (task: ScsiTask) => void) {
    this.#start = start;
  }

  /** True when the task may start now. Otherwise it is kept, and started when its turn comes. */
  admits(task: ScsiTask): boolean {
    if (task.attribute === TASK_HEAD_OF_QUEUE || task.attribute === TASK_ACA) return true;
    if (this.#waiting.length === 0 && this.#mayStart(task)) return true;
    this.#waiting.push(task);
    return false;
  }

  /** A task began to wait for its store. */
  began(task: ScsiTask): void {
    this.#underWay.add(task);
    if (task.attribute === TASK_ORDERED) this.#orderedUnderWay = true;
  }

  /** It ended: to be told before its `done`, after which the task may be used again for the next command. */
  ended(task: ScsiTask): void {
    this.#underWay.delete(task);
    if (task.attribute === TASK_ORDERED) this.#orderedUnderWay = false;
  }

  /** A task has left: whoever waited for that goes on. To be told after its `done`. */
  left(task: ScsiTask): void {
    if (this.#aborts.length > 0) this.#leaveAborts(task);
    if (this.#waiting.length > 0) this.#startWaiting();
  }

  /** Aborts the tasks that `which` picks. `then` follows when the last of them has left, at once if there is none. */
  abort(which: (task: ScsiTask) => boolean, then: () => void): void {
    const running = [...this.#underWay].filter(which);
    const waiting = this.#waiting.filter(which);
    for (const task of [...running, ...waiting]) task.aborted = true;
    this.#waiting = this.#waiting.filter((task) => !waiting.includes(task));
    for (const task of waiting) task.done();
    if (running.length > 0) this.#aborts.push({ left: new Set(running), then });
    else then();
    if (this.#waiting.length > 0) this.#startWaiting();
  }

  isUnderWay(which: (task: ScsiTask) => boolean): boolean {
    for (const task of this.#underWay) if (which(task)) return true;
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

  #leaveAborts(task: ScsiTask): void {
    for (const { left } of this.#aborts) left.delete(task);
    const complete = this.#aborts.filter(({ left }) => left.size === 0);
    if (complete.length === 0) return;
    this.#aborts = this.#aborts.filter(({ left }) => left.size > 0);
    for (const { then } of complete) then();
  }

  #mayStart(task: ScsiTask): boolean {
    if (this.#held) return false;
    return task.attribute === TASK_ORDERED ? this.#underWay.size === 0 : !this.#orderedUnderWay;
  }

  #startWaiting(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#mayStart(next); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#start(next);
    }
  }
}
