import { describe, expect, test, vi } from "vitest";
import {
  SRP_TSK_ABORT_TASK_SET,
  SRP_TSK_CLEAR_ACA,
  SRP_TSK_CLEAR_TASK_SET,
  SRP_TSK_COMPLETE,
  SRP_TSK_LUN_RESET,
} from "../../src/abi/srp.ts";
import type { SubmittedCommand } from "../../src/initiator/command-queue.ts";
import { deviceLun } from "../../src/initiator/lun.ts";
import { LINUX } from "../../src/initiator/profiles.ts";
import { HandStore } from "../support/hand-store.ts";
import { Reserver } from "../support/reserve-commands.ts";
import { FakeTask, makeNexus } from "../support/scsi-task.ts";
import { type Served, serve } from "./served.ts";

const LUN = deviceLun(3);
const LUN_BYTES = [0x83, 0, 0, 0, 0, 0, 0, 0];
const READ = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];
const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
const WRONG_WITH_NACA = [0, 0, 1, 0, 0, 4];
const ACA_ACTIVE = 0x30;

interface Shared extends Served {
  store: HandStore;
  /** Another nexus of the same device. */
  other: ReturnType<typeof makeNexus>;
  scsi: Reserver;
}

/** A client with a hand-driven disk at target 3, which another nexus of the device shares. */
async function shared(): Promise<Shared> {
  const store = new HandStore();
  const served = serve(LINUX, "js", () => store);
  await served.initiator.connect();
  const other = makeNexus("other", 2);
  served.device.nexusOpened(other);
  return { ...served, store, other, scsi: new Reserver(served.device, served.memory, LUN_BYTES) };
}

/** A READ of the client that the store has. */
async function pendingRead({ initiator, store }: Shared): Promise<SubmittedCommand> {
  const read = initiator.submit({ lun: LUN, cdb: READ, dataInLength: 512 });
  read.result.catch(() => {});
  await vi.waitFor(() => expect(store.pending).toHaveLength(1));
  return read;
}

async function ready({ initiator }: Shared): Promise<string> {
  const { status, sense } = await initiator.command({ lun: LUN, cdb: TEST_UNIT_READY });
  if (status !== 2) return `status ${status}`;
  return [sense[2], sense[12], sense[13]].map((byte) => (byte ?? 0).toString(16).padStart(2, "0")).join("/");
}

function lunOffset({ memory }: Shared): number {
  return new FakeTask(memory, [], { lun: LUN_BYTES }).lunOffset;
}

describe("what another nexus does to the tasks of a CRQ client", () => {
  test.each<[string, (client: Shared, done: () => void) => void, string[]]>([
    [
      "CLEAR TASK SET",
      (client, done) => client.device.clearTaskSet(client.other, client.memory, lunOffset(client), done),
      ["06/2f/00", "status 0"],
    ],
    [
      "LOGICAL UNIT RESET",
      (client, done) => client.device.reset(client.memory, lunOffset(client), done),
      ["06/29/00", "status 0"],
    ],
    ["a target reset", ({ device }, done) => device.resetAll(done), ["06/29/00", "status 0"]],
  ])("%s: no answer, its credit comes back, a unit attention tells", async (_name, event, told) => {
    const client = await shared();
    const credit = client.initiator.credit;
    await pendingRead(client);
    let done = false;
    event(client, () => {
      done = true;
    });
    expect(done).toBe(false);
    client.store.end();
    await vi.waitFor(() => expect(done).toBe(true));
    expect(client.adapter.counters).toMatchObject({ outstanding: 0, aborted: 1 });
    expect([await ready(client), await ready(client)]).toEqual(told);
    // The aborted command's credit comes with the next response.
    expect(client.initiator.credit).toBe(credit);
  });

  test("PREEMPT AND ABORT: the same, and its registration is gone", async () => {
    const client = await shared();
    const { adapter, scsi, other, store } = client;
    expect(scsi.out(adapter.nexus, "register", { newKey: 1n })).toBe("ok");
    expect(scsi.out(other, "register", { newKey: 2n })).toBe("ok");
    expect(scsi.out(adapter.nexus, "reserve", { key: 1n, type: 3 })).toBe("ok");
    await pendingRead(client);
    const preemptor = scsi.outTask(other, "preemptAndAbort", { key: 2n, newKey: 1n, type: 3 });
    expect(preemptor.ends).toBe(0);
    store.end();
    expect([preemptor.ends, preemptor.status, adapter.counters.aborted]).toEqual([1, 0, 1]);
    expect(await ready(client)).toBe("06/2a/05");
    expect((await client.initiator.command({ lun: LUN, cdb: READ, dataInLength: 512 })).status).toBe(0x18);
  });
});

describe("what a CRQ client asks for", () => {
  test("ABORT TASK SET ends its own tasks, and no others", async () => {
    const client = await shared();
    await pendingRead(client);
    const theirs = client.scsi.send(client.other, READ);
    const answer = client.initiator.taskManagement({ function: SRP_TSK_ABORT_TASK_SET, lun: LUN });
    await vi.waitFor(() => expect(client.adapter.counters.outstanding).toBe(2));
    client.store.end();
    expect(await answer).toBe(SRP_TSK_COMPLETE);
    expect(client.adapter.counters.aborted).toBe(1);
    client.store.end();
    expect([theirs.aborted, theirs.status, await ready(client)]).toEqual([false, 0, "status 0"]);
  });

  test("CLEAR TASK SET ends everybody's, and tells the others", async () => {
    const client = await shared();
    const theirs = client.scsi.send(client.other, READ);
    const answer = client.initiator.taskManagement({ function: SRP_TSK_CLEAR_TASK_SET, lun: LUN });
    await vi.waitFor(() => expect(theirs.aborted).toBe(true));
    client.store.end();
    expect(await answer).toBe(SRP_TSK_COMPLETE);
    expect(await ready(client)).toBe("status 0");
    const told = client.scsi.send(client.other, TEST_UNIT_READY);
    expect(told.senseText).toBe("06/2f/00");
  });

  test("NACA: ACA ACTIVE until CLEAR ACA", async () => {
    const client = await shared();
    const failed = await client.initiator.command({ lun: LUN, cdb: WRONG_WITH_NACA });
    expect([failed.status, failed.sense[12]]).toEqual([2, 0x24]);
    expect(await ready(client)).toBe(`status ${ACA_ACTIVE}`);
    expect(await client.initiator.taskManagement({ function: SRP_TSK_CLEAR_ACA, lun: LUN })).toBe(SRP_TSK_COMPLETE);
    expect(await ready(client)).toBe("status 0");
  });

  test("LOGICAL UNIT RESET ends a RESERVE", async () => {
    const client = await shared();
    const reserve = await client.initiator.command({ lun: LUN, cdb: [0x16, 0, 0, 0, 0, 0] });
    expect(reserve.status).toBe(0);
    const outcome = () => client.scsi.send(client.other, TEST_UNIT_READY).status;
    expect(outcome()).toBe(0x18);
    await client.initiator.taskManagement({ function: SRP_TSK_LUN_RESET, lun: LUN });
    expect([outcome(), outcome()]).toEqual([2, 0]);
  });
});
