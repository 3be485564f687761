import { type ScsiTask, TASK_HEAD_OF_QUEUE, TASK_ORDERED } from "./task.ts";

/**
 * The task set of one logical unit: who may start now. [SAM-5] 8.6. SIMPLE tasks run side by side, an ORDERED one waits
 * for all that came before it and holds back all that come after, HEAD OF QUEUE starts at once.
 * Only tasks that wait for their store are counted: every other one ends before the next is looked at.
 */
export class TaskSet {
  readonly #start: (task: ScsiTask) => void;
  readonly #waiting: ScsiTask[] = [];
  #underWay = 0;
  #orderedUnderWay = false;

  /** @param start starts a task that had to wait */
  constructor(start: (task: ScsiTask) => void) {
    this.#start = start;
  }

  /** True when the task may start now. Otherwise it is kept, and started when its turn comes. */
  admits(task: ScsiTask): boolean {
    if (task.attribute === TASK_HEAD_OF_QUEUE) return true;
    if (this.#waiting.length === 0 && this.#mayStart(task)) return true;
    this.#waiting.push(task);
    return false;
  }

  /** A task began to wait for its store. */
  began(attribute: number): void {
    this.#underWay++;
    if (attribute === TASK_ORDERED) this.#orderedUnderWay = true;
  }

  /** It ended. */
  ended(attribute: number): void {
    this.#underWay--;
    if (attribute === TASK_ORDERED) this.#orderedUnderWay = false;
    if (this.#waiting.length > 0) this.#startWaiting();
  }

  #mayStart(task: ScsiTask): boolean {
    return task.attribute === TASK_ORDERED ? this.#underWay === 0 : !this.#orderedUnderWay;
  }

  #startWaiting(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#mayStart(next); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#start(next);
    }
  }
}
