import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NbdProtocolError, ReplyParser } from "../../../src/backends/nbd/reply-parser.ts";
import { RequestTable } from "../../../src/backends/nbd/request.ts";
import { SharedMemory } from "../../../src/core/shared-memory.ts";
import { EXTENTS_MOST } from "../../../src/scsi/block-store.ts";
import { at, type Behaviour, CONTEXT, chunk, type HandRequest, simpleReply } from "../../support/hand-nbd-server.ts";
import { opened, SIZE } from "../../support/opened-nbd-store.ts";

const memory = new SharedMemory();

describe("a server that answers wrongly loses its connection, and the operation is done by the next one", () => {
  const right: Behaviour = ({ cookie, length }, socket) =>
    void socket.write(simpleReply(cookie, 0, Buffer.alloc(length, 7)));
  const wrong: [string, boolean, (request: HandRequest) => Buffer][] = [
    ["no magic", false, () => Buffer.alloc(16, 0xff)],
    ["another cookie", false, () => simpleReply(Buffer.alloc(8, 0x11), 0, Buffer.alloc(512))],
    ["a chunk of a type that is none", true, ({ cookie }) => chunk(cookie, 77, Buffer.alloc(4))],
    ["data beyond the read", true, ({ cookie, offset }) => chunk(cookie, 1, at(offset + 1, Buffer.alloc(512)))],
    ["data before the read", true, ({ cookie, offset }) => chunk(cookie, 1, at(offset - 1, Buffer.alloc(512)))],
    ["a hole of 4 GiB", true, ({ cookie, offset }) => chunk(cookie, 2, at(offset, Buffer.alloc(4, 0xff)))],
    ["less data than asked for", true, ({ cookie, offset }) => chunk(cookie, 1, at(offset, Buffer.alloc(100)))],
    ["no data at all", true, ({ cookie }) => chunk(cookie, 0, Buffer.alloc(0))],
    [
      "the same data twice",
      true,
      ({ cookie, offset }) =>
        Buffer.concat([
          chunk(cookie, 1, at(offset, Buffer.alloc(400)), 0),
          chunk(cookie, 1, at(offset, Buffer.alloc(400))),
        ]),
    ],
    [
      "an error of 2 GiB of text",
      true,
      ({ cookie }) => {
        const header = chunk(cookie, 0x8001, Buffer.alloc(6));
        header.writeUInt32BE(0x7fff_ffff, 16);
        return header;
      },
    ],
    ["nothing", false, () => Buffer.alloc(0)],
    ["half a reply", false, ({ cookie }) => simpleReply(cookie).subarray(0, 9)],
  ];
  test.each(wrong)("%s", async (_name, structured, answer) => {
    let asked = 0;
    const { server, calls } = await opened(
      (request, socket) => {
        if (asked++ === 0) socket.write(answer(request));
        else if (structured)
          socket.write(chunk(request.cookie, 1, at(request.offset, Buffer.alloc(request.length, 7))));
        else right(request, socket);
      },
      { structured },
    );
    expect(await calls.read(4096, 512)).toEqual(new Uint8Array(512).fill(7));
    expect(server.connections).toBe(2);
  });
});

test("structured replies in pieces and out of order, with a hole", async () => {
  const { calls } = await opened(
    ({ cookie, offset }, socket) => {
      const late = chunk(cookie, 1, at(offset + 1024, Buffer.alloc(512, 3)), 0);
      const hole = chunk(cookie, 2, at(offset + 512, Buffer.from([0, 0, 2, 0])), 0);
      const rest = chunk(cookie, 1, at(offset, Buffer.alloc(512, 1)));
      for (const byte of Buffer.concat([late, hole, rest])) socket.write(Buffer.of(byte));
    },
    { structured: true },
  );
  const expected = new Uint8Array(1536).fill(1, 0, 512).fill(3, 1024);
  expect(await calls.read(8192, 1536)).toEqual(expected);
});

test("an error chunk is the operation's errno", async () => {
  const error = Buffer.from([0, 0, 0, 28, 0, 2, 0x6e, 0x6f]);
  const { calls } = await opened(({ cookie }, socket) => void socket.write(chunk(cookie, 0x8001, error)), {
    structured: true,
  });
  expect(await calls.read(0, 512)).toBe(-28);
});

