import { beforeEach, describe, expect, test } from "vitest";
import type { ScsiTargetDevice } from "../../src/scsi/target-device.ts";
import { type Nexus, TASK_ACA, TASK_ORDERED } from "../../src/scsi/task.ts";
import { deviceWithDisk } from "../support/disk.ts";
import { HandStore } from "../support/hand-store.ts";
import { Reserver } from "../support/reserve-commands.ts";
import { FakeTask, makeNexus, testMemory } from "../support/scsi-task.ts";

const memory = testMemory();
const NACA = 4;
const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
const READ = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];
/** A reserved bit: 05/24/00. */
const WRONG = [0, 0, 1, 0, 0, 0];
const ACA = { attribute: TASK_ACA };

let store: HandStore;
let device: ScsiTargetDevice;
let scsi: Reserver;
let a: Nexus;
let b: Nexus;

beforeEach(() => {
  store = new HandStore();
  device = deviceWithDisk(memory, {}, store);
  scsi = new Reserver(device, memory);
  [a, b] = [makeNexus("a"), makeNexus("b")];
  for (const nexus of [a, b]) device.nexusOpened(nexus);
});

function clearAca(nexus: Nexus): boolean {
  return device.clearAca(nexus, memory, new FakeTask(memory, []).lunOffset);
}

function establish(): void {
  expect(scsi.outcome(a, WRONG.with(5, NACA))).toBe("05/24/00");
}

describe("an ACA condition", () => {
  test("is established by CHECK CONDITION and NACA, by nothing less", () => {
    expect(scsi.outcome(a, WRONG)).toBe("05/24/00");
    expect(scsi.outcome(a, TEST_UNIT_READY.with(5, NACA))).toBe("ok");
    expect(scsi.outcome(a, TEST_UNIT_READY)).toBe("ok");
    establish();
    expect(scsi.outcome(a, TEST_UNIT_READY)).toBe("aca active");
  });

  test("lets in nobody but ACA tasks of the faulted nexus", () => {
    establish();
    expect(scsi.outcome(a, TEST_UNIT_READY, ACA)).toBe("ok");
    expect(scsi.outcome(b, TEST_UNIT_READY)).toBe("busy");
    expect(scsi.outcome(b, TEST_UNIT_READY.with(5, NACA))).toBe("aca active");
    expect(scsi.outcome(b, TEST_UNIT_READY, ACA)).toBe("busy");
  });

  test("lets in one ACA task at a time", () => {
    establish();
    const first = scsi.send(a, READ, ACA);
    expect(scsi.outcome(a, READ, ACA)).toBe("aca active");
    store.end();
    expect(first.status).toBe(0);
    expect(scsi.send(a, READ, ACA).ends).toBe(0);
  });

  test("holds back what waits, and lets what is under way end", () => {
    const running = scsi.send(a, READ);
    const waiting = scsi.send(b, READ, { attribute: TASK_ORDERED });
    const failing = scsi.send(a, [...WRONG], { attribute: 1 });
    expect(failing.ends).toBe(1);
    expect(scsi.outcome(a, WRONG.with(5, NACA), { attribute: 1 })).toBe("05/24/00");
    store.end();
    expect([running.ends, waiting.ends, store.pending.length]).toEqual([1, 0, 0]);
    expect(clearAca(a)).toBe(true);
    expect(store.pending.length).toBe(1);
    store.end();
    expect(waiting.status).toBe(0);
  });

  test.each<[string, () => void]>([
    ["CLEAR ACA", () => clearAca(a)],
    ["loss of the nexus", () => device.nexusLost(a)],
    ["LOGICAL UNIT RESET", () => device.reset(memory, new FakeTask(memory, []).lunOffset, () => {})],
    ["CHECK CONDITION of an ACA task", () => scsi.send(a, WRONG, ACA)],
  ])("ends with %s", (_name, event) => {
    establish();
    event();
    scsi.attentions(b);
    expect(scsi.outcome(b, TEST_UNIT_READY)).toBe("ok");
  });

  test("does not end with CLEAR ACA of another nexus, which is no error, nor with CLEAR TASK SET", () => {
    establish();
    expect(clearAca(b)).toBe(true);
    device.clearTaskSet(a, memory, new FakeTask(memory, []).lunOffset, () => {});
    expect(scsi.outcome(a, TEST_UNIT_READY)).toBe("aca active");
  });

  test("an ACA task with NACA that fails leaves another one", () => {
    establish();
    expect(scsi.outcome(a, WRONG.with(5, NACA), ACA)).toBe("05/24/00");
    expect(scsi.outcome(a, TEST_UNIT_READY)).toBe("aca active");
  });

  test("CLEAR ACA aborts the ACA task", () => {
    establish();
    const task = scsi.send(a, READ, ACA);
    clearAca(a);
    expect(task.aborted).toBe(true);
    expect(scsi.outcome(b, TEST_UNIT_READY)).toBe("ok");
  });

  test("ends with PREEMPT AND ABORT of another nexus, of no other service action", () => {
    expect(scsi.out(a, "register", { newKey: 1n })).toBe("ok");
    expect(scsi.out(b, "register", { newKey: 2n })).toBe("ok");
    establish();
    expect(scsi.out(b, "preempt", { key: 2n, newKey: 1n, type: 1 })).toBe("busy");
    expect(scsi.out(b, "preemptAndAbort", { key: 2n, newKey: 1n, type: 1 })).toBe("ok");
    expect(scsi.outcome(b, TEST_UNIT_READY)).toBe("ok");
  });
});

test("an ACA task without an ACA condition is a wrong message", () => {
  expect(scsi.outcome(a, TEST_UNIT_READY, ACA)).toBe("05/49/00");
});

test("a late failure of the store establishes one too", () => {
  const task = scsi.send(a, READ.with(9, NACA));
  store.end(-5);
  expect([task.senseText, scsi.outcome(a, TEST_UNIT_READY)]).toEqual(["03/11/00", "aca active"]);
});

test("NACA stands in the last byte of the CDB, whatever its length", () => {
  for (const cdb of [
    [0x88, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NACA],
    [0xa8, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, NACA],
    [0x28, 0xff, 0, 0, 0, 0, 0, 0, 0, NACA],
  ]) {
    expect(scsi.outcome(a, cdb)).toBe("05/24/00");
    expect(scsi.outcome(a, TEST_UNIT_READY)).toBe("aca active");
    clearAca(a);
  }
});
