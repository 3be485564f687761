import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readSavedPages } from "../../src/scsi/mode/saved-pages.ts";
import { deviceWithDisk } from "../support/disk.ts";
import { HandStore } from "../support/hand-store.ts";
import { type FakeTask, makeNexus, type RunOptions, run, testMemory } from "../support/scsi-task.ts";
import { MemoryState } from "../support/unit-state.ts";

const memory = testMemory();
const DISABLE_BLOCK_DESCRIPTORS = 8;
const CACHING = [0x08, 0x12, 0x04, ...new Array<number>(17).fill(0)];
const CONTROL = [0x0a, 0x0a, 0, 0x10, 0, 0, 0, 0, 0xff, 0xff, 0, 0];
const WCE_OFF = changed(CACHING, 2, 0);
const SWP = changed(CONTROL, 4, 0x08);
const D_SENSE = changed(CONTROL, 2, 0x04);

function changed(bytes: readonly number[], at: number, value: number): number[] {
  return bytes.map((byte, index) => (index === at ? value : byte));
}

function disk(state?: MemoryState) {
  return deviceWithDisk(memory, state === undefined ? {} : { state });
}
type Device = ReturnType<typeof disk>;

function sense6(device: Device, page: number, { subpage = 0, flags = DISABLE_BLOCK_DESCRIPTORS } = {}): FakeTask {
  return run(device, memory, [0x1a, flags, page, subpage, 255, 0]);
}

function page(device: Device, code: number): number[] {
  return [...sense6(device, code).dataIn.subarray(4)];
}

function select6(device: Device, list: readonly number[], options: RunOptions & { flags?: number } = {}): FakeTask {
  const { flags = 0x10, ...rest } = options;
  return run(device, memory, [0x15, flags, 0, 0, list.length, 0], { dataOut: Uint8Array.from(list), ...rest });
}

function header6(...pages: readonly (readonly number[])[]): number[] {
  return [0, 0, 0, 0, ...pages.flat()];
}

describe("MODE SENSE", () => {
  const device = disk();

  test("(6) all pages: header, block descriptor, pages in the order of their codes", () => {
    const { dataIn } = sense6(device, 0x3f, { flags: 0 });
    expect([...dataIn.subarray(0, 12)]).toEqual([dataIn.length - 1, 0, 0x10, 8, 0, 0, 8, 0, 0, 0, 2, 0]);
    const codes: string[] = [];
    for (let at = 12; at < dataIn.length; at += 2 + (dataIn[at + 1] ?? 0)) codes.push((dataIn[at] ?? 0).toString(16));
    expect(codes).toEqual(["1", "2", "8", "a", "1a", "1c"]);
  });

  test("subpage FF adds the subpages, in sub-page format", () => {
    expect([...sense6(device, 0x0a, { subpage: 0xff }).dataIn.subarray(4, 22)]).toEqual([
      ...CONTROL,
      ...[0x4a, 0x01, 0, 0x1c, 0, 0],
    ]);
    const all = sense6(device, 0x3f, { subpage: 0xff }).dataIn.length;
    expect(all - sense6(device, 0x3f).dataIn.length).toBe(32);
    expect([...sense6(device, 0x0a, { subpage: 1 }).dataIn.subarray(4, 8)]).toEqual([0x4a, 0x01, 0, 0x1c]);
  });

  test("(10) with LLBAA has a long descriptor", () => {
    const { dataIn } = run(device, memory, [0x5a, 0x10, 0x08, 0, 0, 0, 0, 0, 255, 0]);
    expect([...dataIn.subarray(0, 24)]).toEqual([
      ...[0, dataIn.length - 2, 0, 0x10, 1, 0, 0, 16],
      ...[0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 2, 0],
    ]);
  });

  test.each([
    ["unknown page", 0x0d, 0, 2],
    ["unknown subpage", 0x0a, 2, 2],
    ["reserved subpage of all pages", 0x3f, 1, 3],
  ])("%s is INVALID FIELD IN CDB", (_, code, subpage, pointer) => {
    const task = sense6(device, code, { subpage });
    expect([task.senseText, task.sense[17]]).toEqual(["05/24/00", pointer]);
  });

  test("page control: changeable, default, saved values", () => {
    expect(page(device, 0x48)).toEqual([0x08, 0x12, 0x04, ...new Array<number>(17).fill(0)]);
    expect(page(device, 0x4a)).toEqual([0x0a, 0x0a, 0x04, 0, 0x08, 0, 0, 0, 0, 0, 0, 0]);
    expect(page(device, 0x88)).toEqual(CACHING);
    expect(sense6(device, 0xc8).senseText).toBe("05/39/00");
  });

  test("a read-only disk sets WP", () => {
    const readOnly = deviceWithDisk(memory, { readOnly: true });
    expect(sense6(readOnly, 0x3f).dataIn[2]).toBe(0x90);
  });
});

