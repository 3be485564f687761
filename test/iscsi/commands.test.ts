import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ASYNC_EVENT,
  ASYNC_MESSAGE,
  DATA_FLAG_STATUS,
  DATA_IN_RESIDUAL,
  DATA_IN_STATUS,
  DATA_OFFSET,
  DATA_SN,
  FLAG_FINAL,
  FLAG_OVERFLOW,
  FLAG_UNDERFLOW,
  LOGOUT_CID,
  LOGOUT_REQUEST,
  LOGOUT_RESPONSE,
  LOGOUT_RESPONSE_CODE,
  NOP_IN,
  NOP_OUT,
  R2T_LENGTH,
  R2T_OFFSET,
  READY_TO_TRANSFER,
  REJECT,
  REJECT_REASON,
  RESERVED_TAG,
  SCSI_COMMAND,
  SCSI_DATA_IN,
  SCSI_RESPONSE,
  SCSI_RESPONSE_RESIDUAL,
  SCSI_RESPONSE_STATUS,
  SNACK_REQUEST,
  TARGET_TRANSFER_TAG,
} from "../../src/abi/iscsi.ts";
import { header, type LoginOptions, type Pdu, RawInitiator } from "./raw-initiator.ts";
import { Served, type ServedOptions } from "./served.ts";

let served: Served;
beforeEach(async () => {
  served = await Served.start();
});
afterEach(() => served.service.close());

/** Another portal with options of its own. */
async function serveWith(options: ServedOptions): Promise<void> {
  await served.service.close();
  served = await Served.start(options);
}

function login(options: LoginOptions = {}): Promise<RawInitiator> {
  return RawInitiator.login(served.port, options);
}

const INQUIRY = [0x12, 0, 0, 0, 36, 0];
const TEST_UNIT_READY = [0];
const read10 = (lba: number, blocks: number) => [0x28, 0, 0, 0, lba >> 8, lba & 0xff, 0, 0, blocks, 0];
const write10 = (lba: number, blocks: number) => [0x2a, 0, 0, 0, lba >> 8, lba & 0xff, 0, 0, blocks, 0];
const pattern = (length: number) => Buffer.from(Array.from({ length }, (_, at) => (at * 7) & 0xff));

/** "0b/47/05" of a SCSI Response with sense data. */
function sense(pdu: Pdu): string {
  expect(pdu.data.readUInt16BE(0)).toBe(pdu.data.length - 2);
  return [pdu.data[4], pdu.data[14], pdu.data[15]].map((value) => (value ?? 0).toString(16).padStart(2, "0")).join("/");
}

function good(pdu: Pdu, itt: number): void {
  expect([pdu.opcode, pdu.itt, pdu.u8(SCSI_RESPONSE_STATUS)]).toEqual([SCSI_RESPONSE, itt, 0]);
}

/** A new session's first command meets no unit attention here: reads `blocks` at `lba` whole. */
async function readBack(initiator: RawInitiator, lba: number, blocks: number): Promise<Buffer> {
  initiator.command(read10(lba, blocks), { read: blocks * 512 });
  const parts: Buffer[] = [];
  for (;;) {
    const pdu = await initiator.next();
    expect(pdu.opcode).toBe(SCSI_DATA_IN);
    expect(pdu.u32(DATA_OFFSET)).toBe(parts.reduce((sum, part) => sum + part.length, 0));
    parts.push(pdu.data);
    if ((pdu.flags & DATA_FLAG_STATUS) !== 0) return Buffer.concat(parts);
  }
}

