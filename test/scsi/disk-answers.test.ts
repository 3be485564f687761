import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NullStore } from "../../src/backends/null.ts";
import { diskCommands } from "../../src/scsi/disk/commands.ts";
import { deviceWithDisk } from "../support/disk.ts";
import { HandStore } from "../support/hand-store.ts";
import { NEXUS, run, testMemory } from "../support/scsi-task.ts";

const memory = testMemory();
const device = deviceWithDisk(memory);
const COMMANDS = diskCommands({ thin: false, keepsState: false }).rows;

function ascii(data: Uint8Array, from: number, to: number): string {
  return Buffer.from(data.subarray(from, to)).toString("latin1");
}

function view(data: Uint8Array): DataView {
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}

describe("INQUIRY", () => {
  test("standard data are what AIX looks for", () => {
    const { dataIn } = run(device, memory, [0x12, 0, 0, 0, 255, 0]);
    expect([...dataIn.subarray(0, 8)]).toEqual([0, 0, 6, 0x22, dataIn.length - 5, 0x08, 0, 2]);
    expect(ascii(dataIn, 8, 36)).toBe("IBM     VDASD blkdev    0001");
    expect(ascii(dataIn, 36, 56)).toBe("S1".padEnd(20));
  });

  test("is cut at the allocation length, 0 included", () => {
    expect(run(device, memory, [0x12, 0, 0, 0, 36, 0]).dataIn.length).toBe(36);
    const none = run(device, memory, [0x12, 0, 0, 0, 0, 0]);
    expect([none.status, none.dataInCount]).toEqual([0, 0]);
  });

  test("page 00 lists the pages, and each of them answers", () => {
    const { dataIn } = run(device, memory, [0x12, 1, 0, 0, 255, 0]);
    expect([...dataIn.subarray(4)]).toEqual([0, 0x80, 0x83, 0x85, 0x86, 0x87, 0xb0, 0xb1, 0xb2]);
    for (const page of dataIn.subarray(4)) {
      const { status, dataIn: data } = run(device, memory, [0x12, 1, page, 1, 0, 0]);
      expect([status, data[1], view(data).getUint16(2)]).toEqual([0, page, data.length - 4]);
    }
  });

  test("designators: T10 vendor ID and a locally assigned NAA", () => {
    const { dataIn } = run(device, memory, [0x12, 1, 0x83, 0, 255, 0]);
    expect(ascii(dataIn, 8, 18)).toBe("IBM     S1");
    expect([dataIn[18], dataIn[19], dataIn[21], (dataIn[22] ?? 0) >> 4]).toEqual([1, 3, 8, 3]);
  });

  test("block limits tell what is accepted: one block more is refused", () => {
    const large = deviceWithDisk(memory, {}, new NullStore(memory, 2 ** 30));
    const most = view(run(large, memory, [0x12, 1, 0xb0, 0, 255, 0]).dataIn).getUint32(8);
    expect(most * 512).toBe(16 << 20);
    const read = (count: number) => [0x28, 0, 0, 0, 0, 0, 0, count >> 8, count & 0xff, 0];
    expect(run(large, memory, read(most)).dataInCount).toBe(16 << 20);
    expect(run(large, memory, read(most + 1)).senseText).toBe("05/24/00");
  });

  test.each([
    ["an unknown page", [0x12, 1, 0xc0, 0, 255, 0]],
    ["a page code without EVPD", [0x12, 0, 0x80, 0, 255, 0]],
    ["CMDDT", [0x12, 2, 0, 0, 255, 0]],
  ])("refuses %s", (_name, cdb) => {
    expect(run(device, memory, cdb).senseText).toBe("05/24/00");
  });
});

describe("READ CAPACITY", () => {
  test("(10) and (16)", () => {
    const ten = view(run(device, memory, [0x25]).dataIn);
    expect([ten.getUint32(0), ten.getUint32(4)]).toEqual([2047, 512]);
    const sixteen = view(run(device, memory, [0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32]).dataIn);
    expect([sixteen.byteLength, sixteen.getBigUint64(0), sixteen.getUint32(8)]).toEqual([32, 2047n, 512]);
  });

  test("(10) says FFFFFFFF when 32 bits do not suffice", () => {
    const large = deviceWithDisk(memory, {}, new NullStore(memory, 2 ** 42));
    expect(view(run(large, memory, [0x25]).dataIn).getUint32(0)).toBe(0xffffffff);
    const sixteen = run(large, memory, [0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32]);
    expect(view(sixteen.dataIn).getBigUint64(0)).toBe(2n ** 33n - 1n);
  });

  test("blocks of 4096 bytes", () => {
    const ten = view(run(deviceWithDisk(memory, { blockSize: 4096 }), memory, [0x25]).dataIn);
    expect([ten.getUint32(0), ten.getUint32(4)]).toEqual([255, 4096]);
  });

  test("another service action is a wrong field", () => {
    expect(run(device, memory, [0x9e, 0x11]).senseText).toBe("05/24/00");
    expect(run(device, memory, [0x9e, 0x1f]).senseText).toBe("05/24/00");
  });
});

