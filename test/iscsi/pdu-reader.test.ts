import fc from "fast-check";
import { expect, test } from "vitest";
import { BHS_LENGTH } from "../../src/abi/iscsi.ts";
import { crc32c } from "../../src/iscsi/crc32c.ts";
import { AHS_LENGTH_MAXIMUM, PduReader, type PduSink, type ReceivedHeader } from "../../src/iscsi/pdu-reader.ts";
import { header } from "./raw-initiator.ts";

const DATA_MAXIMUM = 4096;

/** Writes down what it is told. */
class Recorder implements PduSink {
  readonly events: string[] = [];
  #data: number[] = [];
  header({ bytes, ahsLength, dataLength }: ReceivedHeader): string | undefined {
    this.events.push(`header ${Buffer.from(bytes.subarray(0, BHS_LENGTH + ahsLength)).toString("hex")} ${dataLength}`);
    this.#data = [];
    return undefined;
  }
  data(source: Uint8Array, from: number, to: number): void {
    this.#data.push(...source.subarray(from, to));
  }
  end(_pdu: ReceivedHeader, intact: boolean): string | undefined {
    this.events.push(`end ${Buffer.from(this.#data).toString("hex")} ${intact ? "intact" : "damaged"}`);
    return undefined;
  }
}

interface Made {
  ahs: Uint8Array;
  data: Uint8Array;
}

function bytesOf({ ahs, data }: Made, digests: boolean): Buffer {
  const bhs = header({ opcode: 1, ahs: Buffer.from(ahs), data });
  const padded = Buffer.alloc((data.length + 3) & ~3);
  padded.set(data);
  const digest = (bytes: Uint8Array) => {
    const result = Buffer.alloc(digests ? 4 : 0);
    if (digests) result.writeUInt32LE(crc32c(bytes));
    return result;
  };
  return Buffer.concat([bhs, digest(bhs), padded, data.length > 0 ? digest(padded) : Buffer.alloc(0)]);
}

const made = fc.record({
  ahs: fc.nat(AHS_LENGTH_MAXIMUM / 4).chain((words) => fc.uint8Array({ minLength: words * 4, maxLength: words * 4 })),
  data: fc.uint8Array({ maxLength: 300 }),
});

function readInPieces(bytes: Uint8Array, cuts: readonly number[], digests: boolean): Recorder {
  const sink = new Recorder();
  const reader = new PduReader(sink, DATA_MAXIMUM);
  reader.headerDigest = digests;
  reader.dataDigest = digests;
  const ends = [...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((a, b) => a - b);
  let at = 0;
  for (const end of ends) {
    const problem = reader.receive(bytes.subarray(at, end));
    if (problem !== undefined) sink.events.push(`problem ${problem}`);
    if (problem !== undefined) break;
    at = end;
  }
  return sink;
}

test("PDUs are the same however the stream is cut", () => {
  fc.assert(
    fc.property(
      fc.array(made, { maxLength: 4 }),
      fc.array(fc.nat(3000), { maxLength: 20 }),
      fc.boolean(),
      (pdus, cuts, digests) => {
        const bytes = Buffer.concat(pdus.map((pdu) => bytesOf(pdu, digests)));
        const whole = readInPieces(bytes, [], digests).events;
        expect(whole).toHaveLength(pdus.length * 2);
        expect(whole.filter((event) => event.startsWith("end"))).toEqual(
          pdus.map(({ data }) => `end ${Buffer.from(data).toString("hex")} intact`),
        );
        expect(readInPieces(bytes, cuts, digests).events).toEqual(whole);
      },
    ),
  );
});

test("a flipped bit under a digest is found", () => {
  fc.assert(
    fc.property(made, fc.nat(), fc.nat(7), (pdu, place, bit) => {
      const bytes = bytesOf(pdu, true);
      const at = place % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      // A wrong length may make the reader wait for more; what it must not do is to take the PDU as whole.
      expect(readInPieces(bytes, [], true).events.join("\n")).not.toMatch(/intact/);
    }),
  );
});

test("whatever comes, the answer is a PDU, a problem, or patience", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), fc.boolean(), (bytes, digests) => {
      for (const event of readInPieces(bytes, [100, 700], digests).events)
        expect(event).toMatch(/^(header|end|problem) /);
    }),
  );
});

test.each([
  [
    "additional header segments",
    { opcode: 1, ahs: Buffer.alloc(AHS_LENGTH_MAXIMUM + 4) },
    /additional header segments of 252 bytes/,
  ],
  ["data segment", { opcode: 1, data: Buffer.alloc(DATA_MAXIMUM + 1) }, /data segment of 4097 bytes, at most 4096/],
])("a length beyond the limit is told at once (%s)", (_name, fields, problem) => {
  const reader = new PduReader(new Recorder(), DATA_MAXIMUM);
  expect(reader.receive(header(fields).subarray(0, BHS_LENGTH))).toMatch(problem);
});