describe("data", () => {
  test.each([
    ["without digests", {}],
    ["with digests", { HeaderDigest: "CRC32C", DataDigest: "CRC32C" }],
  ])("immediate, unsolicited and solicited data-out all arrive %s", async (_name, digests) => {
    const keys = {
      InitialR2T: "No",
      ImmediateData: "Yes",
      FirstBurstLength: "2048",
      MaxBurstLength: "2048",
      ...digests,
    };
    const initiator = await login({ keys: { ...keys, MaxOutstandingR2T: "1" } });
    const data = pattern(8 * 512);
    const itt = initiator.command(write10(5, 8), { write: data.length, data: data.subarray(0, 512), flags: 0 });
    initiator.dataOut(itt, { offset: 512, data: data.subarray(512, 1024), final: false });
    initiator.dataOut(itt, { offset: 1024, dataSN: 1, data: data.subarray(1024, 2048) });
    const r2t = await initiator.next();
    expect([r2t.opcode, r2t.itt, r2t.u32(R2T_OFFSET), r2t.u32(R2T_LENGTH)]).toEqual([
      READY_TO_TRANSFER,
      itt,
      2048,
      2048,
    ]);
    initiator.dataOut(itt, { tag: r2t.u32(TARGET_TRANSFER_TAG), offset: 2048, data: data.subarray(2048) });
    good(await initiator.next(), itt);
    expect(await readBack(initiator, 5, 8)).toEqual(data);
  });

  test("R2Ts ask for bursts, as many at a time as agreed on", async () => {
    const initiator = await login({
      keys: { MaxBurstLength: "1024", MaxOutstandingR2T: "2", FirstBurstLength: "512" },
    });
    const data = pattern(7 * 512);
    const itt = initiator.command(write10(0, 7), { write: data.length });
    const waiting = [await initiator.next(), await initiator.next()];
    await initiator.settle();
    const seen: number[][] = [];
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const offset = next.u32(R2T_OFFSET);
      const end = offset + next.u32(R2T_LENGTH);
      seen.push([offset, end]);
      initiator.dataOut(itt, { tag: next.u32(TARGET_TRANSFER_TAG), offset, data: data.subarray(offset, end) });
      // The first two of four make room for another each.
      if (seen.length <= 2) waiting.push(await initiator.next());
      else if (waiting.length > 0) await initiator.settle();
    }
    good(await initiator.next(), itt);
    expect(seen).toEqual([
      [0, 1024],
      [1024, 2048],
      [2048, 3072],
      [3072, 3584],
    ]);
    expect(await readBack(initiator, 0, 7)).toEqual(data);
  });

  test("data-in is cut at what the initiator takes, and marked at the end of each burst", async () => {
    const initiator = await login({ keys: { MaxRecvDataSegmentLength: "1024", MaxBurstLength: "2560" } });
    initiator.command(read10(0, 10), { read: 5120 });
    const pdus: Pdu[] = [];
    while (pdus.length === 0 || ((pdus.at(-1)?.flags ?? 0) & DATA_FLAG_STATUS) === 0) pdus.push(await initiator.next());
    expect(pdus.map((pdu) => pdu.data.length)).toEqual([1024, 1024, 512, 1024, 1024, 512]);
    expect(pdus.map((pdu) => pdu.u32(DATA_SN))).toEqual([0, 1, 2, 3, 4, 5]);
    expect(pdus.map((pdu) => (pdu.flags & FLAG_FINAL) !== 0)).toEqual([false, false, true, false, false, true]);
    expect(pdus.at(-1)?.u8(DATA_IN_STATUS)).toBe(0);
  });

  test("a read longer than what is copied is whole, and its buffer is used again", async () => {
    const initiator = await login({ keys: { MaxRecvDataSegmentLength: "262144" } });
    const data = pattern(128 * 512);
    for (let turn = 0; turn < 3; turn++) {
      const itt = initiator.command(write10(0, 128), { write: data.length, data });
      good(await initiator.next(), itt);
      expect(await readBack(initiator, 0, 128)).toEqual(data);
    }
  });

  test("residuals tell too much and too little", async () => {
    const initiator = await login();
    initiator.command(read10(0, 2), { read: 512 });
    const over = await initiator.next();
    expect([over.flags & (FLAG_OVERFLOW | FLAG_UNDERFLOW), over.u32(DATA_IN_RESIDUAL)]).toEqual([FLAG_OVERFLOW, 512]);
    initiator.command(INQUIRY, { read: 100 });
    const under = await initiator.next();
    expect([under.flags & (FLAG_OVERFLOW | FLAG_UNDERFLOW), under.u32(DATA_IN_RESIDUAL)]).toEqual([FLAG_UNDERFLOW, 64]);
    initiator.command(write10(0, 2), { write: 512, data: pattern(512) });
    const written = await initiator.next();
    expect([written.flags & FLAG_OVERFLOW, written.u32(SCSI_RESPONSE_RESIDUAL)]).toEqual([FLAG_OVERFLOW, 512]);
  });

  test("sense data come behind their length", async () => {
    const initiator = await login();
    initiator.command([0xff], { read: 10 });
    const response = await initiator.next();
    expect(response.u8(SCSI_RESPONSE_STATUS)).toBe(2);
    expect(sense(response)).toBe("05/20/00");
  });

  test("a CDB may be longer than its header has room for", async () => {
    const initiator = await login();
    const ahs = Buffer.alloc(20);
    ahs.writeUInt16BE(17, 0);
    ahs[2] = 1;
    initiator.command([0x7f, 0, 0, 0, 0, 0, 0, 24], { ahs });
    expect(sense(await initiator.next())).toBe("05/20/00");
    const lying = Buffer.alloc(4);
    lying.writeUInt16BE(300, 0);
    initiator.command([0x7f], { ahs: lying });
    await initiator.end();
    expect(served.log.reasons).toEqual(["additional header segment of 300 bytes"]);
  });
});

