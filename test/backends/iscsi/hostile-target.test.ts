import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import {
  ASYNC_MESSAGE,
  BHS_ITT,
  BHS_LENGTH,
  FLAG_CONTINUE,
  LOGIN_RESPONSE,
  LOGOUT_RESPONSE,
  NOP_IN,
  READY_TO_TRANSFER,
  REJECT,
  RESERVED_TAG,
  SCSI_DATA_IN,
  SCSI_RESPONSE,
  TASK_MANAGEMENT_RESPONSE,
  TEXT_RESPONSE,
} from "../../../src/abi/iscsi.ts";
import { Command } from "../../../src/backends/iscsi/command.ts";
import type { Connection } from "../../../src/backends/iscsi/connection.ts";
import { Agreement, RECEIVE_MAXIMUM } from "../../../src/backends/iscsi/offers.ts";
import { Session } from "../../../src/backends/iscsi/session.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { SharedMemory } from "../../../src/core/shared-memory.ts";
import { Outbox } from "../../../src/iscsi/outbox.ts";
import { PduReader } from "../../../src/iscsi/pdu-reader.ts";
import type { DeviceRequest } from "../../../src/scsi/passthrough/scsi-device.ts";
import type { Answer, HandConnection, HandPdu } from "../../support/hand-iscsi-target.ts";
import { OpenTargets } from "./open-targets.ts";

const memory = new SharedMemory();
const targets = new OpenTargets(memory);
afterEach(() => targets.close());

const DATA = Buffer.alloc(1024, 7);

/** A command's data where they should not be, and other PDUs that make no sense. */
const WRONG: [string, (pdu: HandPdu, connection: HandConnection) => Buffer][] = [
  ["data at an offset", (pdu, to) => dataIn(pdu, to, { u32: { 36: 0, 40: 512 } })],
  ["data at an offset beyond all", (pdu, to) => dataIn(pdu, to, { u32: { 36: 0, 40: 0xffff_fe00 } })],
  ["more data than asked for", (pdu, to) => dataIn(pdu, to, { data: Buffer.alloc(1028) })],
  ["data out of sequence", (pdu, to) => dataIn(pdu, to, { u32: { 36: 1, 40: 0 } })],
  ["data of another command", (pdu, to) => dataIn({ ...pdu, itt: pdu.itt + 1 }, to)],
  ["data of an earlier command", (pdu, to) => dataIn({ ...pdu, itt: (pdu.itt - 0x1_0000) >>> 0 }, to)],
  ["a status for another command", (pdu, to) => to.bytes({ opcode: SCSI_RESPONSE, itt: pdu.itt ^ 0x8000 })],
  ["a data segment of 16 MiB", (pdu, to) => longer(dataIn(pdu, to))],
  ["headers of a KiB", (pdu, to) => at(dataIn(pdu, to), 4, 0xff)],
  ["an R2T for a read", (pdu, to) => to.bytes({ opcode: READY_TO_TRANSFER, itt: pdu.itt, u32: { 20: 1, 44: 512 } })],
  ["a login response", (pdu, to) => to.bytes({ opcode: LOGIN_RESPONSE, itt: pdu.itt })],
  ["a text response", (pdu, to) => to.bytes({ opcode: TEXT_RESPONSE, itt: pdu.itt })],
  ["a request", (pdu, to) => to.bytes({ opcode: 1, itt: pdu.itt })],
  ["a NOP-In to no request", (pdu, to) => to.bytes({ opcode: NOP_IN, itt: pdu.itt })],
  ["a logout response", (_pdu, to) => to.bytes({ opcode: LOGOUT_RESPONSE, itt: 0x2002 })],
  ["half a rejection", (_pdu, to) => to.bytes({ opcode: REJECT, data: Buffer.alloc(20) })],
  ["a rejection of what was not sent", (_pdu, to) => to.bytes({ opcode: REJECT, data: Buffer.alloc(48, 0x77) })],
  ["word that the session is dropped", (_pdu, to) => to.bytes({ opcode: ASYNC_MESSAGE, u8: { 36: 3 } })],
  ["half a PDU, and is gone", (pdu, to) => dataIn(pdu, to).subarray(0, 300)],
  ["nothing, and is gone", () => Buffer.alloc(0)],
];

