import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { NbdStore } from "../../../src/backends/nbd/nbd-store.ts";
import { NbdProtocolError, ReplyParser } from "../../../src/backends/nbd/reply-parser.ts";
import { RequestTable } from "../../../src/backends/nbd/request.ts";
import { parseNbdUri } from "../../../src/backends/nbd/uri.ts";
import { silentLog } from "../../../src/core/log.ts";
import { SharedMemory } from "../../../src/core/shared-memory.ts";
import { EXTENTS_MOST } from "../../../src/scsi/block-store.ts";
import {
  at,
  type Behaviour,
  CONTEXT,
  chunk,
  HandNbdServer,
  type HandRequest,
  simpleReply,
} from "../../support/hand-nbd-server.ts";
import { StoreCalls } from "../../support/store-calls.ts";

const memory = new SharedMemory();
const SIZE = 1 << 20;
const folder = mkdtempSync(join(tmpdir(), "vscsi-nbd-"));
const servers: HandNbdServer[] = [];
const stores: NbdStore[] = [];
let count = 0;

afterEach(async () => {
  for (const server of servers)
    server.behaviour = ({ cookie, length, command }, socket) =>
      void socket.write(simpleReply(cookie, 0, command === 0 ? Buffer.alloc(length) : undefined));
  for (const store of stores.splice(0)) await store.close().catch(() => {});
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

interface OpenOptions {
  structured?: boolean;
  retryFor?: number;
  maximumPayload?: number;
}

async function opened(
  behaviour: Behaviour,
  { structured = false, retryFor = 10_000, maximumPayload = 0 }: OpenOptions = {},
) {
  const path = join(folder, `${++count}.sock`);
  const server = new HandNbdServer(SIZE, structured, behaviour);
  server.maximumPayload = maximumPayload;
  servers.push(server);
  await server.listen(path);
  const address = parseNbdUri(`nbd+unix:///?socket=${path}`);
  const options = { address, connections: 1, timeout: 300, retryFor, log: silentLog, readOnly: false, blockSize: 512 };
  const store = await NbdStore.open(memory, options);
  stores.push(store);
  return { server, store, calls: new StoreCalls(memory, store) };
}

/** A right server, whose cache is lost when it dies: only what was flushed, or written with FUA, is on its disk. */
class CachingDisk {
  readonly disk = Buffer.alloc(SIZE);
  cache = Buffer.alloc(SIZE);
  readonly serve: Behaviour = ({ command, cookie, offset, length, data, fua }, socket) => {
    if (command === 0) return void socket.write(simpleReply(cookie, 0, this.cache.subarray(offset, offset + length)));
    if (command === 1) data.copy(this.cache, offset);
    if (command === 6) this.cache.fill(0, offset, offset + length);
    if (command === 3) this.cache.copy(this.disk);
    if (fua) this.cache.copy(this.disk, offset, offset, offset + length);
    socket.write(simpleReply(cookie));
  };

  die(): void {
    this.cache = Buffer.from(this.disk);
  }
}

test("a server that dies with acknowledged writes in its cache gets them again", async () => {
  const disk = new CachingDisk();
  const { server, calls } = await opened(disk.serve);
  const block = (value: number) => new Uint8Array(4096).fill(value);
  expect(await calls.write(0, block(1))).toBe(0);
  expect(await calls.flush()).toBe(0);
  expect(await calls.write(4096, block(2))).toBe(0);
  expect(await calls.write(8192, block(3), true)).toBe(0);
  expect(await calls.write(4096, block(4))).toBe(0);
  expect(await calls.deallocate(0, 512)).toBe(0);
  server.drop();
  disk.die();
  expect(disk.cache[4096]).toBe(0);
  const all = await calls.read(0, 12288);
  expect([all].map((bytes) => typeof bytes !== "number" && [bytes[0], bytes[512], bytes[4096], bytes[8192]])).toEqual([
    [0, 1, 4, 3],
  ]);
  expect(await calls.flush()).toBe(0);
  expect([disk.disk[0], disk.disk[512], disk.disk[4096]]).toEqual([0, 1, 4]);
});

test("they are sent again in their order, to a server that does last what came first", async () => {
  const disk = new CachingDisk();
  const { server, calls } = await opened(disk.serve);
  for (const value of [1, 2, 3]) expect(await calls.write(0, new Uint8Array(4096).fill(value))).toBe(0);
  const batch: (() => void)[] = [];
  server.behaviour = (request, socket) => {
    if (batch.push(() => disk.serve(request, socket)) === 1)
      setTimeout(() => {
        for (const act of batch.splice(0).reverse()) act();
      }, 20);
  };
  server.drop();
  disk.die();
  expect(await calls.read(0, 512)).toEqual(new Uint8Array(512).fill(3));
});

test("an older write is not sent again over a newer one that is on stable storage", async () => {
  const disk = new CachingDisk();
  const { server, calls } = await opened(disk.serve);
  expect(await calls.write(0, new Uint8Array(4096).fill(1))).toBe(0);
  expect(await calls.write(1024, new Uint8Array(1024).fill(2), true)).toBe(0);
  let lost = false;
  server.behaviour = (request, socket) => {
    disk.serve(request, socket);
    lost ||= disk.cache[1024] !== 2;
  };
  server.drop();
  disk.die();
  const found = await calls.read(0, 4096);
  expect([found].map((bytes) => typeof bytes !== "number" && [bytes[0], bytes[1024], bytes[2048]])).toEqual([
    [1, 2, 1],
  ]);
  expect(lost).toBe(false);
});

test("a write that goes in parts is sent again from its beginning: the server that did the first has lost it", async () => {
  const disk = new CachingDisk();
  const { server, calls } = await opened(disk.serve, { maximumPayload: 65_536 });
  server.behaviour = (request, socket) => {
    if (request.offset === 0) return disk.serve(request, socket);
    server.behaviour = disk.serve;
    server.drop();
    disk.die();
  };
  expect(await calls.write(0, new Uint8Array(131_072).fill(7))).toBe(0);
  expect(await calls.read(0, 131_072)).toEqual(new Uint8Array(131_072).fill(7));
});

test("what is sent again is what was written, though copies are kept together and after flushes", async () => {
  const disk = new CachingDisk();
  const { server, calls } = await opened(disk.serve);
  const model = Buffer.alloc(SIZE);
  for (let round = 1; round <= 3; round++) {
    for (let piece = 0; piece < 9; piece++) {
      const [offset, length] = [(piece * 112_640) % (SIZE - 307_200), 307_200];
      const data = Buffer.alloc(length, `${round} ${piece} `);
      expect(await calls.write(offset, data)).toBe(0);
      data.copy(model, offset);
      if (piece === 2) expect(await calls.flush()).toBe(0);
    }
    server.drop();
    disk.die();
    expect(Buffer.compare((await calls.read(0, SIZE)) as Uint8Array, model)).toBe(0);
  }
});

const SHUTTING_DOWN = 108;

test.each([false, true])(
  "a server that is shutting down is left, the operation is done by the next (structured %s)",
  async (structured) => {
    const { server, calls } = await opened(
      ({ cookie, length }, socket) => {
        const first = server.connections === 1;
        const text = Buffer.from("0000006c0000", "hex");
        const data = Buffer.alloc(length, 7);
        if (structured) socket.write(first ? chunk(cookie, 0x8001, text) : chunk(cookie, 1, at(0, data)));
        else socket.write(simpleReply(cookie, first ? SHUTTING_DOWN : 0, first ? undefined : data));
      },
      { structured },
    );
    expect(await calls.read(0, 512)).toEqual(new Uint8Array(512).fill(7));
    expect(server.connections).toBe(2);
  },
);

test("what it does not take again for that reason is sent to the next, in its order", async () => {
  const disk = new CachingDisk();
  const { server, calls } = await opened(disk.serve);
  for (const value of [1, 2]) expect(await calls.write(0, new Uint8Array(512).fill(value))).toBe(0);
  server.drop();
  disk.die();
  server.behaviour = (request, socket) => {
    if (server.connections > 2) return disk.serve(request, socket);
    socket.write(simpleReply(request.cookie, SHUTTING_DOWN));
  };
  expect(await calls.write(0, new Uint8Array(512).fill(3))).toBe(0);
  expect(await calls.read(0, 512)).toEqual(new Uint8Array(512).fill(3));
});

test("closed while it flushes by itself, the store flushes what came since", async () => {
  const disk = new CachingDisk();
  const late: (() => void)[] = [];
  const { calls, store } = await opened((request, socket) => {
    if (request.command === 3 && late.length === 0) late.push(() => disk.serve(request, socket));
    else disk.serve(request, socket);
  });
  for (let written = 0; written < 33; written++) await calls.write(0, new Uint8Array(SIZE).fill(written));
  expect(await calls.write(4096, new Uint8Array(512).fill(99))).toBe(0);
  expect(late).toHaveLength(1);
  const closed = store.close();
  late[0]?.();
  await closed;
  expect([disk.disk[0], disk.disk[4096]]).toEqual([32, 99]);
});

test("what is kept for that is bounded: the store flushes by itself", async () => {
  const disk = new CachingDisk();
  let flushes = 0;
  const { calls } = await opened((request, socket) => {
    if (request.command === 3) flushes++;
    disk.serve(request, socket);
  });
  for (let written = 0; written < 80; written++) await calls.write(0, new Uint8Array(SIZE).fill(written));
  expect(flushes).toBeGreaterThanOrEqual(2);
  expect(flushes).toBeLessThanOrEqual(4);
});

test("so are zeros, of which no copy is kept", async () => {
  const disk = new CachingDisk();
  let flushes = 0;
  const { calls } = await opened((request, socket) => {
    if (request.command === 3) flushes++;
    disk.serve(request, socket);
  });
  const zero = async () => {
    for (let count = 0; count < 9000; count++) await calls.deallocate(0, 512);
  };
  await Promise.all(Array.from({ length: 8 }, zero));
  expect(flushes).toBe(1);
}, 30_000);

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
