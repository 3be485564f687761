import { afterEach, expect, test } from "vitest";
import {
  FLAG_CONTINUE,
  FLAG_FINAL,
  LOGIN_REQUEST,
  LOGIN_RESPONSE,
  LOGIN_STATUS,
  LOGIN_TSIH,
  LOGIN_VERSION_MIN,
  OPCODE_IMMEDIATE,
  RESERVED_TAG,
  TARGET_TRANSFER_TAG,
  TEXT_REQUEST,
} from "../../src/abi/iscsi.ts";
import { chapResponse, formatBinary, parseBinary } from "../../src/iscsi/chap-response.ts";
import { formatText } from "../../src/iscsi/text.ts";
import { header, INITIATOR, identification, type Pdu, RawInitiator } from "./raw-initiator.ts";
import { Served, type ServedOptions, TARGET } from "./served.ts";

let served: Served | undefined;
afterEach(async () => {
  await served?.service.close();
  served = undefined;
});

async function serve(options: ServedOptions = {}): Promise<Served> {
  served = await Served.start(options);
  return served;
}

const CHAP = { user: "user", secret: "secret of the user", mutualUser: "target", mutualSecret: "secret of ours" };
const SECURITY_TO_OPERATIONAL = 0x81;
const SECURITY = 0x00;
const OPERATIONAL_TO_FULL = 0x87;

function status(pdu: Pdu): string {
  return pdu.u16(LOGIN_STATUS).toString(16).padStart(4, "0");
}

test("a login answers every key that was offered, and declares what the target takes", async () => {
  const { port } = await serve();
  const initiator = await RawInitiator.connect(port);
  const response = await initiator.logIn({
    keys: { MaxRecvDataSegmentLength: "65536", InitialR2T: "No", MaxConnections: "1", ErrorRecoveryLevel: "0" },
  });
  expect(response.opcode).toBe(LOGIN_RESPONSE);
  expect(status(response)).toBe("0000");
  expect(response.flags).toBe(OPERATIONAL_TO_FULL);
  expect(response.u16(LOGIN_TSIH)).not.toBe(0);
  expect(Object.fromEntries(response.text)).toEqual({
    TargetPortalGroupTag: "1",
    InitialR2T: "No",
    MaxConnections: "1",
    ErrorRecoveryLevel: "0",
    MaxRecvDataSegmentLength: "262144",
  });
});

test.each<[string, Record<string, string>, { tsih?: number }, string]>([
  ["no InitiatorName", { TargetName: TARGET }, {}, "0207"],
  ["no TargetName", { InitiatorName: INITIATOR }, {}, "0207"],
  ["a strange InitiatorName", { InitiatorName: "me", TargetName: TARGET }, {}, "0200"],
  ["a target that is not there", { InitiatorName: INITIATOR, TargetName: "iqn.2026-11.net.example:no" }, {}, "0203"],
  ["an unknown session type", { InitiatorName: INITIATOR, SessionType: "Odd" }, {}, "0209"],
  ["a session that is not there", { InitiatorName: INITIATOR, TargetName: TARGET }, { tsih: 77 }, "020a"],
  ["discovery in a session", { InitiatorName: INITIATOR, SessionType: "Discovery" }, { tsih: 77 }, "0208"],
])("%s ends the login", async (_name, keys, options, expected) => {
  const { port, log } = await serve();
  const initiator = await RawInitiator.connect(port);
  initiator.loginRequest(OPERATIONAL_TO_FULL, keys, options);
  expect(status(await initiator.next())).toBe(expected);
  await initiator.end();
  expect(log.reasons).toEqual([expect.stringContaining(`status ${expected}`)]);
});

test("a version that is too new is refused", async () => {
  const { port } = await serve();
  const initiator = await RawInitiator.connect(port);
  const bytes = header({ opcode: LOGIN_REQUEST | OPCODE_IMMEDIATE, flags: OPERATIONAL_TO_FULL });
  bytes[LOGIN_VERSION_MIN] = 1;
  initiator.raw(bytes);
  expect(status(await initiator.next())).toBe("0205");
  await initiator.end();
});

