import { afterEach, beforeEach, expect, test } from "vitest";
import {
  DATA_FLAG_STATUS,
  READY_TO_TRANSFER,
  SCSI_DATA_IN,
  SCSI_RESPONSE,
  TARGET_TRANSFER_TAG,
  TASK_MANAGEMENT_REQUEST,
  TASK_MANAGEMENT_RESPONSE,
  TASK_REF_CMD_SN,
  TASK_REFERENCED_TAG,
  TASK_RESPONSE,
} from "../../src/abi/iscsi.ts";
import { type Pdu, RawInitiator } from "./raw-initiator.ts";
import { Served } from "./served.ts";

const HAND = 1;
const READ = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];
const WRITE = [0x2a, 0, 0, 0, 0, 0, 0, 0, 4, 0];
const TEST_UNIT_READY = [0];

const ABORT_TASK = 1;
const ABORT_TASK_SET = 2;
const CLEAR_ACA = 3;
const CLEAR_TASK_SET = 4;
const LOGICAL_UNIT_RESET = 5;
const TARGET_WARM_RESET = 6;
const TARGET_COLD_RESET = 7;
const TASK_REASSIGN = 8;

let served: Served;
let initiator: RawInitiator;
let other: RawInitiator;
beforeEach(async () => {
  served = await Served.start();
  initiator = await RawInitiator.login(served.port);
  other = await RawInitiator.login(served.port, { isid: "800000000002" });
});
afterEach(() => served.service.close());

interface Manage {
  lun?: number;
  tag?: number;
  refCmdSN?: number;
}

function manage(code: number, { lun = HAND, tag = 0, refCmdSN = 0 }: Manage = {}): number {
  const u32 = { [TASK_REFERENCED_TAG]: tag, [TASK_REF_CMD_SN]: refCmdSN };
  return initiator.request({ opcode: TASK_MANAGEMENT_REQUEST, flags: 0x80 | code, lun, immediate: true, u32 });
}

function response(pdu: Pdu): number {
  expect(pdu.opcode).toBe(TASK_MANAGEMENT_RESPONSE);
  return pdu.u8(TASK_RESPONSE);
}

function sense(pdu: Pdu): string {
  expect(pdu.opcode).toBe(SCSI_RESPONSE);
  return [pdu.data[4], pdu.data[14], pdu.data[15]].map((value) => (value ?? 0).toString(16).padStart(2, "0")).join("/");
}

test("an aborted task is not answered, and the abort only when it has left", async () => {
  const tag = initiator.command(READ, { lun: HAND, read: 512 });
  manage(ABORT_TASK, { tag });
  await initiator.settle();
  served.hand.end();
  expect(response(await initiator.next())).toBe(0);
  await initiator.settle();
});

test("a task that has ended does not exist, one that has not come counts as aborted", async () => {
  const tag = initiator.command(TEST_UNIT_READY);
  await initiator.next();
  manage(ABORT_TASK, { tag, refCmdSN: 1 });
  expect(response(await initiator.next())).toBe(1);
  manage(ABORT_TASK, { tag: 99, refCmdSN: 2 });
  expect(response(await initiator.next())).toBe(0);
  // It comes after all, and is not executed.
  initiator.command(TEST_UNIT_READY, { cmdSN: 2, itt: 99 });
  const next = initiator.command(TEST_UNIT_READY, { cmdSN: 3 });
  expect((await initiator.next()).itt).toBe(next);
});

test("a command whose data are still coming is aborted at once, and its data go nowhere", async () => {
  const tag = initiator.command(WRITE, { lun: HAND, write: 2048 });
  const r2t = await initiator.next();
  expect(r2t.opcode).toBe(READY_TO_TRANSFER);
  manage(ABORT_TASK, { tag });
  expect(response(await initiator.next())).toBe(0);
  initiator.dataOut(tag, { tag: r2t.u32(TARGET_TRANSFER_TAG), offset: 0, data: Buffer.alloc(2048) });
  await initiator.settle();
  expect(served.hand.pending).toHaveLength(0);
});

test("a command that waits for its turn is aborted too", async () => {
  const tag = initiator.command(READ, { lun: HAND, read: 512, cmdSN: 2 });
  manage(ABORT_TASK, { tag });
  expect(response(await initiator.next())).toBe(0);
  const first = initiator.command(TEST_UNIT_READY, { cmdSN: 1 });
  expect((await initiator.next()).itt).toBe(first);
  await initiator.settle();
  expect(served.hand.pending).toHaveLength(0);
});

test("ABORT TASK SET leaves other initiators alone", async () => {
  initiator.command(READ, { lun: HAND, read: 512 });
  initiator.command(WRITE, { lun: HAND, write: 2048 });
  await initiator.next();
  const theirs = other.command(READ, { lun: HAND, read: 512 });
  await other.settle();
  manage(ABORT_TASK_SET);
  await initiator.settle();
  served.hand.end();
  expect(response(await initiator.next())).toBe(0);
  served.hand.end();
  const answer = await other.next();
  expect([answer.opcode, answer.itt, answer.flags & DATA_FLAG_STATUS]).toEqual([
    SCSI_DATA_IN,
    theirs,
    DATA_FLAG_STATUS,
  ]);
});

test.each([
  ["CLEAR TASK SET", CLEAR_TASK_SET, "06/2f/00"],
  ["LOGICAL UNIT RESET", LOGICAL_UNIT_RESET, "06/29/00"],
  ["TARGET WARM RESET", TARGET_WARM_RESET, "06/29/00"],
])("%s ends every initiator's tasks, and the others are told", async (_name, code, attention) => {
  initiator.command(READ, { lun: HAND, read: 512 });
  other.command(READ, { lun: HAND, read: 512 });
  await initiator.settle();
  await other.settle();
  manage(code);
  await initiator.settle();
  served.hand.end();
  served.hand.end();
  expect(response(await initiator.next())).toBe(0);
  await other.settle();
  other.command(TEST_UNIT_READY, { lun: HAND });
  expect(sense(await other.next())).toBe(attention);
});

test("TARGET COLD RESET ends every session", async () => {
  manage(TARGET_COLD_RESET);
  expect(response(await initiator.next())).toBe(0);
  await initiator.end();
  await other.end();
  expect(served.service.sessions).toHaveLength(0);
});

test.each([
  ["CLEAR ACA where there is none to clear", CLEAR_ACA, HAND, 0],
  ["TASK REASSIGN", TASK_REASSIGN, HAND, 4],
  ["an unknown function", 20, HAND, 5],
  ["a unit that is not there", LOGICAL_UNIT_RESET, 9, 2],
])("%s has its own response", async (_name, code, lun, expected) => {
  manage(code, { lun });
  expect(response(await initiator.next())).toBe(expected);
});

test("tasks of a session that is lost end without an answer", async () => {
  initiator.command(READ, { lun: HAND, read: 512 });
  initiator.command(WRITE, { lun: HAND, write: 2048 });
  await initiator.next();
  initiator.destroy();
  await expect.poll(() => served.service.sessions.length).toBe(1);
  served.hand.end();
  await other.settle();
});
