import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { loadCore } from "../../src/core/core.ts";
import { silentLog } from "../../src/core/log.ts";
import { SharedMemory } from "../../src/core/shared-memory.ts";
import { QemuLink } from "../../src/ports/qemu/qemu-link.ts";
import { QemuPort } from "../../src/ports/qemu/qemu-port.ts";
import * as wire from "../../src/ports/qemu/wire.ts";

test("the constants of the C header and of the daemon are the same", () => {
  const header = readFileSync(new URL("../../qemu/wire.h", import.meta.url), "utf8");
  const defined = [...header.matchAll(/^#define (WIRE_\w+) (\w+)/gm)];
  expect(defined.length).toBeGreaterThan(10);
  const ours: Readonly<Record<string, number>> = wire;
  expect(defined.map(([, name, value]) => [name, Number(value)])).toEqual(
    defined.map(([, name]) => [name, ours[name ?? ""]]),
  );
});

const UNIT = 0x71000003;

function message(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(wire.HEADER_SIZE);
  header.writeUInt32LE(wire.HEADER_SIZE + body.length, wire.HEADER_LENGTH);
  header.writeUInt32LE(type, wire.HEADER_TYPE);
  header.writeUInt32LE(UNIT, wire.HEADER_UNIT);
  return Buffer.concat([header, body]);
}

function hello(): Buffer {
  const body = Buffer.alloc(wire.HELLO_SIZE + wire.HELLO_UNIT_SIZE);
  body.writeUInt32LE(wire.WIRE_MAGIC, wire.HELLO_MAGIC);
  body.writeUInt32LE(wire.WIRE_VERSION, wire.HELLO_VERSION);
  body.writeUInt32LE(1, wire.HELLO_UNITS);
  body.writeUInt32LE(UNIT, wire.HELLO_SIZE);
  return message(wire.WIRE_HELLO, body);
}

function entry(marker: number): Buffer {
  const body = Buffer.alloc(wire.ENTRY_SIZE);
  body.set([0x80, 6, 0, marker]);
  return message(wire.WIRE_ENTRY, body);
}

/** A port with one unit, and whoever speaks to its socket. */
async function withPort(use: (link: QemuLink, socket: Socket) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "vscsi-wire-"));
  const memory = new SharedMemory();
  const link = new QemuLink(memory, loadCore(memory, "js"), UNIT, 8);
  const port = new QemuPort([link], silentLog);
  await port.listen(join(folder, "guest.sock"));
  const socket = connect(join(folder, "guest.sock"));
  socket.on("error", () => {});
  try {
    await use(link, socket);
  } finally {
    socket.destroy();
    await port.close();
    rmSync(folder, { recursive: true });
  }
}

test("messages are put together however the stream is cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 }), async (cuts) => {
      await withPort(async (link, socket) => {
        link.register();
        let stream = Buffer.concat([hello(), entry(1), entry(2), entry(3)]);
        for (const cut of cuts) {
          socket.write(stream.subarray(0, cut));
          stream = stream.subarray(cut);
          await new Promise(setImmediate);
        }
        socket.write(stream);
        let taken = 0;
        await vi.waitFor(
          () => {
            taken += link.core.drain(link.adapter, 8);
            expect(taken).toBe(3);
          },
          { interval: 2 },
        );
      });
    }),
    { numRuns: 20 },
  );
});

test.each([
  ["a message longer than any", Buffer.from("ffffffff02000000", "hex")],
  ["an entry before the greeting", entry(1)],
  ["an entry whose lengths do not add up", Buffer.concat([hello(), message(wire.WIRE_ENTRY, Buffer.alloc(40, 1))])],
  ["a greeting of another version", message(wire.WIRE_HELLO, Buffer.alloc(wire.HELLO_SIZE, 9))],
  ["a message of unknown type", Buffer.concat([hello(), message(0x55, Buffer.alloc(0))])],
])("%s ends the connection, and nothing else", async (_, bytes) => {
  await withPort(async (_link, socket) => {
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.write(Buffer.concat([bytes, Buffer.alloc(32)]));
    socket.resume();
    await closed;
  });
});