describe("block status", () => {
  const status = (context: number, ...extents: number[]) => {
    const data = Buffer.alloc(4 + 4 * extents.length);
    data.writeUInt32BE(context);
    extents.forEach((value, index) => {
      data.writeUInt32BE(value, 4 + 4 * index);
    });
    return data;
  };

  test("what is a hole and zeros has no storage; the last extent may reach beyond the question", async () => {
    const { calls } = await opened(
      ({ cookie }, socket) => {
        const all = chunk(cookie, 5, status(CONTEXT, 512, 3, 512, 1, 512, 2, 512, 0, 1 << 30, 3));
        for (const byte of all) socket.write(Buffer.of(byte));
      },
      { structured: true },
    );
    expect(await calls.extents(0, 4096)).toEqual([
      { length: 512, allocated: false },
      { length: 512, allocated: true },
      { length: 512, allocated: true },
      { length: 512, allocated: true },
      { length: 2048, allocated: false },
    ]);
  });

  test("of many extents a bounded number is kept", async () => {
    const many = Array.from({ length: 20_000 }, (_, index) => [1, index % 2 === 0 ? 3 : 0]).flat();
    const { calls } = await opened(
      ({ cookie }, socket) => void socket.write(chunk(cookie, 5, status(CONTEXT, ...many))),
      {
        structured: true,
      },
    );
    expect(await calls.extents(0, SIZE)).toHaveLength(EXTENTS_MOST);
  });

  test("a server without it holds everything, as far as is known", async () => {
    const { calls } = await opened(() => {});
    expect(await calls.extents(512, 4096)).toEqual([{ length: 4096, allocated: true }]);
  });

  const wrong: [string, Buffer][] = [
    ["another context", status(CONTEXT + 1, 512, 0)],
    ["no extent", status(CONTEXT)],
    ["half an extent", status(CONTEXT, 512)],
    ["an extent of no bytes", status(CONTEXT, 0, 3)],
  ];
  test.each(wrong)(
    "%s: the next connection answers, and what the first one told is forgotten",
    async (_name, answer) => {
      const { server, calls } = await opened(
        ({ cookie }, socket) => {
          if (server.connections > 1) return void socket.write(chunk(cookie, 5, status(CONTEXT, 4096, 3)));
          socket.write(chunk(cookie, 5, status(CONTEXT, 512, 0), 0));
          socket.write(chunk(cookie, 5, answer));
        },
        { structured: true },
      );
      expect(await calls.extents(0, 4096)).toEqual([{ length: 4096, allocated: false }]);
      expect(server.connections).toBe(2);
    },
  );

  test("a reply without extents is wrong, too; an error is the operation's", async () => {
    const { server, calls } = await opened(
      ({ cookie }, socket) => {
        if (server.connections === 1) return void socket.write(chunk(cookie, 0, Buffer.alloc(0)));
        socket.write(chunk(cookie, 0x8001, Buffer.from([0, 0, 0, 22, 0, 0])));
      },
      { structured: true },
    );
    expect(await calls.extents(0, 4096)).toBe(-22);
  });
});

test("a server that never answers: the operation fails when its time is over", async () => {
  const { calls, server } = await opened(() => {}, { retryFor: 1000 });
  expect(await calls.write(0, new Uint8Array(512))).toBe(-5);
  expect(server.connections).toBeGreaterThan(1);
});

test("any bytes are a protocol error or wait for more", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }),
      fc.boolean(),
      fc.boolean(),
      (pieces, begin, status) => {
        const table = new RequestTable();
        const request = table.take();
        if (status) request.command = 7;
        request.part = 512;
        request.length = 512;
        request.address = memory.allocate(512);
        const parser = new ReplyParser(memory, { find: () => request, answered: () => {} }, 0);
        try {
          if (begin) parser.take(Buffer.from("668e33ef", "hex"));
          for (const piece of pieces) parser.take(Buffer.from(piece));
        } catch (error) {
          expect(error).toBeInstanceOf(NbdProtocolError);
        }
        memory.free(request.address, 512);
      },
    ),
    { numRuns: 2000 },
  );
});
