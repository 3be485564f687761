import { closeSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { H_SUCCESS } from "../../src/abi/papr.ts";
import { loadCore } from "../../src/core/core.ts";
import { SharedMemory } from "../../src/core/shared-memory.ts";
import { DataArea } from "../../src/ports/qemu/data-area.ts";
import { QemuLink } from "../../src/ports/qemu/qemu-link.ts";
import { QemuPort } from "../../src/ports/qemu/qemu-port.ts";
import {
  RESPOND_AREA_TAKEN,
  WIRE_AREA,
  WIRE_AREA_HALF,
  WIRE_AREA_THRESHOLD,
  WIRE_REGISTER,
  WIRE_VERSION,
  WIRE_WRITE,
  WIRE_WRITE_AREA,
} from "../../src/ports/qemu/wire.ts";
import { areaMappedMessage, entryMessage, FakeBridge, helloMessage, UNIT } from "./fake-bridge.ts";
import { command, directDescriptor, RecordingServer, srpEntry } from "./recording-server.ts";

const EPOCH = 5;
const LENGTH = 0x10000;
const OUT = command(0x10, directDescriptor(0, 0x4000, LENGTH));
const IN = command(0x01, directDescriptor(1, 0x4000, WIRE_AREA_HALF));

describe("the ring", () => {
  let area: DataArea;
  let memory: SharedMemory;
  let source: number;

  beforeEach(() => {
    const made = DataArea.make();
    if (!made) throw new Error("no data area could be made");
    area = made;
    area.mapped = true;
    memory = new SharedMemory();
    source = memory.allocate(WIRE_AREA_HALF);
  });
  afterEach(() => area.close());

  test("never hands out what has not been given back, and all of it in the end", () => {
    const step = fc.record({ length: fc.integer({ min: 1, max: WIRE_AREA_HALF >> 1 }), give: fc.nat(3) });
    const live: { place: number; length: number; end: number }[] = [];
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        for (const { length, give } of steps) {
          const position = area.write(memory, source, length);
          if (position >= 0) {
            const place = position % WIRE_AREA_HALF;
            expect(place + length).toBeLessThanOrEqual(WIRE_AREA_HALF);
            for (const other of live)
              expect(place + length <= other.place || other.place + other.length <= place).toBe(true);
            live.push({ place, length, end: (position + length) >>> 0 });
          } else expect(live).not.toEqual([]);
          const given = live.splice(0, give).at(-1);
          if (given) area.givenBack(given.end);
        }
        const last = live.splice(0).at(-1);
        if (last) area.givenBack(last.end);
        const whole = area.write(memory, source, WIRE_AREA_HALF);
        expect(whole).toBeGreaterThanOrEqual(0);
        area.givenBack((whole + WIRE_AREA_HALF) >>> 0);
      }),
      { numRuns: 50 },
    );
  });

  test("passes over positions that it has not handed out", () => {
    const first = area.write(memory, source, WIRE_AREA_HALF);
    area.givenBack(first + WIRE_AREA_HALF + 1);
    area.givenBack(first - 1);
    expect(area.write(memory, source, 1)).toBe(-1);
    area.givenBack(first + WIRE_AREA_HALF);
    expect(area.write(memory, source, 1)).toBeGreaterThanOrEqual(0);
  });
});

