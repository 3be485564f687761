import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  AHS_TYPE,
  ASYNC_EVENT,
  ASYNC_MESSAGE,
  COMMAND_ATTRIBUTE_MASK,
  LOGOUT_REQUEST,
  LOGOUT_RESPONSE,
  SCSI_COMMAND,
  TASK_MANAGEMENT_REQUEST,
  TASK_MANAGEMENT_RESPONSE,
  TASK_RESPONSE,
} from "../../../src/abi/iscsi.ts";
import { SharedMemory } from "../../../src/core/shared-memory.ts";
import { block10, type Call } from "../../support/device-calls.ts";
import type { Behaviour, HandPdu } from "../../support/hand-iscsi-target.ts";
import { OpenTargets } from "./open-targets.ts";

const memory = new SharedMemory();
const targets = new OpenTargets(memory);
afterEach(() => targets.close());

const BLOCK = Buffer.alloc(512, 1);
const TAPE = 1;
const OPTICAL = 5;

/** Answers what it must at once: reads and writes are answered when the test says so. */
let held: [HandPdu, () => void][] = [];
let holds = true;
beforeEach(() => {
  held = [];
  holds = true;
});

const hold: Behaviour = (pdu, connection) => {
  if (pdu.opcode === TASK_MANAGEMENT_REQUEST) {
    connection.send({ opcode: TASK_MANAGEMENT_RESPONSE, itt: pdu.itt });
    return;
  }
  if (pdu.opcode === LOGOUT_REQUEST) return connection.send({ opcode: LOGOUT_RESPONSE, itt: pdu.itt });
  if (pdu.opcode !== SCSI_COMMAND) return;
  const answer = () => {
    if ((pdu.flags & 0x40) !== 0) connection.dataIn(pdu, BLOCK);
    else connection.status(pdu);
  };
  if (holds) held.push([pdu, answer]);
  else answer();
};

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries === 2000) throw new Error("what was waited for does not come");
    await pause(5);
  }
}

/** Waits until the target has so many commands. */
const arrived = (count: number) => until(() => held.length === count);

async function outcomes(...calls: Call[]): Promise<string[]> {
  return (await Promise.all(calls)).map(({ outcome }) => outcome);
}

describe("a session that is lost", () => {
  test("reads and writes of a disk are sent again, in their order and before what is new", async () => {
    const { target, calls } = await targets.open(hold);
    const first = [
      calls.writeBlocks(0, BLOCK),
      calls.readBlocks(8, 1),
      calls.ask([0x42, 0, 0, 0, 0, 0, 0, 0, 8, 0], { write: Buffer.alloc(8) }),
    ];
    await arrived(3);
    holds = false;
    target.drop();
    const late = calls.ask(block10(0x35, 0, 0));
    expect(await outcomes(...first, late)).toEqual(["answered", "answered", "answered", "answered"]);
    expect(target.opcodes).toEqual([0x2a, 0x28, 0x42, 0x2a, 0x28, 0x42, 0x35]);
  });

  test("what a second execution would change is not", async () => {
    const { target, calls } = await targets.open(hold);
    const compareAndWrite = Buffer.alloc(16);
    compareAndWrite[0] = 0x89;
    compareAndWrite[13] = 1;
    const lost = [
      calls.ask(compareAndWrite, { write: Buffer.alloc(1024) }),
      calls.ask([0x5f, 0, 0, 0, 0, 0, 0, 0, 24, 0], { write: Buffer.alloc(24) }),
      calls.ask([0x04, 0, 0, 0, 0, 0]),
      calls.ask([0x1b, 0, 0, 0, 2, 0]),
      calls.ask([0xc7, 0, 0, 0, 0, 0]),
    ];
    await arrived(5);
    holds = false;
    target.drop();
    expect(new Set(await outcomes(...lost))).toEqual(new Set(["lost"]));
    expect((await calls.readBlocks(0, 1)).status).toBe(0);
    expect(target.opcodes.length).toBe(6);
  });

  test("a tape's commands are not, but for those that only ask", async () => {
    const { target, calls } = await targets.open(hold, { peripheralDeviceType: TAPE });
    const lost = [calls.ask([0x0a, 0, 0, 2, 0, 0], { write: BLOCK }), calls.ask([0x08, 0, 0, 2, 0, 0], { read: 512 })];
    const asks = calls.ask([0x1a, 0, 0x3f, 0, 255, 0], { read: 512 });
    await arrived(3);
    holds = false;
    target.drop();
    expect(await outcomes(...lost)).toEqual(["lost", "lost"]);
    expect(await outcomes(asks)).toEqual(["answered"]);
  });

  test("an optical drive's reads are, its writes are not", async () => {
    const { target, calls } = await targets.open(hold, { peripheralDeviceType: OPTICAL });
    const [read, write] = [calls.readBlocks(0, 1), calls.writeBlocks(0, BLOCK)];
    await arrived(2);
    holds = false;
    target.drop();
    expect(await outcomes(read, write)).toEqual(["answered", "lost"]);
  });

  test("a write is not, when a command to the same blocks was answered after it had been sent", async () => {
    const { target, calls } = await targets.open(hold);
    const write = Buffer.alloc(4 * 512, 3);
    const calm = calls.writeBlocks(100, write);
    const overlapped = calls.writeBlocks(200, write);
    const touching = calls.writeBlocks(300, write);
    const reads = [calls.readBlocks(203, 1), calls.readBlocks(304, 1), calls.readBlocks(299, 1)];
    await arrived(6);
    for (const [pdu, answer] of held) if (pdu.cdb[0] === 0x28) answer();
    await outcomes(...reads);
    holds = false;
    target.drop();
    expect(await outcomes(calm, overlapped, touching)).toEqual(["answered", "lost", "answered"]);
  });

  test("a write is not, when the reservation that guarded it is lost", async () => {
    const { target, calls } = await targets.open(hold);
    holds = false;
    expect((await calls.ask([0x16, 0, 0, 0, 0, 0])).status).toBe(0);
    holds = true;
    const [write, read] = [calls.writeBlocks(0, BLOCK), calls.readBlocks(8, 1)];
    await arrived(2);
    holds = false;
    target.drop();
    expect(await outcomes(write, read)).toEqual(["lost", "answered"]);
    holds = true;
    const again = calls.writeBlocks(0, BLOCK);
    await arrived(3);
    holds = false;
    target.drop();
    expect(await outcomes(again)).toEqual(["answered"]);
  });

  test("a write is not, when the new session is in another portal group: the old one may be at work", async () => {
    const { target, calls } = await targets.open(hold);
    const [write, read] = [calls.writeBlocks(0, BLOCK), calls.readBlocks(8, 1)];
    await arrived(2);
    holds = false;
    target.portalGroup = "2";
    target.drop();
    expect(await outcomes(write, read)).toEqual(["lost", "answered"]);
    expect(target.opcodes).toEqual([0x2a, 0x28, 0x28]);
  });

  test("takes the old one's place: it has the same name", async () => {
    const isids: string[] = [];
    const { target, calls } = await targets.open(hold, {}, (pdu) => {
      isids.push(pdu.header.toString("hex", 8, 14));
      return undefined;
    });
    holds = false;
    target.drop();
    expect((await calls.readBlocks(0, 1)).status).toBe(0);
    expect([isids.length, new Set(isids).size]).toEqual([4, 1]);
  });

  test("another unit in its place is not used", async () => {
    const { target, calls } = await targets.open(hold, { retryFor: 2500 });
    const write = calls.writeBlocks(0, BLOCK);
    await arrived(1);
    target.product = "ANOTHER         ";
    target.drop();
    expect(await outcomes(write)).toEqual(["lost"]);
    expect(target.opcodes.length).toBe(1);
    target.product = "HAND            ";
    holds = false;
    expect(await outcomes(calls.writeBlocks(0, BLOCK))).toEqual(["answered"]);
  });
});