test.each([
  ["stage 2", 0x88],
  ["a transit backwards", 0x84],
  ["a transit to stage 2", 0x86],
  ["T and C bit together", 0xc7],
])("%s is an invalid request", async (_name, flags) => {
  const { port } = await serve();
  const initiator = await RawInitiator.connect(port);
  initiator.loginRequest(flags, identification({}));
  expect(status(await initiator.next())).toBe("020b");
  await initiator.end();
});

test("an initiator that the list does not have is refused, and does not see the target", async () => {
  const { port } = await serve({ initiators: ["iqn.2026-11.net.example:friend"] });
  const stranger = await RawInitiator.connect(port);
  expect(status(await stranger.logIn())).toBe("0202");
  const friend = await RawInitiator.connect(port);
  expect(status(await friend.logIn({ initiator: "iqn.2026-11.net.example:friend" }))).toBe("0000");
  const discovery = await RawInitiator.login(port, { discovery: true, isid: "800000000009" });
  expect((await sendTargets(discovery, "All")).data.length).toBe(0);
});

async function sendTargets(initiator: RawInitiator, name: string): Promise<Pdu> {
  const data = formatText([["SendTargets", name]]);
  initiator.request({ opcode: TEXT_REQUEST, data, u32: { [TARGET_TRANSFER_TAG]: RESERVED_TAG } });
  return initiator.next();
}

test("discovery lists every portal of a target with its portal group", async () => {
  const { port, portAt } = Object.assign(await serve({ portals: 2 }), {});
  const discovery = await RawInitiator.login(port, { discovery: true });
  const second = served?.portAt(1) ?? 0;
  expect(portAt).toBeDefined();
  const expected = `TargetName=${TARGET}\0TargetAddress=127.0.0.1:${port},1\0TargetAddress=127.0.0.1:${second},2\0`;
  expect((await sendTargets(discovery, "All")).data.toString()).toBe(expected);
  expect((await sendTargets(discovery, TARGET)).data.toString()).toBe(expected);
  expect((await sendTargets(discovery, "iqn.2026-11.net.example:no")).data.toString()).toBe("");
});

test("a long answer comes in parts, each asked for by its tag", async () => {
  const { port } = await serve({ portals: 30 });
  const discovery = await RawInitiator.login(port, { discovery: true, keys: { MaxRecvDataSegmentLength: "512" } });
  let part = await sendTargets(discovery, "All");
  let text = part.data.toString();
  while ((part.flags & FLAG_FINAL) === 0) {
    expect(part.data.length).toBe(512);
    discovery.request({ opcode: TEXT_REQUEST, u32: { [TARGET_TRANSFER_TAG]: part.u32(TARGET_TRANSFER_TAG) } });
    part = await discovery.next();
    text += part.data.toString();
  }
  expect(text.match(/TargetAddress=/g)).toHaveLength(30);
});

test("text of a login may come in parts", async () => {
  const { port } = await serve();
  const initiator = await RawInitiator.connect(port);
  initiator.loginRequest(0x04 | FLAG_CONTINUE, { InitiatorName: INITIATOR });
  const more = await initiator.next();
  expect([status(more), more.data.length, more.flags & FLAG_FINAL]).toEqual(["0000", 0, 0]);
  initiator.loginRequest(OPERATIONAL_TO_FULL, { TargetName: TARGET });
  expect(status(await initiator.next())).toBe("0000");
});

/** Goes through CHAP; `spoil` changes the response. */
async function chapLogin(port: number, spoil: (keys: Record<string, string>) => Record<string, string>) {
  const initiator = await RawInitiator.connect(port);
  initiator.loginRequest(SECURITY, { ...identification({}), AuthMethod: "CHAP,None" });
  expect((await initiator.next()).text.get("AuthMethod")).toBe("CHAP");
  initiator.loginRequest(SECURITY, { CHAP_A: "5" });
  const { text } = await initiator.next();
  const challenge = parseBinary(text.get("CHAP_C")) ?? Buffer.alloc(0);
  const response = chapResponse(Buffer.of(Number(text.get("CHAP_I"))), CHAP.secret, challenge);
  const keys = { CHAP_N: CHAP.user, CHAP_R: formatBinary(response) };
  initiator.loginRequest(SECURITY_TO_OPERATIONAL, spoil(keys));
  return { initiator, response: await initiator.next() };
}

