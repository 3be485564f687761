import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CRQ_ENTRY_SIZE } from "../../src/abi/crq.ts";
import { H_CLOSED, H_IN_PROGRESS, H_PERMISSION, H_SUCCESS } from "../../src/abi/papr.ts";
import { FAULT_NONE, FAULT_TABLE_FETCH, KIND_EVENT, KIND_INIT, KIND_SRP } from "../../src/abi/records.ts";
import { loadCore } from "../../src/core/core.ts";
import { SharedMemory } from "../../src/core/shared-memory.ts";
import { QemuLink } from "../../src/ports/qemu/qemu-link.ts";
import { QemuPort } from "../../src/ports/qemu/qemu-port.ts";
import {
  RESPOND_ENTRY,
  RESPOND_SIZE,
  WIRE_FREE,
  WIRE_MESSAGE_MAX,
  WIRE_READ,
  WIRE_REGISTER,
  WIRE_RESPOND,
  WIRE_SEND,
  WIRE_WRITE,
  WRITE_SIZE,
} from "../../src/ports/qemu/wire.ts";
import { entryMessage, FakeBridge, helloMessage, message, readDoneMessage, resetMessage, UNIT } from "./fake-bridge.ts";
import { command, directDescriptor, RecordingServer, srpEntry } from "./recording-server.ts";

const SLOTS = 8;
const NOTHING = Buffer.alloc(0);
const INIT = Buffer.from("c0010000000000000000000000000000", "hex");
const DEREGISTERED = "ff020000000000000000000000000000";
const FORMAT_DIRECT_OUT = 0x10;
const FORMAT_DIRECT_IN = 0x01;
const FORMAT_INDIRECT_OUT = 0x20;

let folder: string;
let path: string;
let link: QemuLink;
let server: RecordingServer;
let port: QemuPort;
let complaints: string[];
let bridges: FakeBridge[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "vscsi-port-"));
  path = join(folder, "guest.sock");
  const memory = new SharedMemory();
  link = new QemuLink(memory, loadCore(memory, "js"), UNIT, SLOTS);
  server = new RecordingServer(link);
  complaints = [];
  bridges = [];
  const log = {
    debug() {},
    info() {},
    warn: (_fields: object, text: string) => complaints.push(text),
    error: (fields: object, text: string) => complaints.push(`${text}: ${JSON.stringify(fields)}`),
  };
  port = new QemuPort([link], log);
  await port.listen(path);
});

afterEach(async () => {
  for (const bridge of bridges) bridge.socket.destroy();
  await port.close();
  rmSync(folder, { recursive: true, force: true });
});

async function connectBridge(): Promise<FakeBridge> {
  const bridge = await FakeBridge.connect(path);
  bridges.push(bridge);
  return bridge;
}

/** A bridge that has greeted, and a server that has its CRQ registered. */
async function connected(epoch = 5): Promise<FakeBridge> {
  link.register();
  link.signal(true);
  const bridge = await connectBridge();
  bridge.write(helloMessage([[UNIT, epoch]]));
  expect((await bridge.next()).type).toBe(WIRE_REGISTER);
  return bridge;
}

describe("greeting", () => {
  test("tells the bridge of a CRQ that was registered before it came", async () => {
    expect(link.register()).toBe(H_CLOSED);
    expect(server.send(INIT)).toBe(H_CLOSED);
    const bridge = await connectBridge();
    bridge.write(helloMessage([[UNIT, 7]]));
    expect(await bridge.next()).toMatchObject({ type: WIRE_REGISTER, unit: UNIT, epoch: 7 });
  });

  test("tells the bridge of a CRQ that is freed and registered later", async () => {
    const bridge = await connected();
    expect(link.free()).toBe(H_SUCCESS);
    expect(link.register()).toBe(H_SUCCESS);
    expect((await bridge.next()).type).toBe(WIRE_FREE);
    expect((await bridge.next()).type).toBe(WIRE_REGISTER);
    expect(server.send(INIT)).toBe(H_SUCCESS);
    expect(await bridge.next()).toMatchObject({ type: WIRE_SEND, body: INIT });
  });

  test("hangs up on another version and says what to do", async () => {
    const bridge = await connectBridge();
    bridge.write(helloMessage([[UNIT, 0]], 99));
    await bridge.hungUp();
    expect(complaints.join()).toContain("protocol version 99, this daemon speaks 2: build the bridge again");
  });

  test("turns a second bridge away and keeps the first", async () => {
    const first = await connected();
    const second = await connectBridge();
    second.write(helloMessage([[UNIT, 5]]));
    await second.hungUp();
    first.write(entryMessage(5, INIT));
    expect((await server.next()).kind).toBe(KIND_INIT);
    expect(complaints.join()).toContain("another bridge is connected");
  });
});