describe("the target's window", () => {
  test("holds commands back, and lets them go", async () => {
    const { target, calls } = await targets.open(hold);
    const [connection] = target.connections;
    if (connection === undefined) throw new Error("no connection");
    connection.window = 2;
    const probe = calls.readBlocks(0, 1);
    await arrived(1);
    held[0]?.[1]();
    await probe;
    // A window that is not wider than before is none: the initiator keeps what it was given.
    const reads = Array.from({ length: 70 }, (_, lba) => calls.readBlocks(lba, 1));
    await arrived(64);
    await pause(50);
    expect(held.length).toBe(64);
    holds = false;
    connection.window = 64;
    for (const [, answer] of held.splice(0)) answer();
    expect(new Set(await outcomes(...reads))).toEqual(new Set(["answered"]));
  });
});

describe("a command", () => {
  test("that is aborted ends when the target says so", async () => {
    const { target, device, calls } = await targets.open(hold);
    const write = calls.writeBlocks(0, BLOCK);
    await arrived(1);
    device.abort(write.request);
    expect(await outcomes(write)).toEqual(["aborted"]);
    const abort = target.received.find(({ opcode }) => opcode === TASK_MANAGEMENT_REQUEST);
    expect([abort?.flags, abort?.header.readUInt32BE(20), abort?.immediate]).toEqual([0x81, held[0]?.[0].itt, true]);
  });

  test("that is aborted before it was sent never is", async () => {
    const { target, device, calls, losses } = await targets.open(hold);
    target.login = () => "nothing";
    target.drop();
    await until(() => losses() === 1);
    const write = calls.writeBlocks(0, BLOCK);
    device.abort(write.request);
    expect(await outcomes(write)).toEqual(["aborted"]);
    expect(target.opcodes).toEqual([]);
  });

  test("whose abort is refused, or not answered, ends by a new session; the others go on", async () => {
    for (const answer of [
      () => {},
      (pdu: HandPdu) => ({ opcode: TASK_MANAGEMENT_RESPONSE, itt: pdu.itt, u8: { [TASK_RESPONSE]: 5 } }),
    ]) {
      held = [];
      holds = true;
      const { target, device, calls } = await targets.open((pdu, connection) => {
        if (pdu.opcode !== TASK_MANAGEMENT_REQUEST) return hold(pdu, connection);
        const refusal = answer(pdu);
        if (refusal !== undefined) connection.send(refusal);
      });
      const [write, read] = [calls.writeBlocks(0, BLOCK), calls.readBlocks(8, 1)];
      await arrived(2);
      holds = false;
      device.abort(write.request);
      expect(await outcomes(write, read)).toEqual(["aborted", "answered"]);
      expect(target.connections.length).toBe(2);
    }
  });

  test("that takes too long is aborted", async () => {
    const { calls } = await targets.open(hold);
    const write = calls.writeBlocks(0, BLOCK, { timeout: 150 });
    const read = calls.readBlocks(8, 1);
    expect(await outcomes(write)).toEqual(["timed out"]);
    for (const [pdu, answer] of held) if (pdu.cdb[0] === 0x28) answer();
    expect(await outcomes(read)).toEqual(["answered"]);
  });

  test("that the target rejects is refused, and the session goes on", async () => {
    const { target, calls } = await targets.open((pdu, connection) => {
      if (pdu.cdb[0] === 0xc7) connection.send({ opcode: 0x3f, u8: { 2: 9 }, data: pdu.header });
      else connection.dataIn(pdu, BLOCK);
    });
    expect(await outcomes(calls.ask([0xc7, 0, 0, 0, 0, 0]), calls.readBlocks(0, 1))).toEqual(["refused", "answered"]);
    expect(target.connections.length).toBe(1);
  });

  test("that the target fails without a status is lost", async () => {
    const { calls } = await targets.open((pdu, connection) =>
      connection.send({ opcode: 0x21, itt: pdu.itt, u8: { 2: 1 } }),
    );
    expect(await outcomes(calls.readBlocks(0, 1))).toEqual(["lost"]);
  });

  test("of 32 bytes, and of each task attribute, arrives as it is", async () => {
    const { target, calls } = await targets.open(hold);
    holds = false;
    const cdb = Uint8Array.from({ length: 32 }, (_, index) => index + 0x7f);
    const SAM_ATTRIBUTES = [0, 1, 2, 4];
    await Promise.all(SAM_ATTRIBUTES.map((attribute) => calls.ask(cdb, { attribute })));
    const [first] = target.commands;
    // AHSLength: the 16 bytes and one reserved byte before them. [RFC 7143] 11.2.2.3.
    expect([first?.ahs.length, first?.ahs.readUInt16BE(0), first?.ahs[AHS_TYPE]]).toEqual([20, 17, 1]);
    expect([...(first?.cdb ?? []), ...(first?.ahs.subarray(4) ?? [])]).toEqual([...cdb]);
    // Simple, head of queue, ordered, ACA. [RFC 7143] 11.3.1.
    expect(target.commands.map(({ flags }) => flags & COMMAND_ATTRIBUTE_MASK)).toEqual([1, 3, 2, 4]);
  });
});