describe("data that are not as agreed on", () => {
  const UNSOLICITED = { InitialR2T: "No", FirstBurstLength: "2048" };

  test("more immediate data than allowed", async () => {
    const initiator = await login({ keys: { FirstBurstLength: "512" } });
    initiator.command(write10(0, 2), { write: 1024, data: pattern(1024) });
    expect(sense(await initiator.next())).toBe("0b/0c/0c");
  });

  test("immediate data, though there was to be none", async () => {
    const initiator = await login({ keys: { ImmediateData: "No" } });
    initiator.command(write10(0, 1), { write: 512, data: pattern(512) });
    expect(sense(await initiator.next())).toBe("0b/0c/0c");
  });

  test("an unsolicited sequence that ends early", async () => {
    const initiator = await login({ keys: UNSOLICITED });
    const itt = initiator.command(write10(0, 4), { write: 2048, flags: 0 });
    initiator.dataOut(itt, { offset: 0, data: pattern(512) });
    expect(sense(await initiator.next())).toBe("0b/0c/0d");
  });

  test("a DataSN that jumps ends the command when the rest has come", async () => {
    const initiator = await login({ keys: UNSOLICITED });
    const itt = initiator.command(write10(0, 4), { write: 2048, flags: 0 });
    initiator.dataOut(itt, { offset: 0, dataSN: 3, data: pattern(512), final: false });
    await initiator.settle();
    initiator.dataOut(itt, { offset: 512, dataSN: 4, data: pattern(1536) });
    expect(sense(await initiator.next())).toBe("0b/47/05");
    await initiator.settle();
  });

  test("data for a command that is not there go nowhere", async () => {
    const initiator = await login();
    initiator.dataOut(4711, { offset: 0, data: pattern(512) });
    await initiator.settle();
  });

  test("a lie about an R2T loses the connection", async () => {
    const initiator = await login();
    const itt = initiator.command(write10(0, 4), { write: 2048 });
    const r2t = await initiator.next();
    initiator.dataOut(itt, { tag: r2t.u32(TARGET_TRANSFER_TAG), offset: 1024, data: pattern(1024) });
    await initiator.end();
    expect(served.log.reasons).toEqual(["Data-Out at offset 1024 instead of 0"]);
  });

  test("a wrong data digest ends the command, a wrong header digest the connection", async () => {
    const keys = { HeaderDigest: "CRC32C", DataDigest: "CRC32C", ...UNSOLICITED };
    const initiator = await login({ keys });
    const itt = initiator.command(write10(0, 1), { write: 512, flags: 0 });
    const data = pattern(512);
    const fields = { opcode: 5, itt, u32: { [TARGET_TRANSFER_TAG]: RESERVED_TAG }, data };
    initiator.write(header(fields), data, { data: true });
    const reject = await initiator.next();
    expect([reject.opcode, reject.u8(REJECT_REASON)]).toEqual([REJECT, 2]);
    expect(sense(await initiator.next())).toBe("0b/47/05");
    await initiator.settle();
    initiator.write(header({ opcode: NOP_OUT }), undefined, { header: true });
    await initiator.end();
    expect(served.log.reasons).toEqual(["header digest is wrong"]);
  });
});