function dataIn({ itt }: HandPdu, to: HandConnection, answer: Partial<Answer> = {}): Buffer {
  const u32 = { 20: RESERVED_TAG, 36: 0, 40: 0 };
  return to.bytes({ opcode: SCSI_DATA_IN, flags: 0x81, itt, u32, data: DATA, ...answer });
}

function longer(bytes: Buffer): Buffer {
  bytes.writeUIntBE(0xff_fffc, 5, 3);
  return bytes;
}

function at(bytes: Buffer, offset: number, value: number): Buffer {
  bytes[offset] = value;
  return bytes;
}

describe("a target that answers wrongly loses its session, and the command is done by the next one", () => {
  test.each(WRONG)("%s", async (name, answer) => {
    let asked = 0;
    const { target, calls } = await targets.open((pdu, connection) => {
      if (asked++ > 0) return connection.dataIn(pdu, DATA);
      connection.socket.write(answer(pdu, connection));
      if (name.endsWith("gone")) connection.socket.end();
    });
    const read = await calls.readBlocks(4, 2);
    expect([read.outcome, read.status, read.data.equals(DATA)]).toEqual(["answered", 0, true]);
    expect(target.connections.length).toBe(2);
  });

  test.each<[string, (pdu: HandPdu, connection: HandConnection) => void]>([
    ["at an offset", (pdu, to) => to.r2t(pdu, 512, 512)],
    ["for nothing", (pdu, to) => to.r2t(pdu, 0, 0)],
    ["for more than there is", (pdu, to) => to.r2t(pdu, 0, 0xffff_ffff)],
    ["for more than a burst", (pdu, to) => to.r2t(pdu, 0, 20_000)],
    ["without a tag", (pdu, to) => to.r2t(pdu, 0, 512, 0, RESERVED_TAG)],
    ["out of sequence", (pdu, to) => to.r2t(pdu, 0, 512, 3)],
    ["for another command", (pdu, to) => to.r2t({ ...pdu, itt: pdu.itt ^ 1 }, 0, 512)],
  ])("an R2T %s", async (_name, ask) => {
    let asked = 0;
    const { target, calls } = await targets.open(
      (pdu, connection) => {
        if (pdu.opcode !== 1) return;
        if (asked++ === 0) ask(pdu, connection);
        else connection.status(pdu);
      },
      { keys: { ImmediateData: "No" } },
    );
    const write = await calls.writeBlocks(4, Buffer.alloc(32_768));
    // The target claims to have written what it never asked for: that is not taken for transferred.
    expect(write).toMatchObject({ outcome: "answered", status: 0, residual: 32_768 });
    expect(target.connections.length).toBe(2);
  });
});

test("a command is answered once, whatever the target says behind that", async () => {
  const { target, calls } = await targets.open((pdu, connection) => {
    connection.dataIn(pdu, DATA);
    if (target.commands.length === 1) connection.dataIn(pdu, Buffer.alloc(1024, 9));
  });
  expect((await calls.readBlocks(0, 2)).status).toBe(0);
  expect((await calls.readBlocks(0, 2)).status).toBe(0);
  expect(target.connections.length).toBe(2);
});

test("sense data are never longer than what came", async () => {
  const { calls } = await targets.open((pdu, connection) =>
    connection.send({
      opcode: SCSI_RESPONSE,
      itt: pdu.itt,
      u8: { 3: 2 },
      data: Buffer.from([0xff, 0xff, 0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x29, 0]),
    }),
  );
  const call = calls.ask([0, 0, 0, 0, 0, 0]);
  expect(await call).toMatchObject({ status: 2, sense: "06/29/00" });
  expect(call.request.senseLength).toBe(14);
});

test("less data than the target says is not taken for transferred", async () => {
  const { calls } = await targets.open((pdu, connection) => connection.dataIn(pdu, DATA.subarray(0, 512)));
  const read = await calls.readBlocks(0, 2);
  expect([read.status, read.residual, read.data.length]).toEqual([0, 512, 512]);
});

