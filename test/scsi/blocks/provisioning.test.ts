import { describe, expect, test } from "vitest";
import { MemoryStore } from "../../../src/backends/memory.ts";
import { STORE_DONE, STORE_PENDING } from "../../../src/scsi/block-store.ts";
import { cdb10, cdb16, getLbaStatusCdb, unmapCdb, unmapList } from "../../support/block-cdbs.ts";
import { deviceWithDisk } from "../../support/disk.ts";
import { HandClock } from "../../support/hand-clock.ts";
import { run, testMemory } from "../../support/scsi-task.ts";
import { ThinStore } from "../../support/thin-store.ts";

const memory = testMemory();
const BLOCK = 512;
const UNMAP_BIT = 0x08;
const NDOB = 0x01;

function thin(blockSize = BLOCK) {
  const store = new ThinStore(memory, 1 << 20);
  return { store, device: deviceWithDisk(memory, { thin: true, blockSize }, store) };
}

function fullStore() {
  const store = new ThinStore(memory, 1 << 20);
  store.provisioning = undefined;
  return store;
}

function full() {
  const store = fullStore();
  return { store, device: deviceWithDisk(memory, {}, store) };
}

function block(value: number, count = 1): Uint8Array {
  return new Uint8Array(count * BLOCK).fill(value);
}

describe.each([
  ["WRITE SAME(10)", (lba: number, count: number, flags = 0) => cdb10(0x41, lba, count, flags)],
  ["WRITE SAME(16)", (lba: number, count: number, flags = 0) => cdb16(0x93, lba, count, flags)],
])("%s", (_name, writeSame) => {
  test("repeats its block", () => {
    const { store, device } = full();
    expect(run(device, memory, writeSame(2, 1000), { dataOut: block(3) }).status).toBe(0);
    expect(store.bytes.slice(2 * BLOCK, 1002 * BLOCK)).toEqual(block(3, 1000));
    expect([store.bytes[2 * BLOCK - 1], store.bytes[1002 * BLOCK]]).toEqual([0, 0]);
  });

  test("0 blocks are all up to the end", () => {
    const { store, device } = full();
    expect(run(device, memory, writeSame(2040, 0), { dataOut: block(3) }).status).toBe(0);
    expect(store.bytes.slice(2040 * BLOCK)).toEqual(block(3, 8));
    expect(run(device, memory, writeSame(2048, 0), { dataOut: block(3) }).status).toBe(0);
    expect(run(device, memory, writeSame(2049, 0), { dataOut: block(3) }).senseText).toBe("05/21/00");
  });

  test("UNMAP lets go of the blocks, whatever the block holds that comes along", () => {
    const { store, device } = thin();
    run(device, memory, writeSame(0, 64), { dataOut: block(5) });
    expect(run(device, memory, writeSame(8, 32, UNMAP_BIT), { dataOut: block(0) }).status).toBe(0);
    expect(store.held.slice(0, 8)).toEqual([true, false, false, false, false, true, true, true]);
    run(device, memory, writeSame(0, 64), { dataOut: block(5) });
    expect(run(device, memory, writeSame(8, 32, UNMAP_BIT), { dataOut: block(6) }).status).toBe(0);
    expect(store.bytes.slice(8 * BLOCK, 40 * BLOCK)).toEqual(block(0, 32));
  });

  test("what is refused", () => {
    expect(run(full().device, memory, writeSame(0, 1, UNMAP_BIT), { dataOut: block(0) }).senseText).toBe("05/24/00");
    const { device } = thin();
    expect(run(device, memory, writeSame(0, 1, 0x18), { dataOut: block(0) }).senseText).toBe("05/24/00");
    expect(run(device, memory, writeSame(0, 1), { dataOut: block(0, 2) }).senseText).toBe("05/24/00");
    expect(run(device, memory, writeSame(0, 1)).senseText).toBe("05/24/00");
    expect(run(device, memory, writeSame(2047, 2), { dataOut: block(0) }).senseText).toBe("05/21/00");
  });
});

test("WRITE SAME(16) with NDOB writes zeros and takes no data", () => {
  const { store, device } = full();
  store.bytes.fill(9);
  expect(run(device, memory, cdb16(0x93, 1, 2, NDOB)).status).toBe(0);
  expect(store.bytes.slice(0, 4 * BLOCK)).toEqual(Uint8Array.from([...block(9), ...block(0, 2), ...block(9)]));
  expect(run(device, memory, cdb16(0x93, 1, 2, NDOB), { dataOut: block(1) }).senseText).toBe("05/24/00");
});