describe("command order", () => {
  test("what is outside the window is ignored", async () => {
    const initiator = await login();
    initiator.command(TEST_UNIT_READY, { cmdSN: 0 });
    initiator.command(TEST_UNIT_READY, { cmdSN: 1000 });
    initiator.command(TEST_UNIT_READY, { cmdSN: 0x8000_0000 });
    await initiator.settle();
    const itt = initiator.command(TEST_UNIT_READY);
    good(await initiator.next(), itt);
  });

  test("a command ahead of its turn waits for it, and the same CmdSN again is ignored", async () => {
    const initiator = await login();
    const third = initiator.command(INQUIRY, { cmdSN: 3, read: 36 });
    const second = initiator.command(TEST_UNIT_READY, { cmdSN: 2 });
    initiator.command(TEST_UNIT_READY, { cmdSN: 2 });
    await initiator.settle();
    const first = initiator.command(TEST_UNIT_READY, { cmdSN: 1 });
    expect([(await initiator.next()).itt, (await initiator.next()).itt, (await initiator.next()).itt]).toEqual([
      first,
      second,
      third,
    ]);
    await initiator.settle();
  });

  test("the window opens with answers only", async () => {
    await serveWith({ limits: { queueDepth: 2 } });
    const initiator = await login({ cmdSN: 0xffff_ffff });
    const first = initiator.command(read10(0, 1), { lun: 1, read: 512, cmdSN: 0xffff_ffff });
    initiator.command(read10(0, 1), { lun: 1, read: 512, cmdSN: 0 });
    initiator.command(read10(0, 1), { lun: 1, read: 512, cmdSN: 1 });
    initiator.cmdSN = 1;
    await initiator.settle();
    expect(served.hand.pending).toHaveLength(2);
    served.hand.end();
    const answer = await initiator.next();
    expect([answer.itt, answer.maxCmdSN]).toEqual([first, 1]);
  });

  test("an immediate command passes by, but not any number of them", async () => {
    const initiator = await login();
    for (let count = 0; count < 8; count++) initiator.command(read10(0, 1), { lun: 1, read: 512, immediate: true });
    initiator.command(read10(0, 1), { lun: 1, read: 512, immediate: true });
    const reject = await initiator.next();
    expect([reject.opcode, reject.u8(REJECT_REASON)]).toEqual([REJECT, 6]);
    expect(served.hand.pending).toHaveLength(8);
  });

  test("two connections share one order; each answers its own commands", async () => {
    const first = await login({ keys: { MaxConnections: "2" } });
    const second = await login({ cid: 1, tsih: first.tsih });
    const onSecond = second.command(TEST_UNIT_READY, { cmdSN: 2, itt: 50 });
    await second.settle();
    const onFirst = first.command(TEST_UNIT_READY, { cmdSN: 1 });
    good(await first.next(), onFirst);
    good(await second.next(), onSecond);
    const third = await RawInitiator.connect(served.port);
    expect((await third.logIn({ cid: 2, tsih: first.tsih })).u16(36)).toBe(0x0206);
    second.request({ opcode: LOGOUT_REQUEST, flags: 0x81, cmdSN: 3, u32: { [LOGOUT_CID]: 1 << 16 } });
    expect((await second.next()).opcode).toBe(LOGOUT_RESPONSE);
    await second.end();
    first.cmdSN = 4;
    await first.settle();
  });
});