test("a reset ends every command, those too that come with it, and goes on", async () => {
  const { device, calls } = await targets.open(hold);
  const under = [calls.writeBlocks(0, BLOCK), calls.ask([0x04, 0, 0, 0, 0, 0])];
  await arrived(2);
  const reset = new Promise<void>((resolve) => device.reset(resolve));
  holds = false;
  const behind = calls.readBlocks(0, 1);
  await reset;
  expect(await outcomes(...under, behind)).toEqual(["aborted", "aborted", "answered"]);
});

test("a reset without a session ends what waits", async () => {
  const { target, device, calls, losses } = await targets.open(hold);
  target.login = () => "nothing";
  target.drop();
  await until(() => losses() === 1);
  const write = calls.writeBlocks(0, BLOCK);
  await new Promise<void>((resolve) => device.reset(resolve));
  expect(await outcomes(write)).toEqual(["aborted"]);
});

test("a target that asks for a logout gets one, when what is under way has ended", async () => {
  const { target, calls } = await targets.open(hold);
  const write = calls.writeBlocks(0, BLOCK);
  await arrived(1);
  const u32 = { 8: 0, 12: 0 };
  target.connections[0]?.send({ opcode: ASYNC_MESSAGE, u32, u8: { [ASYNC_EVENT]: 1, 43: 20 } });
  await pause(300);
  const behind = calls.readBlocks(0, 1);
  await pause(50);
  expect(target.commands.length).toBe(1);
  held[0]?.[1]();
  holds = false;
  expect(await outcomes(write, behind)).toEqual(["answered", "answered"]);
  expect([target.connections.length, target.commands.length]).toEqual([2, 2]);
  expect(target.received.filter(({ opcode }) => opcode === LOGOUT_REQUEST).length).toBe(1);
});

test("closing logs out, and ends what is left", async () => {
  const { target, device, calls } = await targets.open(hold);
  const write = calls.writeBlocks(0, BLOCK);
  await arrived(1);
  await device.close();
  expect(await outcomes(write)).toEqual(["aborted"]);
  expect(target.received.at(-1)?.opcode).toBe(LOGOUT_REQUEST);
});