test("WRITE SAME longer than VPD page B0 says", () => {
  const device = deviceWithDisk(memory, {}, new MemoryStore(memory, 1 << 30));
  const limits = run(device, memory, [0x12, 1, 0xb0, 0, 64, 0]).dataIn;
  const most = Number(new DataView(limits.buffer).getBigUint64(36));
  expect(run(device, memory, cdb16(0x93, 0, most + 1), { dataOut: block(0) }).senseText).toBe("05/24/00");
});

describe("UNMAP", () => {
  test("several extents, zeros afterwards, partial granules too", () => {
    const { store, device } = thin();
    run(device, memory, cdb16(0x93, 0, 64), { dataOut: block(5) });
    const list = unmapList([
      [0, 8],
      [12, 1],
      [20, 0],
      [24, 12],
    ]);
    expect(run(device, memory, unmapCdb(list.length), { dataOut: list }).status).toBe(0);
    expect(store.held.slice(0, 8)).toEqual([false, true, true, false, true, true, true, true]);
    const zero = (lba: number) => store.bytes.subarray(lba * BLOCK, (lba + 1) * BLOCK).every((byte) => byte === 0);
    const zeros = Array.from({ length: 64 }, (_, lba) => lba).filter(zero);
    expect(zeros).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 12, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35]);
  });

  test("nothing happens unless all of the list is right", () => {
    const { store, device } = thin();
    run(device, memory, cdb16(0x93, 0, 64), { dataOut: block(5) });
    const list = unmapList([
      [0, 8],
      [2040, 9],
    ]);
    expect(run(device, memory, unmapCdb(list.length), { dataOut: list }).senseText).toBe("05/21/00");
    expect(store.held[0]).toBe(true);
  });

  test.each([
    ["an empty list", unmapCdb(0), new Uint8Array(), ""],
    ["a list of no descriptor", unmapCdb(8), unmapList([]), ""],
    ["half a header", unmapCdb(4), unmapList([]).slice(0, 4), "05/1a/00"],
    ["half a descriptor, which is ignored", unmapCdb(16), unmapList([[5000, 1]]).slice(0, 16), ""],
    ["less than the CDB promises", unmapCdb(24), unmapList([]), "05/1a/00"],
    ["ANCHOR", unmapCdb(8, 1), unmapList([]), "05/24/00"],
    ["an address of 64 bits", unmapCdb(24), unmapList([[2 ** 63, 1]]), "05/21/00"],
    ["too many descriptors", unmapCdb(8 + 257 * 16), unmapList(Array.from({ length: 257 }, () => [0, 1])), "05/26/00"],
  ])("%s", (_name, cdb, dataOut, sense) => {
    expect(run(thin().device, memory, cdb, { dataOut }).senseText).toBe(sense);
  });

  test("a disk that is not thin does not have it", () => {
    expect(run(full().device, memory, unmapCdb(0)).senseText).toBe("05/20/00");
  });

  test("a thin disk on a store that keeps all writes zeros", () => {
    const store = fullStore();
    const device = deviceWithDisk(memory, { thin: true }, store);
    store.bytes.fill(1);
    const list = unmapList([
      [1, 1000],
      [1500, 1],
    ]);
    expect(run(device, memory, unmapCdb(list.length), { dataOut: list }).status).toBe(0);
    const ones = store.bytes.reduce((sum, byte) => sum + byte, 0);
    expect(ones).toBe((2048 - 1001) * BLOCK);
  });
});