describe("entries", () => {
  test("arrive whole, wherever the stream is cut", async () => {
    const bridge = await connected();
    const iu = command(FORMAT_DIRECT_OUT, directDescriptor(0, 0x4000, 4));
    const data = Buffer.from("data");
    const bytes = entryMessage(5, srpEntry(0x10200, iu.length), { iu, data });
    for (let cut = 0; cut <= bytes.length; cut++) {
      bridge.write(bytes.subarray(0, cut));
      await turn();
      bridge.write(bytes.subarray(cut));
      const taken = await server.next();
      expect(taken.iu).toEqual(iu);
      expect(dataOut(taken.slot, data.length)).toEqual(data);
      server.release(taken.slot);
    }
    expect(server.waiting).toBe(0);
  });

  test("carry any IU, indirect table and data-out unchanged", async () => {
    const bridge = await connected();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 40 }),
        fc.nat(0xffff_f000),
        fc.integer({ min: 1, max: 5000 }),
        async (lengths, ioba, cut) => {
          const table = Buffer.concat(lengths.map((length, index) => directDescriptor(index, ioba, length)));
          const total = lengths.reduce((sum, length) => sum + length, 0);
          const descriptor = Buffer.concat([directDescriptor(0, 0x9000, table.length), Buffer.alloc(4)]);
          descriptor.writeUInt32BE(total, 16);
          const iu = command(FORMAT_INDIRECT_OUT, descriptor);
          const data = Buffer.from(Array.from({ length: total }, (_, index) => (index * 31) & 0xff));
          const bytes = entryMessage(5, srpEntry(0x10200, iu.length), { iu, table, data });
          bridge.write(bytes.subarray(0, cut));
          await turn();
          bridge.write(bytes.subarray(cut));
          const taken = await server.next();
          expect(taken).toMatchObject({ kind: KIND_SRP, fault: FAULT_NONE, iu });
          expect(dataOut(taken.slot, total)).toEqual(data);
          server.release(taken.slot);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("without the table they need are told as such", async () => {
    const bridge = await connected();
    const descriptor = Buffer.concat([directDescriptor(0, 0x9000, 32), Buffer.from([0, 0, 0, 64])]);
    const iu = command(FORMAT_INDIRECT_OUT, descriptor);
    bridge.write(entryMessage(5, srpEntry(0x10200, iu.length), { iu }));
    expect((await server.next()).fault).toBe(FAULT_TABLE_FETCH);
  });

  test("for a CRQ that is not registered go nowhere", async () => {
    const bridge = await connected();
    link.free();
    expect((await bridge.next()).type).toBe(WIRE_FREE);
    link.readClient(1, 0, 0, link.memory.allocate(64), 0);
    bridge.write(entryMessage(5, INIT), readDoneMessage(5, (await bridge.next()).body.readUInt32LE(0), 0, NOTHING));
    await server.nextCopy();
    link.register();
    link.signal(true);
    bridge.write(entryMessage(5, srpEntry(0, 0)));
    expect((await server.next()).kind).toBe(KIND_SRP);
  });
});

/** The slot's data-out, which must have come along. */
function dataOut(slot: number, length: number): Buffer {
  const room = link.memory.allocate(length);
  expect(link.gather(slot, 0, room, length)).toBe(H_SUCCESS);
  const bytes = server.bytes(room, length);
  link.memory.free(room, length);
  return bytes;
}

describe("copies", () => {
  /** A data-out command of two extents whose data has not come along. */
  async function takeWrite(bridge: FakeBridge): Promise<number> {
    const table = Buffer.concat([directDescriptor(0, 0xffff_fffe, 6), directDescriptor(2, 0x3000, 4)]);
    const head = Buffer.concat([directDescriptor(0, 0x10244, table.length), Buffer.from([0, 0, 0, 10]), table]);
    const iu = command(FORMAT_INDIRECT_OUT, head);
    iu[6] = 2;
    bridge.write(entryMessage(5, srpEntry(0x10200, iu.length), { iu }));
    const { slot, fault } = await server.next();
    expect(fault).toBe(FAULT_NONE);
    return slot;
  }

  test("fetch data-out that did not come along, an extent a message", async () => {
    const bridge = await connected();
    const slot = await takeWrite(bridge);
    const room = link.memory.allocate(8);
    // Begins two bytes into the buffer, where the address' low word has overflowed.
    expect(link.gather(slot, 2, room, 8)).toBe(H_IN_PROGRESS);
    const first = await bridge.next();
    const second = await bridge.next();
    expect([first.type, second.type]).toEqual([WIRE_READ, WIRE_READ]);
    expect(first.body.subarray(4).toString("hex")).toBe("040000000000000001000000");
    expect(second.body.subarray(4).toString("hex")).toBe("040000000030000002000000");
    bridge.write(readDoneMessage(5, second.body.readUInt32LE(0), 0, Buffer.from("5678")));
    await turn();
    expect(server.copies).toEqual([]);
    bridge.write(readDoneMessage(5, first.body.readUInt32LE(0), 0, Buffer.from("1234")));
    expect(await server.nextCopy()).toEqual([slot, H_SUCCESS]);
    expect(server.bytes(room, 8).toString()).toBe("12345678");
  });

  test.each([
    ["an address that can't be read", 1, Buffer.alloc(0)],
    ["fewer bytes than asked for", 0, Buffer.from("123")],
  ])("tell of %s", async (_what, status, bytes) => {
    const bridge = await connected();
    const room = link.memory.allocate(64);
    expect(link.readClient(1234, 0, 0x5000, room, 4)).toBe(H_IN_PROGRESS);
    bridge.write(readDoneMessage(5, (await bridge.next()).body.readUInt32LE(0), status, bytes));
    expect(await server.nextCopy()).toEqual([1234, H_PERMISSION]);
  });

  test("that were forgotten end without a word", async () => {
    const bridge = await connected();
    const slot = await takeWrite(bridge);
    const room = link.memory.allocate(64);
    link.gather(slot, 0, room, 10);
    const read = await bridge.next();
    link.free();
    bridge.write(readDoneMessage(5, read.body.readUInt32LE(0), 0, Buffer.from("123456")));
    link.readClient(4321, 0, 0, link.memory.allocate(64), 0);
    let last = await bridge.next();
    while (last.type !== WIRE_READ || last.body.readUInt32LE(4) !== 0) last = await bridge.next();
    bridge.write(readDoneMessage(5, last.body.readUInt32LE(0), 0, NOTHING));
    expect(await server.nextCopy()).toEqual([4321, H_SUCCESS]);
    expect(server.copies).toEqual([]);
    expect(server.bytes(room, 6)).toEqual(Buffer.alloc(6));
  });
});

test("an answer goes out after its data, and its slot is free again", async () => {
  const bridge = await connected();
  const iu = command(FORMAT_DIRECT_IN, directDescriptor(1, 0x4000, 512), [0x28], 77);
  bridge.write(entryMessage(5, srpEntry(0x10200, iu.length), { iu }));
  const { slot } = await server.next();
  const source = link.memory.allocate(512);
  link.memory.u8.fill(0xab, source, source + 512);
  expect(link.scatter(slot, 0, source, 512)).toBe(H_SUCCESS);
  // The source may be used again at once.
  link.memory.u8.fill(0, source, source + 512);
  expect(server.freeSlots).toBe(SLOTS - 1);
  expect(server.answer(slot, Buffer.from("response"))).toBe(1);
  expect(server.freeSlots).toBe(SLOTS);

  const write = await bridge.next();
  expect(write).toMatchObject({ type: WIRE_WRITE, unit: UNIT, epoch: 5 });
  expect(write.body.subarray(0, WRITE_SIZE).toString("hex")).toBe("0040000001000000");
  expect(write.body.subarray(WRITE_SIZE)).toEqual(Buffer.alloc(512, 0xab));
  const respond = await bridge.next();
  expect(respond.type).toBe(WIRE_RESPOND);
  expect(respond.body.subarray(0, RESPOND_ENTRY).toString("hex")).toBe("0002010000000000");
  // The tag stands where the request had its address. [LoPAR] app_virtual_scsi.
  expect(respond.body.subarray(RESPOND_ENTRY, RESPOND_ENTRY + CRQ_ENTRY_SIZE).toString("hex")).toBe(
    "8001000000000008000000000000004d",
  );
  expect(respond.body.subarray(RESPOND_SIZE).toString()).toBe("response");
});

test("an aborted request, which nobody answers, is not under way any more", async () => {
  const bridge = await connected();
  const iu = command(FORMAT_DIRECT_IN, directDescriptor(1, 0x4000, 512), [0x28], 77);
  bridge.write(entryMessage(5, srpEntry(0x10200, iu.length), { iu }));
  const { slot } = await server.next();
  expect(link.requestsUnderWay).toBe(1);
  link.core.slot_release(link.adapter, slot);
  expect(link.requestsUnderWay).toBe(0);
});

describe("a partner that goes", () => {
  test("by RESET is told by an event, and what follows has the new epoch", async () => {
    const bridge = await connected();
    bridge.write(entryMessage(5, INIT), resetMessage(6), entryMessage(6, INIT));
    expect((await server.next()).kind).toBe(KIND_INIT);
    const event = await server.next();
    expect(event.kind).toBe(KIND_EVENT);
    expect(event.entry.toString("hex")).toBe(DEREGISTERED);
    expect((await server.next()).kind).toBe(KIND_INIT);
    server.send(INIT);
    expect((await bridge.next()).epoch).toBe(6);
  });

  test("by hanging up is told by an event, and the next bridge is served", async () => {
    const bridge = await connected();
    bridge.socket.destroy();
    expect((await server.next()).entry.toString("hex")).toBe(DEREGISTERED);
    expect(server.send(INIT)).toBe(H_CLOSED);
    await connected(0);
  });
});

describe("messages that no bridge sends", () => {
  const broken: readonly [string, Buffer][] = [
    ["a length shorter than the header", Buffer.alloc(16)],
    ["a length beyond the limit", Buffer.from(new Uint32Array([WIRE_MESSAGE_MAX + 1, 2, UNIT, 5]).buffer)],
    ["an unknown type", message(0x77, UNIT, 5)],
    ["a second greeting", helloMessage([[UNIT, 5]])],
    ["an entry shorter than an entry", message(2, UNIT, 5, Buffer.alloc(39))],
    ["an IU that is too long", entryMessage(5, INIT, { iu: Buffer.alloc(257) })],
    ["a table that is too long", entryMessage(5, INIT, { table: Buffer.alloc(8208) })],
    ["data that is too long", entryMessage(5, INIT, { data: Buffer.alloc(0x40001) })],
    ["lengths that do not add up", message(2, UNIT, 5, Buffer.alloc(48))],
    ["an answer without a status", message(3, UNIT, 5, Buffer.alloc(7))],
  ];

  test.each(broken)("%s: hangs up, and serves the next bridge", async (_name, bytes) => {
    const bridge = await connected();
    bridge.write(bytes);
    await bridge.hungUp();
    expect(complaints.join()).toContain("turned away");
    await connected();
  });

  test("a greeting that is none: hangs up", async () => {
    for (const bytes of [
      entryMessage(0, INIT),
      resetMessage(1),
      message(1, 0, 0),
      message(1, 0, 0, Buffer.alloc(16)),
      Buffer.alloc(64, 255),
    ]) {
      const bridge = await connectBridge();
      bridge.write(bytes);
      await bridge.hungUp();
    }
    expect(complaints).toHaveLength(5);
  });

  test("more entries than the ring holds: hangs up", async () => {
    const bridge = await connected();
    link.signal(false);
    bridge.write(...Array.from({ length: 513 }, () => entryMessage(5, INIT)));
    await bridge.hungUp();
    expect(complaints.join()).toContain("superfluous entry");
  });

  test("whatever bytes: the port goes on", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 1, max: 5 }), async (bytes, type) => {
        const bridge = await connected();
        bridge.write(message(type, UNIT, 5, bytes), bytes);
        bridge.socket.end();
        await bridge.hungUp();
      }),
      { numRuns: 100 },
    );
    await connected();
  });

  test("about a unit that is not served: passed over", async () => {
    const bridge = await connected();
    bridge.write(message(2, 0x71000099, 0, Buffer.alloc(1)), entryMessage(5, INIT));
    expect((await server.next()).kind).toBe(KIND_INIT);
  });
});

describe("the socket", () => {
  test("is its owner's alone", () => {
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("that somebody listens on is left alone", async () => {
    const second = new QemuPort([], { debug() {}, info() {}, warn() {}, error() {} });
    await expect(second.listen(path)).rejects.toThrow(/another process listens here/);
    await connected();
  });

  test("that a dead daemon left is taken over; another file is not", async () => {
    const stale = join(folder, "stale.sock");
    const code = `require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
    spawnSync(process.execPath, ["-e", code, stale]);
    expect(statSync(stale).isSocket()).toBe(true);
    writeFileSync(join(folder, "file"), "");
    const second = new QemuPort([], { debug() {}, info() {}, warn() {}, error() {} });
    await expect(second.listen(join(folder, "file"))).rejects.toThrow(/is no socket/);
    await second.listen(stale);
    await second.close();
  });

  test("closes although the bridge takes nothing more", async () => {
    const bridge = await connected();
    bridge.socket.pause();
    const room = link.memory.allocate(1 << 22);
    for (let count = 0; count < 4; count++) link.writeClient(0, 0, 0, room, 1 << 22);
    await turn();
    const began = performance.now();
    await port.close();
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