test("CHAP lets in who knows the secret, and the target proves itself", async () => {
  const { port } = await serve({ chap: CHAP });
  const { initiator, response } = await chapLogin(port, (keys) => ({ ...keys, CHAP_I: "1", CHAP_C: "0xabcd" }));
  expect(response.flags).toBe(SECURITY_TO_OPERATIONAL);
  expect(response.text.get("CHAP_N")).toBe("target");
  const ours = chapResponse(Buffer.of(1), CHAP.mutualSecret, Buffer.of(0xab, 0xcd));
  expect(response.text.get("CHAP_R")).toBe(formatBinary(ours));
  initiator.loginRequest(OPERATIONAL_TO_FULL, {});
  expect(status(await initiator.next())).toBe("0000");
});

test("CHAP keeps everybody else out", async () => {
  const { port } = await serve({ chap: CHAP });
  const wrong = await chapLogin(port, (keys) => ({ ...keys, CHAP_R: `0x${"11".repeat(16)}` }));
  expect(status(wrong.response)).toBe("0201");
  await wrong.initiator.end();
  for (const [flags, keys] of [
    [OPERATIONAL_TO_FULL, {}],
    [0x83, {}],
    [SECURITY, { AuthMethod: "None" }],
  ] as const) {
    const initiator = await RawInitiator.connect(port);
    initiator.loginRequest(flags, { ...identification({}), ...keys });
    expect(status(await initiator.next())).toBe("0201");
    await initiator.end();
  }
});

test("an initiator port that logs in again has its old session ended", async () => {
  const { port, service } = await serve();
  const old = await RawInitiator.login(port);
  const other = await RawInitiator.login(port, { isid: "800000000002" });
  await RawInitiator.login(port);
  await old.end();
  expect(service.sessions).toHaveLength(2);
  await other.settle();
});

test("a login that has not proved itself ends nobody's session", async () => {
  const { port } = await serve({ chap: CHAP });
  const { initiator } = await chapLogin(port, (keys) => keys);
  initiator.loginRequest(OPERATIONAL_TO_FULL, {});
  await initiator.next();
  const impostor = await RawInitiator.connect(port);
  expect(status(await impostor.logIn())).toBe("0201");
  await initiator.settle();
});

test("sessions, connections and the time for a login are limited", async () => {
  const { port, log } = await serve({ limits: { sessions: 1, connections: 2, loginTimeout: 100 } });
  const first = await RawInitiator.login(port);
  const second = await RawInitiator.connect(port);
  expect(status(await second.logIn({ isid: "800000000002" }))).toBe("0302");
  await second.end();
  const silent = await RawInitiator.connect(port);
  const surplus = await RawInitiator.connect(port);
  await surplus.end();
  await silent.end();
  expect(log.reasons).toContain("login took too long");
  await first.settle();
});

test("anything but a login, and a login that never ends, lose the connection", async () => {
  const { port, log } = await serve();
  const early = await RawInitiator.connect(port);
  early.command([0]);
  await early.end();
  const endless = await RawInitiator.connect(port);
  for (let step = 0; step < 17; step++) endless.loginRequest(0x04, step === 0 ? identification({}) : {});
  await endless.end();
  const long = await RawInitiator.connect(port);
  for (let part = 0; part < 5; part++) long.loginRequest(0x04 | FLAG_CONTINUE, { InitiatorName: "x".repeat(8000) });
  await long.end();
  expect(log.reasons).toEqual([
    "a request before the login",
    expect.stringMatching(/more than 16 requests/),
    expect.stringMatching(/login text of more than/),
  ]);
});