describe("a login", () => {
  const cases: [string, string, Parameters<typeof targets.refused>[0]][] = [
    ["that never ends", "does not come to an end", (pdu, to) => to.loginAnswer(pdu, 0, [])],
    ["whose text never ends", "login text of more than", (pdu, to) => endless(pdu, to)],
    ["whose text has no bytes", "an empty part", (pdu, to) => to.loginAnswer(pdu, FLAG_CONTINUE, [])],
    ["whose text is none", "malformed", (pdu, to) => ({ ...to.usualLogin(pdu), data: Buffer.alloc(9, 0xff) })],
    ["in another stage", "answers in login stage 1", (pdu, to) => to.loginAnswer(pdu, 0x84, [])],
    ["that jumps to the end", "leaves the security stage too early", (pdu, to) => to.loginAnswer(pdu, 0x83, [])],
    ["without a handle", "no handle", (pdu, to) => ({ ...to.usualLogin(pdu), u8: {}, u32: { 12: 0 } })],
    ["of another request", "no request of ours", (pdu, to) => ({ ...to.usualLogin(pdu), itt: 9 })],
    ["answered by something else", "instead of a Login Response", () => ({ opcode: NOP_IN })],
    ["with an unknown method", 'AuthMethod "KRB5"', (pdu, to) => to.loginAnswer(pdu, 0x81, [["AuthMethod", "KRB5"]])],
    ["with CHAP for nobody", "wants CHAP", (pdu, to) => to.loginAnswer(pdu, 0, [["AuthMethod", "CHAP"]])],
    ["that is refused", "login status 0300", (pdu, to) => to.loginAnswer(pdu, 0, [], 0x0300)],
    [
      "that sends us nowhere",
      "which is no address",
      (pdu, to) => to.loginAnswer(pdu, 0, [["TargetAddress", "?"]], 0x0101),
    ],
    ["that sends us round", "again and again", (pdu, to) => elsewhere(pdu, to)],
    ["without an answer", "no login within 2000 ms", () => "nothing"],
  ];
  test.each(cases)("%s", async (_name, message, behaviour) => {
    await targets.refused(behaviour, message);
  });

  test.each([
    ["MaxBurstLength", "0"],
    ["MaxBurstLength", "16777216"],
    ["FirstBurstLength", "-1"],
    ["MaxRecvDataSegmentLength", "0"],
    ["MaxRecvDataSegmentLength", "lots"],
    ["HeaderDigest", "MD5"],
    ["InitialR2T", "Perhaps"],
    ["DataPDUInOrder", "No"],
    ["ErrorRecoveryLevel", "2"],
    ["MaxConnections", "4"],
  ])("that answers %s=%s", async (key, value) => {
    await targets.refused(() => undefined, `the target answers ${key}=`, { [key]: value });
  });

  test("may send us to another portal", async () => {
    const other = await targets.open((pdu, connection) => connection.dataIn(pdu, DATA));
    const { calls } = await targets.open(
      () => {},
      {},
      (pdu, to) => to.loginAnswer(pdu, 0, [["TargetAddress", `127.0.0.1:${other.target.port},7`]], 0x0102),
    );
    expect((await calls.readBlocks(0, 2)).data).toEqual(DATA);
    expect(other.target.commands.length).toBe(1);
  });

  function endless(pdu: HandPdu, to: HandConnection): Answer {
    return { ...to.loginAnswer(pdu, FLAG_CONTINUE, []), data: Buffer.alloc(8000, "x") };
  }

  function elsewhere(pdu: HandPdu, to: HandConnection): Answer {
    return to.loginAnswer(pdu, 0, [["TargetAddress", `127.0.0.1:${to.target.port}`]], 0x0101);
  }
});

test("a target that says nothing any more is left", async () => {
  const { target, calls } = await targets.open((pdu, connection) => {
    if (target.connections.length > 1) connection.dataIn(pdu, DATA);
  });
  target.answersPings = false;
  expect((await calls.readBlocks(0, 2)).data).toEqual(DATA);
  expect(target.connections.length).toBe(2);
});

test("a target that asks and does not listen is left", async () => {
  const { target, calls } = await targets.open((pdu, connection) => {
    if (target.connections.length > 1) return connection.dataIn(pdu, DATA);
    connection.socket.pause();
    const ping = connection.bytes({ opcode: NOP_IN, u32: { 20: 1 }, uncounted: true });
    const flood = () => {
      for (let count = 0; count < 2000; count++) connection.socket.write(ping);
      if (!connection.socket.destroyed && target.connections.length === 1) setTimeout(flood, 1);
    };
    flood();
  });
  expect((await calls.readBlocks(0, 2)).data).toEqual(DATA);
}, 20_000);