describe("between bridge and daemon", () => {
  let folder: string;
  let link: QemuLink;
  let server: RecordingServer;
  let port: QemuPort;
  let bridge: FakeBridge;
  let file: number;
  let complaints: string[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "vscsi-area-test-"));
    const memory = new SharedMemory();
    link = new QemuLink(memory, loadCore(memory, "js"), UNIT, 8);
    server = new RecordingServer(link);
    complaints = [];
    const complain = (fields: object, text: string) => complaints.push(`${text} ${JSON.stringify(fields)}`);
    port = new QemuPort([link], { debug() {}, info() {}, warn: complain, error: complain });
    await port.listen(join(folder, "guest.sock"));
    link.register();
    link.signal(true);
    bridge = await FakeBridge.connect(join(folder, "guest.sock"));
    bridge.write(helloMessage([[UNIT, EPOCH]], WIRE_VERSION, 1));
    const offer = await bridge.next();
    expect(offer.type).toBe(WIRE_AREA);
    expect((await bridge.next()).type).toBe(WIRE_REGISTER);
    file = openSync(offer.body.toString(), "r+");
    ftruncateSync(file, 2 * WIRE_AREA_HALF);
  });

  afterEach(async () => {
    closeSync(file);
    bridge.socket.destroy();
    await port.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const outEntry = (position: number, length = LENGTH) =>
    entryMessage(EPOCH, srpEntry(0x10200, OUT.length), { iu: OUT, area: { position, length } });

  test("data-out goes through the area, and its answer gives the place back", async () => {
    bridge.write(areaMappedMessage(0));
    const data = Buffer.from(Array.from({ length: LENGTH }, (_, index) => (index * 31) & 0xff));
    // A position counts on; its place is where the half begins again.
    for (const position of [0, WIRE_AREA_HALF - LENGTH, 0xffff_0000]) {
      writeSync(file, data, 0, LENGTH, position % WIRE_AREA_HALF);
      bridge.write(outEntry(position));
      const { slot } = await server.next();
      writeSync(file, Buffer.alloc(LENGTH), 0, LENGTH, position % WIRE_AREA_HALF);
      const room = link.memory.allocate(LENGTH);
      expect(link.gather(slot, 0, room, LENGTH)).toBe(H_SUCCESS);
      expect(server.bytes(room, LENGTH).equals(data)).toBe(true);
      server.answer(slot, Buffer.from("response"));
      expect((await bridge.next()).body.readUInt32LE(RESPOND_AREA_TAKEN)).toBe((position + LENGTH) >>> 0);
    }
  });

  test("data-in goes through the area while there is room, and through the socket otherwise", async () => {
    bridge.write(areaMappedMessage(0), entryMessage(EPOCH, srpEntry(0x10200, IN.length), { iu: IN }));
    const { slot } = await server.next();
    const source = link.memory.allocate(WIRE_AREA_HALF);
    link.memory.u8.fill(0xab, source, source + WIRE_AREA_HALF);
    link.scatter(slot, 0, source, WIRE_AREA_HALF);
    link.memory.u8.fill(0, source, source + WIRE_AREA_HALF);
    const whole = await bridge.next();
    expect(whole.type).toBe(WIRE_WRITE_AREA);
    expect(whole.body.toString("hex")).toBe(`0040000001000000${"00000000"}${"00004000"}`);
    const bytes = Buffer.alloc(WIRE_AREA_HALF);
    readSync(file, bytes, 0, WIRE_AREA_HALF, WIRE_AREA_HALF);
    expect(bytes.equals(Buffer.alloc(WIRE_AREA_HALF, 0xab))).toBe(true);

    link.scatter(slot, 0, source, WIRE_AREA_THRESHOLD);
    expect((await bridge.next()).type).toBe(WIRE_WRITE);
    server.release(slot);
    bridge.write(entryMessage(EPOCH, srpEntry(0x10200, IN.length), { iu: IN, areaTaken: WIRE_AREA_HALF }));
    const next = await server.next();
    link.scatter(next.slot, 0, source, WIRE_AREA_THRESHOLD - 1);
    expect((await bridge.next()).type).toBe(WIRE_WRITE);
    link.scatter(next.slot, 0, source, WIRE_AREA_THRESHOLD);
    expect((await bridge.next()).type).toBe(WIRE_WRITE_AREA);
  });

  test("a bridge that can't map it is served through the socket", async () => {
    bridge.write(areaMappedMessage(1), entryMessage(EPOCH, srpEntry(0x10200, IN.length), { iu: IN }));
    const { slot } = await server.next();
    link.scatter(slot, 0, link.memory.allocate(LENGTH), LENGTH);
    expect((await bridge.next()).type).toBe(WIRE_WRITE);
    expect(complaints.join()).toContain("can't map the data area");
  });

  test.each<[string, () => Buffer]>([
    ["data that is not all in the half", () => outEntry(WIRE_AREA_HALF - 1)],
    ["data beyond the limit", () => outEntry(0, 0x40001)],
    [
      "data in both places",
      () => entryMessage(EPOCH, srpEntry(0, OUT.length), { data: OUT, area: { position: 0, length: 4 } }),
    ],
    [
      "data where the file was cut short",
      () => {
        ftruncateSync(file, LENGTH - 1);
        return outEntry(0);
      },
    ],
    ["an answer without a status", () => areaMappedMessage(0).subarray(0, 16).fill(16, 0, 1)],
  ])("%s: hangs up", async (_what, bytes) => {
    bridge.write(areaMappedMessage(0), bytes());
    await bridge.hungUp();
    expect(complaints.join()).toContain("turned away");
  });

  test("data in an area that is not mapped: hangs up", async () => {
    bridge.write(outEntry(0));
    await bridge.hungUp();
    expect(complaints.join()).toContain("turned away");
  });
});
