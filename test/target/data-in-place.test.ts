// Reads whose bytes go straight to the client's memory, and those that must not.
import { describe, expect, test, vi } from "vitest";
import { MemoryStore } from "../../src/backends/memory.ts";
import type { SharedMemory } from "../../src/core/shared-memory.ts";
import { deviceLun } from "../../src/initiator/lun.ts";
import { LINUX } from "../../src/initiator/profiles.ts";
import { STORE_PENDING } from "../../src/scsi/block-store.ts";
import { map } from "../papr/pair.ts";
import { HandDevice } from "./hand-device.ts";
import { command, RawClient, srpEntry } from "./raw-client.ts";
import { DISK_SIZE, type Served, serve } from "./served.ts";

const LUN = deviceLun(3);
const BLOCKS = 8;
const BYTES = BLOCKS * 512;
const READ = [0x28, 0, 0, 0, 0, 2, 0, 0, BLOCKS, 0];
const WRITE = [0x2a, ...READ.slice(1)];
const PATTERN = Uint8Array.from({ length: BYTES }, (_, at) => (at * 7 + 1) & 0xff);
const EIO = -5;

/** Memory that answers reads in place as the test says. */
class StoreInPlace extends MemoryStore {
  answer: number | undefined;
  readonly placedAt: number[] = [];

  override readNow(offset: number, address: number, length: number): number {
    this.placedAt.push(address);
    return this.answer ?? super.readNow(offset, address, length);
  }

  override read(offset: number, address: number, length: number): number {
    return super.readNow(offset, address, length);
  }
}

async function written(core: "wasm" | "js"): Promise<Served & { store: StoreInPlace; scatter: () => number }> {
  let store: StoreInPlace | undefined;
  const served = serve(LINUX, core, (memory: SharedMemory) => {
    store = new StoreInPlace(memory, DISK_SIZE);
    return store;
  });
  if (store === undefined) throw new Error("no store was made");
  await served.initiator.connect();
  await served.initiator.command({ lun: LUN, cdb: [0, 0, 0, 0, 0, 0] });
  await served.initiator.command({ lun: LUN, cdb: WRITE, dataOut: PATTERN });
  const scatter = vi.spyOn(served.link, "scatter");
  return { ...served, store, scatter: () => scatter.mock.calls.length };
}

describe.each(["wasm", "js"] as const)("reads in place, core %s", (core) => {
  test("a buffer in one piece is read into, without a copy", async () => {
    const { initiator, store, scatter } = await written(core);
    const { status, data, dataInResidual } = await initiator.command({ lun: LUN, cdb: READ, dataInLength: BYTES });
    expect([status, dataInResidual, Buffer.from(data).equals(PATTERN)]).toEqual([0, 0, true]);
    expect([store.placedAt.length, scatter()]).toEqual([1, 0]);
  });

  test("a larger buffer keeps what is behind the data, and tells what is missing", async () => {
    const { initiator, scatter } = await written(core);
    const { status, data, dataInResidual } = await initiator.command({
      lun: LUN,
      cdb: READ,
      dataInLength: BYTES + 512,
    });
    expect([status, dataInResidual, scatter()]).toEqual([0, 512, 0]);
    expect(Buffer.from(data).subarray(0, BYTES).equals(PATTERN)).toBe(true);
  });

  test("a smaller buffer gets a copy of what it has room for", async () => {
    const { initiator, store, scatter } = await written(core);
    const { status, data } = await initiator.command({ lun: LUN, cdb: READ, dataInLength: 512 });
    expect([status, store.placedAt.length, scatter()]).toEqual([0, 0, 1]);
    expect(Buffer.from(data).equals(PATTERN.subarray(0, 512))).toBe(true);
  });

  test("what the store has to wait for goes by a buffer of ours", async () => {
    const { initiator, store, scatter } = await written(core);
    store.answer = STORE_PENDING;
    const { status, data } = await initiator.command({ lun: LUN, cdb: READ, dataInLength: BYTES });
    expect([status, Buffer.from(data).equals(PATTERN)]).toEqual([0, true]);
    expect([store.placedAt.length, scatter()]).toEqual([1, 1]);
  });

  test("an error on the way is the command's", async () => {
    const { initiator, store } = await written(core);
    store.answer = EIO;
    const { status, sense } = await initiator.command({ lun: LUN, cdb: READ, dataInLength: BYTES });
    expect([status, sense[2], sense[12], sense[13]]).toEqual([2, 0x03, 0x11, 0x00]);
  });
});

describe("the client's buffer as the server adapter finds it", () => {
  const [IU, DATA, MINE] = [0x10000, 0x40000, 0x60000];

  function taskWith(descriptors: { dataIn?: [number, number]; dataOut?: [number, number] }) {
    const device = new HandDevice();
    const client = new RawClient({ makeDevice: () => device });
    client.login();
    client.write(IU, command({ tag: 1, ...descriptors }));
    client.send(srpEntry(IU));
    const [task] = device.tasks;
    if (task === undefined) throw new Error("the device got no task");
    return { client, task };
  }

  test("is where its pages are", () => {
    const { client, task } = taskWith({ dataIn: [DATA + 0x80, 512] });
    const { partition } = client.pair.clientAdapter;
    expect(task.placeInitiatorBuffer?.(512)).toBe(partition.memoryAddress + DATA + 0x80);
    expect(task.placeInitiatorBuffer?.(513)).toBe(0);
  });

  test("is not to be had once a page may be another one", () => {
    const { client, task } = taskWith({ dataIn: [DATA, 512] });
    map(client.pair, client.pair.clientAdapter, DATA, MINE);
    expect(task.placeInitiatorBuffer?.(512)).toBe(0);
  });

  test("is not written when the client only lets us read it", () => {
    const { task } = taskWith({ dataOut: [DATA, 512] });
    expect(task.placeInitiatorBuffer?.(512)).toBe(0);
  });
});