describe("MODE SELECT changes what the unit does", () => {
  const READ_BEYOND = [0x28, 0, 0xff, 0, 0, 0, 0, 0, 1, 0];
  const WRITE_ONE = [0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0];

  test("SWP protects, and MODE SENSE tells it", () => {
    const device = disk();
    const data = { dataOut: new Uint8Array(512) };
    expect(select6(device, header6(SWP)).senseText).toBe("");
    expect(run(device, memory, WRITE_ONE, data).senseText).toBe("07/27/02");
    expect(sense6(device, 0x0a).dataIn[2]).toBe(0x90);
    expect(select6(device, header6(CONTROL)).status).toBe(0);
    expect(run(device, memory, WRITE_ONE, data).status).toBe(0);
  });

  test("D_SENSE chooses the format of sense data", () => {
    const device = disk();
    expect(run(device, memory, READ_BEYOND).sense[0]).toBe(0x70);
    select6(device, header6(D_SENSE));
    const task = run(device, memory, READ_BEYOND);
    expect([task.sense[0], task.senseText]).toEqual([0x72, "05/21/00"]);
  });

  test("without WCE every write is durable", () => {
    const store = new HandStore();
    const device = deviceWithDisk(memory, {}, store);
    run(device, memory, WRITE_ONE, { dataOut: new Uint8Array(512) });
    expect(store.pending.pop()?.durable).toBe(false);
    expect(select6(device, header6(WCE_OFF)).status).toBe(0);
    run(device, memory, WRITE_ONE, { dataOut: new Uint8Array(512) });
    expect(store.pending.pop()?.durable).toBe(true);
  });

  test("another nexus is told, the sender and a list without a change tell nobody", () => {
    const device = disk();
    const other = makeNexus("other");
    device.nexusOpened(other);
    const ready = (nexus = other) => run(device, memory, [0, 0, 0, 0, 0, 0], { nexus }).senseText;
    expect(select6(device, header6(CACHING, CONTROL)).status).toBe(0);
    expect(ready()).toBe("");
    select6(device, header6(WCE_OFF));
    expect([ready(), ready(), run(device, memory, [0, 0, 0, 0, 0, 0]).senseText]).toEqual(["06/2a/01", "", ""]);
  });

  test("(10) with a block descriptor, and several pages", () => {
    const device = disk();
    const descriptor = [0, 0, 8, 0, 0, 0, 2, 0];
    const list = [0, 0, 0, 0, 0, 0, 0, 8, ...descriptor, ...WCE_OFF, ...SWP];
    const task = run(device, memory, [0x55, 0x10, 0, 0, 0, 0, 0, 0, list.length, 0], {
      dataOut: Uint8Array.from(list),
    });
    expect([task.senseText, task.dataOutCount]).toEqual(["", list.length]);
    expect([page(device, 0x08), page(device, 0x0a)]).toEqual([WCE_OFF, SWP]);
  });
});

