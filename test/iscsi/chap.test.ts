import fc from "fast-check";
import { expect, test } from "vitest";
import { chapResponse, formatBinary, parseBinary } from "../../src/iscsi/chap-response.ts";
import { ChapExchange } from "../../src/ports/iscsi/chap.ts";

const CREDENTIALS = {
  user: "user",
  secret: "secret of the user",
  mutualUser: "target",
  mutualSecret: "secret of ours",
};

function keys(pairs: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(pairs));
}

/** Begins an exchange. @returns identifier and challenge */
function begin(exchange: ChapExchange) {
  const step = exchange.step(keys({ CHAP_A: "7,5" }));
  if ("failure" in step) throw new Error(step.failure);
  const answer = new Map(step.answer);
  expect(answer.get("CHAP_A")).toBe("5");
  return {
    id: Buffer.of(Number(answer.get("CHAP_I"))),
    challenge: parseBinary(answer.get("CHAP_C")) ?? Buffer.alloc(0),
  };
}

function rightAnswer(id: Uint8Array, challenge: Uint8Array): Record<string, string> {
  return { CHAP_N: "user", CHAP_R: formatBinary(chapResponse(id, CREDENTIALS.secret, challenge)) };
}

test("who knows the secret is let in", () => {
  const exchange = new ChapExchange(CREDENTIALS);
  const { id, challenge } = begin(exchange);
  expect(exchange.step(keys(rightAnswer(id, challenge)))).toEqual({ answer: [], done: true });
});

test("each exchange has a challenge of its own", () => {
  expect(begin(new ChapExchange(CREDENTIALS)).challenge).not.toEqual(begin(new ChapExchange(CREDENTIALS)).challenge);
});

test("the target proves itself when asked", () => {
  const exchange = new ChapExchange(CREDENTIALS);
  const { id, challenge } = begin(exchange);
  const step = exchange.step(keys({ ...rightAnswer(id, challenge), CHAP_I: "9", CHAP_C: "0x0102" }));
  const ours = formatBinary(chapResponse(Buffer.of(9), CREDENTIALS.mutualSecret, Buffer.of(1, 2)));
  expect(step).toEqual({
    answer: [
      ["CHAP_N", "target"],
      ["CHAP_R", ours],
    ],
    done: true,
  });
});

test.each<[string, (right: Record<string, string>, challenge: Buffer) => Record<string, string>, RegExp]>([
  ["a wrong secret", (right) => ({ ...right, CHAP_R: `0x${"00".repeat(16)}` }), /wrong/],
  ["a wrong user", (right) => ({ ...right, CHAP_N: "other" }), /wrong/],
  ["a short response", (right) => ({ ...right, CHAP_R: "0x00" }), /malformed/],
  ["no response", () => ({}), /malformed/],
  [
    "our challenge reflected",
    (right, challenge) => ({ ...right, CHAP_I: "1", CHAP_C: formatBinary(challenge) }),
    /reflected/,
  ],
  ["half a challenge", (right) => ({ ...right, CHAP_I: "1" }), /malformed/],
])("%s fails", (_name, spoil, failure) => {
  const exchange = new ChapExchange(CREDENTIALS);
  const { id, challenge } = begin(exchange);
  expect(exchange.step(keys(spoil(rightAnswer(id, challenge), challenge)))).toEqual({
    failure: expect.stringMatching(failure),
  });
});

test("an unknown algorithm, and mutual CHAP without a secret for it, fail", () => {
  expect(new ChapExchange(CREDENTIALS).step(keys({ CHAP_A: "6" }))).toEqual({ failure: expect.any(String) });
  const oneWay = new ChapExchange({ user: "user", secret: CREDENTIALS.secret });
  const { id, challenge } = begin(oneWay);
  const asked = { ...rightAnswer(id, challenge), CHAP_I: "1", CHAP_C: "0x01" };
  expect(oneWay.step(keys(asked))).toEqual({ failure: expect.stringMatching(/mutual/) });
});

test("binary values: hexadecimal, base64, nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 1024 }), (bytes) => {
      expect(parseBinary(formatBinary(bytes))).toEqual(Buffer.from(bytes));
      expect(parseBinary(`0b${Buffer.from(bytes).toString("base64")}`)).toEqual(Buffer.from(bytes));
    }),
  );
  for (const text of ["", "0x", "12", "0xzz", `0x${"00".repeat(1025)}`]) expect(parseBinary(text)).toBeUndefined();
});
