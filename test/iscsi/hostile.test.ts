import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BHS_AHS_LENGTH, BHS_DATA_LENGTH, LOGIN_STATUS } from "../../src/abi/iscsi.ts";
import { header, identification, RawInitiator } from "./raw-initiator.ts";
import { Served } from "./served.ts";

/** A run that failed is repeated with VSCSI_FUZZ_SEED. */
const SEED = Number(process.env.VSCSI_FUZZ_SEED ?? Date.now() % 0x7fffffff);
const ATTACKS = 150;
/** What garbage may make the process hold, in bytes. */
const MEMORY_BOUND = 192 << 20;

let served: Served;
let honest: RawInitiator;
beforeAll(async () => {
  console.info(`hostile initiators: seed ${SEED}`);
  served = await Served.start({ limits: { loginTimeout: 300, idleTimeout: 400, pingTimeout: 100 } });
  honest = await login("800000000099");
});
afterAll(() => served.service.close());

function login(isid: string): Promise<RawInitiator> {
  return RawInitiator.login(served.port, { isid, keys: { InitialR2T: "No", MaxOutstandingR2T: "4" } });
}

/** The daemon goes on for everybody else. */
async function othersLive(): Promise<void> {
  await honest.settle();
  const another = await login("800000000098");
  another.command([0x12, 0, 0, 0, 36, 0], { read: 36 });
  expect((await another.next()).data).toHaveLength(36);
  another.destroy();
}

const OPCODES = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x1c, 0x1e, 0x20, 0x21, 0x3f];
const REQUEST = fc.record({
  opcode: fc.constantFrom(...OPCODES),
  immediate: fc.boolean(),
  flags: fc.nat(255),
  itt: fc.constantFrom(0, 1, 2, 3, 0xffffffff),
  fields: fc.uint8Array({ minLength: 28, maxLength: 28 }),
  cmdSN: fc.constantFrom(1, 2, 3, 4, 5, 200, 0xffffffff),
  lun: fc.constantFrom(0, 1, 2, 255),
  cdb: fc.constantFrom<readonly number[]>(
    [0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0],
    [0x2a, 0, 0, 0, 0, 0, 0, 0, 8, 0],
    [0x12, 1, 0x83, 1, 0],
    [0xa0, 0, 0, 0, 0, 0, 0, 0, 16, 0],
    [0x7f, 0, 0, 0, 0, 0, 0, 200],
  ),
  length: fc.constantFrom(0, 1, 512, 4096, 0xffffffff),
  data: fc.uint8Array({ maxLength: 1500 }),
  /** The data segment and additional header lengths lie. */
  lie: fc.option(fc.record({ data: fc.nat(0xffffff), ahs: fc.nat(255) }), { freq: 5 }),
});

/** Bytes of a request that is nearly right. */
function requestBytes(request: typeof REQUEST extends fc.Arbitrary<infer T> ? T : never): Buffer {
  const { opcode, immediate, flags, itt, fields, cmdSN, lun, cdb, length, data, lie } = request;
  const bytes = header({ opcode: opcode | (immediate ? 0x40 : 0), flags, itt, lun, data, u32: {} });
  if (opcode === 0x01) {
    bytes.writeUInt32BE(length, 20);
    Buffer.from(cdb).copy(bytes, 32);
  } else {
    Buffer.from(fields).copy(bytes, 20);
  }
  bytes.writeUInt32BE(cmdSN, 24);
  if (lie !== null) {
    bytes.writeUIntBE(lie.data, BHS_DATA_LENGTH, 3);
    bytes[BHS_AHS_LENGTH] = lie.ahs;
  }
  const padded = Buffer.alloc((data.length + 3) & ~3);
  padded.set(data);
  return Buffer.concat([bytes, padded]);
}

test("requests that are nearly right hurt nobody else", { timeout: 120_000 }, async () => {
  const before = process.memoryUsage.rss();
  let lost = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(REQUEST, { minLength: 1, maxLength: 12 }), async (requests) => {
      const attacker = await login("800000000001");
      const warnings = served.log.warnings.length;
      attacker.raw(Buffer.concat(requests.map(requestBytes)));
      await honest.settle();
      await new Promise((resolve) => setImmediate(resolve));
      while (served.hand.pending.length > 0) served.hand.end();
      if (served.log.warnings.length > warnings) lost++;
      for (const { reason } of served.log.warnings.slice(warnings)) expect(reason).not.toBe("");
      attacker.destroy();
    }),
    { seed: SEED, numRuns: ATTACKS, endOnFailure: true },
  );
  expect(lost).toBeGreaterThan(0);
  await othersLive();
  expect(process.memoryUsage.rss() - before).toBeLessThan(MEMORY_BOUND);
  // Nothing of ours broke on the way.
  expect(served.log.lines.filter((line) => line.includes("command handler failed"))).toEqual([]);
});

test("garbage in place of a login loses its own connection only", { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 48, maxLength: 3000 }), async (bytes) => {
      const attacker = await RawInitiator.connect(served.port);
      attacker.raw(bytes);
      await attacker.end();
    }),
    { seed: SEED, numRuns: 20, endOnFailure: true },
  );
  await othersLive();
});

test("login texts of garbage are refused or answered", { timeout: 60_000 }, async () => {
  const keys = fc.dictionary(
    fc.constantFrom(
      "AuthMethod",
      "CHAP_A",
      "CHAP_R",
      "HeaderDigest",
      "MaxBurstLength",
      "SessionType",
      "TargetName",
      "X-a",
    ),
    fc.string({ maxLength: 400 }).map((text) => text.replaceAll("\0", "")),
  );
  await fc.assert(
    fc.asyncProperty(keys, fc.nat(255), async (pairs, flags) => {
      const attacker = await RawInitiator.connect(served.port);
      attacker.loginRequest(flags, { ...identification({ isid: "800000000003" }), ...pairs }, { isid: "800000000003" });
      const answer = await attacker.next();
      expect([0, 2, 3]).toContain(answer.u16(LOGIN_STATUS) >> 8);
      attacker.destroy();
      // One that says nothing for long is dropped, which on a busy machine is soon.
      await honest.settle();
    }),
    { seed: SEED, numRuns: 100, endOnFailure: true },
  );
  await othersLive();
});

test("silence, half a PDU, and a byte now and then end by time-out", { timeout: 60_000 }, async () => {
  const silent = await RawInitiator.connect(served.port);
  const half = await login("800000000004");
  half.raw(header({ opcode: 0 }).subarray(0, 20));
  const slow = await login("800000000005");
  const drip = setInterval(() => slow.raw(Buffer.alloc(1)), 20);
  await Promise.all([silent.end(), half.end(), slow.end()]);
  clearInterval(drip);
  expect(served.log.reasons).toEqual(expect.arrayContaining(["login took too long", "no answer to NOP-In"]));
  // Also the honest one was silent for that long.
  honest = await login("800000000099");
  await othersLive();
});

test("a claim of much data costs nothing until the data come", async () => {
  const before = process.memoryUsage.rss();
  const attackers = await Promise.all(
    Array.from({ length: 20 }, (_, at) => login(`8000000001${at.toString().padStart(2, "0")}`)),
  );
  for (const attacker of attackers) {
    // Beyond the limit at once; and at the limit, over and over.
    for (let count = 0; count < 100; count++) attacker.command([0x2a], { write: 0x100_0000, flags: 0 });
    await honest.settle();
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(MEMORY_BOUND * 2);
  for (const attacker of attackers) attacker.destroy();
  await othersLive();
});