/** PDUs that often name what is there. */
const pdus = fc.record({
  opcode: fc.constantFrom(
    NOP_IN,
    SCSI_RESPONSE,
    TASK_MANAGEMENT_RESPONSE,
    SCSI_DATA_IN,
    READY_TO_TRANSFER,
    ASYNC_MESSAGE,
    REJECT,
  ),
  flags: fc.integer({ min: 0, max: 255 }),
  tag: fc.constantFrom(0x1_0000, 0x1_0001, 0x1_1000, 0x2000, RESERVED_TAG, 5),
  fields: fc.array(fc.constantFrom(0, 0, 0, 1, 512, 1024, 0xffff_ffff), { minLength: 6, maxLength: 6 }),
  data: fc.constantFrom(0, 2, 20, 48, 512, 1024, 1060).map((length) => new Uint8Array(length).fill(1)),
});

test("any PDUs end a command once and leave alone what is not its buffer", () => {
  const LENGTH = 1024;
  const GUARD = 64;
  fc.assert(
    fc.property(fc.array(pdus, { maxLength: 12 }), fc.array(fc.nat(400), { maxLength: 4 }), (list, cuts) => {
      const region = memory.allocate(2 * LENGTH + 4 * GUARD);
      memory.u8.fill(0xa5, region, region + 2 * LENGTH + 4 * GUARD);
      const outbox = new Outbox(
        { cork() {}, uncork() {}, write: () => true },
        () => {},
        () => {},
      );
      const connection = { outbox, heardAt: 0, lose() {} } as unknown as Connection;
      const loggedIn = { agreement: new Agreement(), portalGroupTag: 1, cmdSN: 1, expStatSN: 1, maxCmdSN: 9 };
      const clock = { ...systemClock, after: () => () => {} };
      const times = { idle: 1000, answer: 1000 };
      const session = new Session(connection, loggedIn, { memory, clock, times, lun: new Uint8Array(8) });
      const ends = [0, 0];
      session.owner = {
        ended: (command) => {
          ends[command.index] = (ends[command.index] ?? 0) + 1;
          expect(command.request.residual).toBeGreaterThanOrEqual(0);
          expect(command.request.residual).toBeLessThanOrEqual(LENGTH);
        },
        widened() {},
        unitReset() {},
        lost() {},
      };
      const requests = [0, 1].map((index) => request(region + GUARD + index * (LENGTH + GUARD), LENGTH));
      for (const [index, each] of requests.entries()) {
        const command = new Command(index, each);
        command.inLength = index === 0 ? LENGTH : 0;
        command.outLength = index === 1 ? LENGTH : 0;
        session.send(command);
      }
      const reader = new PduReader(session, RECEIVE_MAXIMUM);
      const bytes = Buffer.concat(list.map(pduBytes));
      let from = 0;
      for (const to of [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
        if (reader.receive(bytes.subarray(from, to)) !== undefined) break;
        from = to;
      }
      outbox.abandon();
      expect(Math.max(...ends)).toBeLessThanOrEqual(1);
      const guards = [region, region + GUARD + LENGTH, region + 2 * GUARD + LENGTH].map((start) => start);
      for (const start of [guards[0] ?? 0, guards[1] ?? 0])
        expect(memory.u8.slice(start, start + GUARD).every((byte) => byte === 0xa5)).toBe(true);
      // What is written to the target is not read into.
      const second = region + 2 * GUARD + LENGTH;
      expect(memory.u8.slice(second, second + LENGTH).every((byte) => byte === 0xa5)).toBe(true);
      memory.free(region, 2 * LENGTH + 4 * GUARD);
    }),
    { numRuns: 1500 },
  );
});

function pduBytes({
  opcode,
  flags,
  tag,
  fields,
  data,
}: {
  opcode: number;
  flags: number;
  tag: number;
  fields: number[];
  data: Uint8Array;
}): Buffer {
  const header = Buffer.alloc(BHS_LENGTH);
  header[0] = opcode;
  header[1] = flags;
  header.writeUIntBE(data.length, 5, 3);
  header.writeUInt32BE(tag, BHS_ITT);
  for (const [index, field] of fields.entries()) header.writeUInt32BE(field, 24 + index * 4);
  return Buffer.concat([header, data, Buffer.alloc(-data.length & 3)]);
}

function request(address: number, length: number): DeviceRequest {
  return {
    cdbOffset: address,
    cdbLength: 10,
    direction: 0,
    dataOffset: address,
    dataLength: length,
    timeout: 1000,
    attribute: 0,
    outcome: "answered",
    status: 0,
    sense: new Uint8Array(252),
    senseLength: 0,
    residual: 0,
    reason: undefined,
    deviceDone() {},
  };
}