describe("a list that is wrong changes nothing", () => {
  const LENGTH = "05/1a/00";
  const FIELD = "05/26/00";
  test.each([
    ["shorter than its header", [0, 0, 0], LENGTH, undefined],
    ["a page cut off", header6(WCE_OFF).slice(0, -1), LENGTH, undefined],
    ["a page's header cut off", [...header6(WCE_OFF), 0x0a], LENGTH, undefined],
    ["a block descriptor cut off", [0, 0, 0, 8, 0, 0], LENGTH, undefined],
    ["medium type", changed(header6(WCE_OFF), 1, 1), FIELD, 1],
    ["length of a block descriptor", [0, 0, 0, 7, ...WCE_OFF], FIELD, 3],
    ["another capacity", [0, 0, 0, 8, 0, 0, 7, 0, 0, 0, 2, 0, ...WCE_OFF], FIELD, 4],
    ["another block size", [0, 0, 0, 8, 0, 0, 8, 0, 0, 0, 4, 0, ...WCE_OFF], FIELD, 8],
    ["PS", header6(changed(WCE_OFF, 0, 0x88)), FIELD, 4],
    ["an unknown page", header6(WCE_OFF, [0x0d, 0x02, 0, 0]), FIELD, 24],
    ["a page of another length", header6(changed(WCE_OFF, 1, 0x10)), FIELD, 5],
    ["a bit that is not changeable", header6(changed(WCE_OFF, 2, 0x01)), FIELD, 6],
    ["the second page", header6(WCE_OFF, changed(SWP, 3, 0)), FIELD, 27],
    ["sub-page format of subpage 0", header6([0x48, 0, 0, 0x12, ...WCE_OFF.slice(2)]), FIELD, 4],
  ] as const)("%s", (_, list, expected, pointer) => {
    const device = disk();
    const task = select6(device, list);
    expect(task.senseText).toBe(expected);
    if (pointer !== undefined) expect((task.sense[16] ?? 0) * 256 + (task.sense[17] ?? 0)).toBe(pointer);
    expect([page(device, 0x08), page(device, 0x0a)]).toEqual([CACHING, CONTROL]);
  });

  test("less data-out than the CDB says", () => {
    const task = run(disk(), memory, [0x15, 0x10, 0, 0, 24, 0], { dataOut: new Uint8Array(10) });
    expect([task.senseText, task.dataOutCount]).toEqual([LENGTH, 24]);
  });

  test("pages of no standard, SP without a place to save; an empty list is no error", () => {
    expect(select6(disk(), header6(WCE_OFF), { flags: 0 }).senseText).toBe("05/24/00");
    expect(select6(disk(), header6(WCE_OFF), { flags: 0x11 }).senseText).toBe("05/24/00");
    expect(select6(disk(), []).status).toBe(0);
  });

  test("any list ends with a status, and leaves only changeable bits changed", () => {
    const device = disk();
    const bytes = fc.array(fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 2, 4, 8, 10, 18)), {
      maxLength: 64,
    });
    fc.assert(
      fc.property(bytes, fc.boolean(), (list, framed) => {
        const task = select6(device, framed ? header6(changed(WCE_OFF, 2, list[0] ?? 0), list) : list);
        expect(task.ends).toBe(1);
        expect([0, 2]).toContain(task.status);
        const caching = page(device, 0x08);
        expect(changed(caching, 2, (caching[2] ?? 0) | 4)).toEqual(CACHING);
      }),
    );
  });
});

describe("saved pages", () => {
  const SAVE = { flags: 0x11 };

  test("come back after a restart, and after a reset", () => {
    const state = new MemoryState();
    const device = disk(state);
    expect(page(device, 0xc8)).toEqual(changed(CACHING, 0, 0x88));
    expect(select6(device, header6(WCE_OFF), SAVE).status).toBe(0);
    expect(select6(device, header6(SWP)).status).toBe(0);
    expect([page(device, 0x0a)[4], page(device, 0xca)[4]]).toEqual([0x08, 0]);
    const restarted = disk(state);
    expect([page(restarted, 0x08)[2], page(restarted, 0x88)[2], page(restarted, 0x0a)[4]]).toEqual([0, 4, 0]);
    for (const unit of device.logicalUnits.values()) unit.reset(() => {});
    run(device, memory, [0, 0, 0, 0, 0, 0]);
    expect([page(device, 0x08)[2], page(device, 0x0a)[4]]).toEqual([0, 0]);
  });

  test("that can't be saved are not changed either", () => {
    const state = new MemoryState();
    state.failure = new Error("disk full");
    const device = disk(state);
    expect(select6(device, header6(WCE_OFF), SAVE).senseText).toBe("04/44/00");
    expect(page(device, 0x08)[2]).toBe(4);
  });

  test("that are damaged, or set what can't be set, leave the defaults", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, framed) => {
        const state = new MemoryState();
        state.kept.set(
          "mode-pages",
          framed ? Uint8Array.from([1, 0x08, 0, 18, ...bytes, ...new Array(18).fill(9)]) : bytes,
        );
        const caching = page(disk(state), 0x08);
        expect(changed(changed(caching, 2, (caching[2] ?? 0) | 4), 0, 8)).toEqual(CACHING);
      }),
    );
    expect(readSavedPages(Uint8Array.from([1, 8, 0, 2, 7]))).toBeUndefined();
    expect(readSavedPages(Uint8Array.from([2]))).toBeUndefined();
  });
});