test("REQUEST SENSE: no sense, in the format that DESC asks for", () => {
  const { dataIn } = run(device, memory, [0x03, 0, 0, 0, 252, 0]);
  expect([dataIn.length, dataIn[0], dataIn[2], dataIn[7]]).toEqual([18, 0x70, 0, 10]);
  expect([...run(device, memory, [0x03, 1, 0, 0, 252, 0]).dataIn]).toEqual([0x72, 0, 0, 0, 0, 0, 0, 0]);
});

test("START STOP UNIT: a stopped unit is not ready until it is started", () => {
  const own = deviceWithDisk(memory);
  expect(run(own, memory, [0x1b, 0, 0, 0, 0, 0]).status).toBe(0);
  expect(run(own, memory, [0x00]).senseText).toBe("02/04/02");
  expect(run(own, memory, [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0]).senseText).toBe("02/04/02");
  expect(run(own, memory, [0x12, 0, 0, 0, 36, 0]).status).toBe(0);
  expect(run(own, memory, [0x1b, 0, 0, 0, 1, 0]).status).toBe(0);
  expect(run(own, memory, [0x00]).status).toBe(0);
});

test("an unknown operation code", () => {
  expect(run(device, memory, [0xff]).senseText).toBe("05/20/00");
});

test("no memory for data is BUSY", () => {
  for (const cdb of [[0x25], [0x12, 0, 0, 0, 36, 0], [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0]])
    expect(run(device, memory, cdb, { noBuffer: true }).status).toBe(0x08);
});

describe("the command table", () => {
  test("each operation code and service action once, usage as long as its group demands", () => {
    const LENGTH_OF_GROUP = [6, 10, 10, 0, 16, 12];
    const keys = COMMANDS.map(({ opcode, serviceAction }) => `${opcode}/${serviceAction}`);
    expect(new Set(keys).size).toBe(keys.length);
    for (const { name, opcode, usage } of COMMANDS)
      expect([name, usage.length]).toEqual([name, LENGTH_OF_GROUP[opcode >> 5]]);
  });

  test("a reserved bit in any command is INVALID FIELD IN CDB", () => {
    for (const { name, opcode, serviceAction, usage } of COMMANDS)
      for (let at = 1; at < usage.length; at++) {
        const reserved = ~(usage[at] ?? 0) & 0xff;
        if (reserved === 0) continue;
        const cdb = [opcode, serviceAction ?? 0, ...new Array<number>(14).fill(0)];
        cdb[at] = (cdb[at] ?? 0) | (reserved & -reserved);
        expect([name, at, run(device, memory, cdb).senseText]).toEqual([name, at, "05/24/00"]);
      }
  });

  test("any CDB ends exactly once, with a status", () => {
    const opcode = fc.constantFrom(...COMMANDS.map((command) => command.opcode), 0xa0, 0x15, 0xff);
    const own = deviceWithDisk(memory, {}, new NullStore(memory, 1 << 20));
    fc.assert(
      fc.property(opcode, fc.uint8Array({ minLength: 15, maxLength: 15 }), (code, rest) => {
        const task = run(own, memory, [code, ...rest]);
        expect(task.ends).toBe(1);
        expect([0x00, 0x02, 0x08, 0x18, 0x30]).toContain(task.status);
        // Many of them set NACA and fail: the next one is not to be refused for that.
        own.clearAca(NEXUS, memory, task.lunOffset);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("ordering", () => {
  const READ = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];

  test("ORDERED waits for those before it, those behind wait for it, HEAD OF QUEUE does not wait", () => {
    const store = new HandStore();
    const own = deviceWithDisk(memory, {}, store);
    const at = (lba: number, attribute: number) => run(own, memory, READ.with(5, lba), { attribute });
    const [first, ordered, behind] = [at(0, 0), at(1, 2), at(2, 0)];
    const head = at(3, 1);
    const offsets = () => store.pending.map(({ offset }) => offset / 512);
    expect(offsets()).toEqual([0, 3]);
    store.end();
    expect(offsets()).toEqual([3]);
    store.end();
    expect(offsets()).toEqual([1]);
    store.end();
    expect(offsets()).toEqual([2]);
    store.end();
    expect([first, ordered, behind, head].map(({ ends, status }) => [ends, status])).toEqual(Array(4).fill([1, 0]));
  });

  test("a failed command lets the next one go", () => {
    const store = new HandStore();
    const own = deviceWithDisk(memory, {}, store);
    const tasks = [2, 2, 0].map((attribute) => run(own, memory, READ, { attribute }));
    for (let index = 0; index < 3; index++) store.end(-5);
    expect(tasks.map(({ senseText, ends }) => [senseText, ends])).toEqual(Array(3).fill(["03/11/00", 1]));
  });
});