describe("rejects", () => {
  test.each([
    ["an unknown opcode", { opcode: 0x1c }, 5],
    ["a SNACK", { opcode: SNACK_REQUEST }, 3],
    ["a bidirectional command", { opcode: SCSI_COMMAND, flags: 0xe1, itt: 9 }, 5],
    ["a reserved task attribute", { opcode: SCSI_COMMAND, flags: 0x87, itt: 9 }, 9],
    ["a reserved task tag", { opcode: SCSI_COMMAND, flags: 0x81, itt: RESERVED_TAG }, 9],
  ])("%s", async (_name, fields, reason) => {
    const initiator = await login();
    initiator.request(fields);
    const reject = await initiator.next();
    expect([reject.opcode, reject.u8(REJECT_REASON), reject.data.length]).toEqual([REJECT, reason, 48]);
    await initiator.settle();
  });

  test("a task tag that is in use", async () => {
    const initiator = await login();
    initiator.command(read10(0, 1), { lun: 1, read: 512, itt: 7 });
    initiator.command(read10(0, 1), { lun: 1, read: 512, itt: 7 });
    expect((await initiator.next()).u8(REJECT_REASON)).toBe(7);
    served.hand.end();
    expect((await initiator.next()).itt).toBe(7);
    const next = initiator.command(TEST_UNIT_READY);
    good(await initiator.next(), next);
  });
});

describe("keeping in touch", () => {
  test("a ping comes back with its data", async () => {
    const initiator = await login();
    const data = pattern(100);
    const itt = initiator.request({ opcode: NOP_OUT, data, u32: { [TARGET_TRANSFER_TAG]: RESERVED_TAG } });
    const answer = await initiator.next();
    expect([answer.opcode, answer.itt]).toEqual([NOP_IN, itt]);
    expect(answer.data).toEqual(data);
  });

  test("a silent initiator is asked, and lost when it does not answer", async () => {
    await serveWith({ limits: { idleTimeout: 150, pingTimeout: 100 } });
    const initiator = await login();
    const ping = await initiator.next();
    expect([ping.opcode, ping.itt]).toEqual([NOP_IN, RESERVED_TAG]);
    const tag = ping.u32(TARGET_TRANSFER_TAG);
    initiator.request({ opcode: NOP_OUT, immediate: true, itt: RESERVED_TAG, u32: { [TARGET_TRANSFER_TAG]: tag } });
    expect((await initiator.next()).opcode).toBe(NOP_IN);
    await initiator.end();
    expect(served.log.reasons).toEqual(["no answer to NOP-In"]);
  });

  test("logout closes the session", async () => {
    const initiator = await login();
    initiator.request({ opcode: LOGOUT_REQUEST, flags: 0x80 });
    const response = await initiator.next();
    expect([response.opcode, response.u8(LOGOUT_RESPONSE_CODE)]).toEqual([LOGOUT_RESPONSE, 0]);
    await initiator.end();
    expect(served.service.sessions).toHaveLength(0);
  });

  test.each([
    ["a connection that is not there", 0x81, 1],
    ["recovery", 0x82, 2],
  ])("logout of %s is refused", async (_name, flags, code) => {
    const initiator = await login();
    initiator.request({ opcode: LOGOUT_REQUEST, flags, u32: { [LOGOUT_CID]: 5 << 16 } });
    expect((await initiator.next()).u8(LOGOUT_RESPONSE_CODE)).toBe(code);
    await initiator.settle();
  });

  test("a target that stops asks for logout, then drops", async () => {
    const initiator = await login();
    const closing = served.service.close();
    const request = await initiator.next();
    expect([request.opcode, request.u8(ASYNC_EVENT)]).toEqual([ASYNC_MESSAGE, 1]);
    const drop = await initiator.next();
    expect([drop.opcode, drop.u8(ASYNC_EVENT)]).toEqual([ASYNC_MESSAGE, 2]);
    await initiator.end();
    await closing;
    served = await Served.start();
  });

  test("an initiator that reads nothing is not read from any more", async () => {
    const initiator = await login({ keys: { MaxRecvDataSegmentLength: "262144" } });
    initiator.pause();
    const WAVES = 12;
    const A_WAVE = 50;
    for (let wave = 0; wave < WAVES; wave++) {
      for (let count = 0; count < A_WAVE; count++) initiator.command(read10(0, 128), { read: 65_536, immediate: true });
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    expect(served.service.sessions[0]?.commands).toBeLessThan(WAVES * A_WAVE);
    initiator.resume();
    for (let count = 0; count < WAVES * A_WAVE; count++) expect((await initiator.next()).data).toHaveLength(65_536);
  });
});
