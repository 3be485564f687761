import fc from "fast-check";
import { expect, test } from "vitest";
import { silentLog } from "../../src/core/log.ts";
import { CommandFilter } from "../../src/scsi/passthrough/command-filter.ts";
import { commandTimeouts } from "../../src/scsi/passthrough/command-timeouts.ts";
import { PassThroughUnit } from "../../src/scsi/passthrough/passthrough-unit.ts";
import { TASK_HEAD_OF_QUEUE, TASK_ORDERED, TASK_SIMPLE } from "../../src/scsi/task.ts";
import { HandScsiDevice } from "../support/hand-scsi-device.ts";
import { FakeTask, makeNexus, testMemory } from "../support/scsi-task.ts";

const memory = testMemory();
const NEXUSES = [makeNexus("one"), makeNexus("two")] as const;
const TEST_UNIT_READY = [0];

type Step =
  | { readonly do: "send"; readonly attribute: number; readonly nexus: 0 | 1 }
  | { readonly do: "end"; readonly index: number }
  | { readonly do: "abort"; readonly nexus: 0 | 1 }
  | { readonly do: "reset" };

const nexus = fc.constantFrom<0 | 1>(0, 1);
const attribute = fc.oneof(
  { weight: 6, arbitrary: fc.constant(TASK_SIMPLE) },
  { weight: 2, arbitrary: fc.constant(TASK_ORDERED) },
  { weight: 1, arbitrary: fc.constant(TASK_HEAD_OF_QUEUE) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("send" as const), attribute, nexus }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("end" as const), index: fc.nat(63) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("abort" as const), nexus }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reset" as const) }) },
);

/** A unit, everything that was sent to it, and the rules of [SAM-5] 8.6 as they can be seen from outside. */
class Watched {
  readonly device: HandScsiDevice;
  readonly unit: PassThroughUnit;
  readonly tasks: FakeTask[] = [];
  /** Aborts and resets that have not been reported as done. */
  open = 0;

  constructor(queueDepth: number) {
    this.device = new HandScsiDevice(queueDepth);
    this.unit = new PassThroughUnit({
      device: this.device,
      profile: {
        peripheralDeviceType: 0,
        identity: { vendor: "", product: "", revision: "", serial: "" },
        oldLun: false,
        size: 0,
        blockSize: 0,
      },
      filter: new CommandFilter({ peripheralDeviceType: 0 }),
      timeouts: commandTimeouts(0),
      strings: {},
      readOnly: false,
      log: silentLog,
    });
  }

  make(action: Step): void {
    const closed = () => {
      this.open--;
    };
    switch (action.do) {
      case "send": {
        const { attribute, nexus } = action;
        const task = new FakeTask(memory, TEST_UNIT_READY, { attribute, nexus: NEXUSES[nexus], dataInLength: 0 });
        this.tasks.push(task);
        return this.unit.execute(task);
      }
      case "end":
        if (this.device.requests.length > 0) this.device.end({}, action.index % this.device.requests.length);
        return;
      case "abort":
        this.open++;
        return this.unit.abortTasks((task) => task.nexus === NEXUSES[action.nexus], closed);
      case "reset":
        this.open++;
        return this.unit.reset(closed);
    }
  }

  /** Tasks that the device has, in the order in which they were sent to the unit. */
  get withDevice(): FakeTask[] {
    const offsets = new Set(this.device.requests.map(({ cdbOffset }) => cdbOffset));
    return this.tasks.filter((task) => task.ends === 0 && offsets.has(task.cdbOffset));
  }

  check(): void {
    const running = new Set(this.withDevice);
    expect(running.size).toBe(this.device.requests.length);
    expect(running.size).toBeLessThanOrEqual(this.device.queueDepth);
    const queued = this.tasks.filter(({ ends, attribute }) => ends === 0 && attribute !== TASK_HEAD_OF_QUEUE);
    for (const [at, task] of queued.entries()) {
      const earlier = queued.slice(0, at);
      // In order: nobody starts before one that came before it.
      if (running.has(task)) expect(earlier.every((other) => running.has(other))).toBe(true);
      // ORDERED is a barrier in both directions.
      if (running.has(task) && task.attribute === TASK_ORDERED) expect(earlier).toEqual([]);
      if (running.has(task)) expect(earlier.some((other) => other.attribute === TASK_ORDERED)).toBe(false);
    }
    // Nobody waits without a reason: the first in the queue goes when there is room.
    const [first] = queued;
    const headsWaiting = this.tasks.some(
      (task) => task.ends === 0 && task.attribute === TASK_HEAD_OF_QUEUE && !running.has(task),
    );
    const others = [...running].filter((task) => task !== first);
    if (first !== undefined && others.length === 0 && !headsWaiting) expect(running.has(first)).toBe(true);
    if (headsWaiting) expect(running.size).toBe(this.device.queueDepth);
  }
}

test("the task set keeps to the queue depth, to the order and to the barriers, whatever is sent, ended and aborted", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 60 }), (queueDepth, steps) => {
      const watched = new Watched(queueDepth);
      for (const action of steps) {
        watched.make(action);
        watched.check();
      }
      for (let left = 0; watched.device.requests.length > 0; left++) {
        watched.device.end();
        watched.check();
        expect(left).toBeLessThan(steps.length);
      }
      for (const then of watched.device.resets) then();
      expect(watched.tasks.every(({ ends }) => ends === 1)).toBe(true);
      expect(watched.open).toBe(0);
    }),
    { numRuns: 500 },
  );
});
