import fc from "fast-check";
import { expect, test } from "vitest";
import { Parameters } from "../../src/iscsi/parameters.ts";
import { formatText, parseText } from "../../src/iscsi/text.ts";
import { negotiate, type Phase } from "../../src/ports/iscsi/negotiation.ts";

const OURS = {
  maxConnections: 4,
  maxBurstLength: 1_048_576,
  firstBurstLength: 262_144,
  maxOutstandingR2T: 4,
  maxRecvDataSegmentLength: 262_144,
};
const LEADING: Phase = { leading: true, discovery: false, fullFeature: false };

function answer(key: string, value: string, phase: Partial<Phase> = {}, parameters = new Parameters()) {
  return negotiate(key, value, { ...LEADING, ...phase }, parameters, OURS);
}

test.each([
  ["HeaderDigest", "CRC32C,None", "CRC32C"],
  ["HeaderDigest", "None,CRC32C", "None"],
  ["DataDigest", "X-odd,CRC32C", "CRC32C"],
  ["DataDigest", "X-odd", "Reject"],
  ["MaxConnections", "8", "4"],
  ["MaxConnections", "0", "Reject"],
  ["InitialR2T", "No", "No"],
  ["InitialR2T", "Yes", "Yes"],
  ["InitialR2T", "yes", "Reject"],
  ["ImmediateData", "No", "No"],
  ["MaxBurstLength", "0x10000", "65536"],
  ["MaxBurstLength", "16777215", "1048576"],
  ["MaxBurstLength", "511", "Reject"],
  ["FirstBurstLength", "1048576", "262144"],
  ["MaxOutstandingR2T", "2", "2"],
  ["DefaultTime2Wait", "0", "0"],
  ["DefaultTime2Retain", "20", "0"],
  ["DataPDUInOrder", "No", "Yes"],
  ["DataSequenceInOrder", "No", "Yes"],
  ["ErrorRecoveryLevel", "2", "0"],
  ["MaxRecvDataSegmentLength", "8192", undefined],
  ["MaxRecvDataSegmentLength", "16777216", "Reject"],
  ["IFMarker", "Yes", "No"],
  ["OFMarkInt", "1~2", "Irrelevant"],
  ["TaskReporting", "FastAbort,RFC3720", "RFC3720"],
  ["X-com.example", "1", "NotUnderstood"],
])("%s=%s is answered with %s", (key, value, expected) => {
  expect(answer(key, value)).toBe(expected);
});

test("what a phase does not allow is not negotiated", () => {
  expect(answer("MaxBurstLength", "65536", { discovery: true })).toBe("Irrelevant");
  expect(answer("MaxBurstLength", "65536", { leading: false })).toBe("Reject");
  expect(answer("HeaderDigest", "CRC32C", { leading: false })).toBe("CRC32C");
  expect(answer("HeaderDigest", "CRC32C", { fullFeature: true, leading: false })).toBe("Reject");
  const parameters = new Parameters();
  expect(answer("MaxRecvDataSegmentLength", "4096", { fullFeature: true }, parameters)).toBeUndefined();
  expect(parameters.sendDataMaximum).toBe(4096);
});

test("a first burst never exceeds the burst, in whichever order they came", () => {
  const parameters = new Parameters();
  answer("FirstBurstLength", "65536", {}, parameters);
  answer("MaxBurstLength", "4096", {}, parameters);
  expect(parameters.unsolicitedMaximum).toBe(4096);
});

test("another connection begins with the session's values and digests of its own", () => {
  const parameters = new Parameters();
  answer("HeaderDigest", "CRC32C", {}, parameters);
  answer("MaxBurstLength", "4096", {}, parameters);
  expect(parameters.forConnection()).toMatchObject({ headerDigest: false, maxBurstLength: 4096 });
});

const KEYS = ["HeaderDigest", "MaxConnections", "InitialR2T", "MaxBurstLength", "FirstBurstLength", "DefaultTime2Wait"];

test("whatever is offered, parameters stay in their ranges", () => {
  const offer = fc.tuple(
    fc.oneof(fc.constantFrom(...KEYS, "MaxRecvDataSegmentLength", "MaxOutstandingR2T"), fc.string()),
    fc.oneof(fc.string(), fc.integer().map(String), fc.constantFrom("Yes", "No", "CRC32C", "0x", "0xffffffff", "1e3")),
  );
  fc.assert(
    fc.property(fc.array(offer, { maxLength: 30 }), (offers) => {
      const parameters = new Parameters();
      for (const [key, value] of offers) answer(key, value, {}, parameters);
      for (const length of [parameters.maxBurstLength, parameters.firstBurstLength, parameters.sendDataMaximum]) {
        expect(length).toBeGreaterThanOrEqual(512);
        expect(length).toBeLessThanOrEqual(0xffffff);
      }
      expect(parameters.maxConnections).toBeGreaterThanOrEqual(1);
      expect(parameters.maxConnections).toBeLessThanOrEqual(OURS.maxConnections);
      expect(parameters.maxOutstandingR2T).toBeLessThanOrEqual(OURS.maxOutstandingR2T);
    }),
  );
});

test("text comes back as it was made", () => {
  const key = fc.stringMatching(/^[A-Z][A-Za-z0-9.]{0,20}$/);
  const value = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"));
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name, maxLength: 20 }), (pairs) => {
      expect([...(parseText(formatText(pairs)) ?? [])]).toEqual(pairs);
    }),
  );
});

test.each([
  ["no equals sign", "InitiatorName\0"],
  ["the same key twice", "A=1\0A=2\0"],
  ["a key of 64 bytes", `${"A".repeat(64)}=1\0`],
  ["an empty key", "=1\0"],
  ["too many keys", Array.from({ length: 65 }, (_, at) => `K${at}=1\0`).join("")],
])("text is malformed with %s", (_name, text) => {
  expect(parseText(Buffer.from(text))).toBeUndefined();
});

test("bytes that are no text are refused, never thrown at", () => {
  expect(parseText(Buffer.from([0x41, 0x3d, 0xff, 0]))).toBeUndefined();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void parseText(bytes)));
});
