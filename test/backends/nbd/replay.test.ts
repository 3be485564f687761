import { expect, test } from "vitest";
import { at, type Behaviour, chunk, simpleReply } from "../../support/hand-nbd-server.ts";
import { opened, SIZE } from "../../support/opened-nbd-store.ts";

/** A right server, whose cache is lost when it dies: only what was flushed, or written with FUA, is on its disk. */
class CachingDisk {
  readonly disk: Buffer;
  cache: Buffer;
  readonly serve: Behaviour = ({ command, cookie, offset, length, data, fua }, socket) => {
    if (command === 0) return void socket.write(simpleReply(cookie, 0, this.cache.subarray(offset, offset + length)));
    if (command === 1) data.copy(this.cache, offset);
    if (command === 6) this.cache.fill(0, offset, offset + length);
    if (command === 3) this.cache.copy(this.disk);
    if (fua) this.cache.copy(this.disk, offset, offset, offset + length);
    socket.write(simpleReply(cookie));
  };

  constructor(size = SIZE) {
    this.disk = Buffer.alloc(size);
    this.cache = Buffer.alloc(size);
  }

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

const MIB = 1 << 20;

test("closed while it flushes by itself, the store flushes what came since", async () => {
  const disk = new CachingDisk(65 * MIB);
  const late: (() => void)[] = [];
  const { calls, store } = await opened(
    (request, socket) => {
      if (request.command === 3 && late.length === 0) late.push(() => disk.serve(request, socket));
      else disk.serve(request, socket);
    },
    { size: 65 * MIB },
  );
  for (let written = 0; written < 64; written++) await calls.write(written * MIB, new Uint8Array(MIB).fill(written));
  expect(await calls.write(4096, new Uint8Array(512).fill(99))).toBe(0);
  expect(late).toHaveLength(1);
  const closed = store.close();
  late[0]?.();
  await closed;
  expect([disk.disk[0], disk.disk[4096], disk.disk[63 * MIB]]).toEqual([0, 99, 63]);
});

test("what is kept for that is bounded: the store flushes by itself", async () => {
  const disk = new CachingDisk(200 * MIB);
  let flushes = 0;
  const { calls } = await opened(
    (request, socket) => {
      if (request.command === 3) flushes++;
      disk.serve(request, socket);
    },
    { size: 200 * MIB },
  );
  for (let written = 0; written < 200; written++) await calls.write(0, new Uint8Array(MIB));
  expect(flushes).toBe(0);
  for (let written = 0; written < 200; written++) await calls.write(written * MIB, new Uint8Array(MIB));
  expect(flushes).toBeGreaterThanOrEqual(2);
  expect(flushes).toBeLessThanOrEqual(4);
});

test("with no room left, the flush goes ahead of a write that is older and has to be sent again", async () => {
  const disk = new CachingDisk(130 * MIB);
  let flushes = 0;
  const { server, calls } = await opened(
    (request, socket) => {
      // Neither the first write nor the flush is answered.
      if (request.command === 3) flushes++;
      else if (request.offset < 129 * MIB) disk.serve(request, socket);
    },
    { size: 130 * MIB, timeout: 60_000 },
  );
  const first = calls.write(129 * MIB, new Uint8Array(512).fill(1));
  for (let written = 0; written < 128; written++) expect(await calls.write(written * MIB, new Uint8Array(MIB))).toBe(0);
  expect(flushes).toBe(1);
  server.behaviour = disk.serve;
  server.drop();
  expect(await first).toBe(0);
}, 30_000);

test("so are zeros, of which no copy is kept", async () => {
  const size = 2048 * 1024;
  const disk = new CachingDisk(size);
  let flushes = 0;
  const { calls } = await opened(
    (request, socket) => {
      if (request.command === 3) flushes++;
      disk.serve(request, socket);
    },
    { size },
  );
  for (let at = 0; at < size; at += 1024) expect(await calls.deallocate(at, 512)).toBe(0);
  expect(flushes).toBeGreaterThanOrEqual(1);
  expect(flushes).toBeLessThanOrEqual(2);
});