describe("GET LBA STATUS", () => {
  function descriptors(data: Uint8Array): number[][] {
    const view = new DataView(data.buffer);
    const count = (data.length - 8) / 16;
    return Array.from({ length: count }, (_, index) => {
      const at = 8 + 16 * index;
      return [Number(view.getBigUint64(at)), view.getUint32(at + 8), view.getUint8(at + 12)];
    });
  }

  test("what storage holds, from the block that was asked for", () => {
    const { device } = thin();
    run(device, memory, cdb10(0x2a, 16, 8), { dataOut: block(1, 8) });
    const { dataIn } = run(device, memory, getLbaStatusCdb(3, 8 + 3 * 16));
    expect(new DataView(dataIn.buffer).getUint32(0)).toBe(dataIn.length - 4);
    expect(descriptors(dataIn)).toEqual([
      [3, 13, 1],
      [16, 8, 0],
      [24, 2024, 1],
    ]);
    expect(descriptors(run(device, memory, getLbaStatusCdb(20, 24)).dataIn)).toEqual([[20, 4, 0]]);
  });

  test("a full disk holds all of it", () => {
    const device = deviceWithDisk(memory, {}, fullStore());
    expect(descriptors(run(device, memory, getLbaStatusCdb(0, 512)).dataIn)).toEqual([[0, 2048, 0]]);
  });

  test("beyond the end", () => {
    expect(run(thin().device, memory, getLbaStatusCdb(2048, 24)).senseText).toBe("05/21/00");
  });

  test("a granule of storage smaller than a block: held in part is held", () => {
    const store = new ThinStore(memory, 1 << 20, 512);
    const device = deviceWithDisk(memory, { thin: true, blockSize: 4096 }, store);
    store.held[9] = true;
    expect(descriptors(run(device, memory, getLbaStatusCdb(0, 8 + 3 * 16)).dataIn)).toEqual([
      [0, 1, 1],
      [1, 1, 0],
      [2, 254, 1],
    ]);
  });

  test("a store that answers later, each time with a few extents, some alike and some that cut a block", () => {
    const { store, device } = thin(4096);
    const [held, gone] = [
      (length: number) => ({ length, allocated: true }),
      (length: number) => ({ length, allocated: false }),
    ];
    const answers = [[gone(4096), gone(1000)], [gone(1000), held(100), gone(7092)], [held((1 << 20) - 3 * 4096)]];
    const asked: number[] = [];
    const pending: (() => void)[] = [];
    store.provisioning = {
      granularity: 4096,
      deallocate: () => 0,
      findExtents: (offset, _length, found, completion) => {
        asked.push(offset / 4096);
        pending.push(() => {
          found.push(...(answers.shift() ?? []));
          completion.storeDone(STORE_DONE);
        });
        return STORE_PENDING;
      },
    };
    const task = run(device, memory, getLbaStatusCdb(0, 512));
    expect(task.ends).toBe(0);
    while (pending.length > 0) pending.shift()?.();
    expect(descriptors(task.dataIn)).toEqual([
      [0, 1, 1],
      [1, 1, 0],
      [2, 1, 1],
      [3, 253, 0],
    ]);
    expect([task.ends, ...asked]).toEqual([1, 0, 1, 3]);
  });

  test("a store that fails", () => {
    const { store, device } = thin();
    store.provisioning = { granularity: 4096, deallocate: () => 0, findExtents: () => -5 };
    expect(run(device, memory, getLbaStatusCdb(0, 512)).senseText).toBe("03/11/00");
  });

  test("a fragmented medium is told in part, by a bounded number of questions, with others between them", () => {
    const clock = new HandClock();
    const store = new ThinStore(memory, 1 << 20, 512);
    store.held.forEach((_, at) => {
      store.held[at] = at % 2 === 0;
    });
    const device = deviceWithDisk(memory, { thin: true, clock }, store);
    const task = run(device, memory, getLbaStatusCdb(0, 0x10000));
    expect(task.ends).toBe(0);
    expect(clock.run()).toBe(16);
    expect(descriptors(task.dataIn).length).toBe(256);
    expect(task.ends).toBe(1);
  });
});

describe("what a disk says of itself", () => {
  const view = ({ dataIn }: { dataIn: Uint8Array }) => new DataView(dataIn.buffer);
  const CAPACITY_16 = [0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0];
  const limits = [0x12, 1, 0xb0, 0, 64, 0];
  const provisioning = [0x12, 1, 0xb2, 0, 64, 0];

  test("thin", () => {
    const { device } = thin();
    expect(view(run(device, memory, CAPACITY_16)).getUint8(14)).toBe(0xc0);
    expect([...run(device, memory, provisioning).dataIn.subarray(4, 8)]).toEqual([0, 0xe4, 2, 0]);
    const page = view(run(device, memory, limits));
    expect([page.getUint32(20), page.getUint32(24), page.getUint32(28), page.getUint32(32)]).toEqual([
      1048576, 256, 8, 0x8000_0000,
    ]);
  });

  test("fully provisioned", () => {
    const { device } = full();
    expect(view(run(device, memory, CAPACITY_16)).getUint8(14)).toBe(0);
    expect([...run(device, memory, provisioning).dataIn.subarray(4, 8)]).toEqual([0, 0, 0, 0]);
    const page = view(run(device, memory, limits));
    expect([page.getUint32(20), page.getUint32(24), page.getUint32(28), page.getUint32(32)]).toEqual([0, 0, 0, 0]);
  });
});

test("READ DEFECT DATA tells empty lists", () => {
  const { device } = full();
  expect([...run(device, memory, [0x37, 0, 0x1d, 0, 0, 0, 0, 0, 64, 0]).dataIn]).toEqual([0, 0x1d, 0, 0]);
  expect([...run(device, memory, [0xb7, 0x0d, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0]).dataIn]).toEqual([
    0, 0x0d, 0, 0, 0, 0, 0, 0,
  ]);
});

test("PRE-FETCH is GOOD within the medium", () => {
  const { device } = full();
  expect(run(device, memory, cdb10(0x34, 0, 0, 2)).status).toBe(0);
  expect(run(device, memory, cdb16(0x90, 2047, 1)).status).toBe(0);
  expect(run(device, memory, cdb16(0x90, 2047, 2)).senseText).toBe("05/21/00");
});
