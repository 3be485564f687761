import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryStore } from "../../src/backends/memory.ts";
import { silentLog } from "../../src/core/log.ts";
import { makeRegistrant } from "../../src/scsi/reservations/registrant.ts";
import {
  encodeState,
  loadState,
  type ReservationStorage,
  StoredStateError,
} from "../../src/scsi/reservations/stored-state.ts";
import { PERSISTENT_TYPES } from "../../src/scsi/reservations/types.ts";
import { ScsiTargetDevice } from "../../src/scsi/target-device.ts";
import type { Nexus } from "../../src/scsi/task.ts";
import { FIRST_KEY, makeDisk } from "../support/disk.ts";
import { CAPABILITIES, moveList, Reserver } from "../support/reserve-commands.ts";
import { makeNexus, testMemory } from "../support/scsi-task.ts";

const memory = testMemory();
const APTPL = 1;
const [a, b] = [makeNexus("a"), makeNexus("b")];
const READ = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];

/** A storage whose saves end when the test says so, or at once. */
class HandStorage implements ReservationStorage {
  readonly description = "by hand";
  kept: string | undefined;
  saves = 0;
  /** Saves wait for `end`. */
  waits = false;
  error: Error | undefined;
  #ends: (() => void)[] = [];

  load(): string | undefined {
    return this.kept;
  }

  save(state: string | undefined): Promise<void> {
    this.saves++;
    return new Promise((resolve, reject) => {
      const end = () => {
        if (this.error) return reject(this.error);
        this.kept = state;
        resolve();
      };
      if (this.waits) this.#ends.push(end);
      else end();
    });
  }

  async close(): Promise<void> {}

  async end(): Promise<void> {
    this.#ends.shift()?.();
    await settled();
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function powerOn(storage: ReservationStorage): Reserver {
  const device = new ScsiTargetDevice(silentLog);
  device.addLogicalUnit(FIRST_KEY, makeDisk(new MemoryStore(memory, 1 << 20), { reservationStorage: storage }));
  for (const nexus of [a, b]) device.nexusOpened(nexus);
  return new Reserver(device, memory);
}

async function out(scsi: Reserver, nexus: Nexus, ...rest: [Parameters<Reserver["out"]>[1], object]): Promise<number> {
  const task = scsi.outTask(nexus, ...rest);
  await settled();
  expect(task.ends).toBe(1);
  return task.status;
}

describe("APTPL", () => {
  test.each([1, 3, 5, 6, 7, 8])("type %i outlives the power, with its keys; PRGENERATION begins anew", async (type) => {
    const storage = new HandStorage();
    const before = powerOn(storage);
    expect(await out(before, a, "register", { newKey: 0xfedcba9876543210n, flags: APTPL })).toBe(0);
    expect(await out(before, b, "register", { newKey: 2n, flags: APTPL })).toBe(0);
    expect(await out(before, a, "reserve", { key: 0xfedcba9876543210n, type })).toBe(0);
    const held = before.reservation(a);
    const after = powerOn(storage);
    expect(after.keys(b)).toEqual({ generation: 0, keys: [0xfedcba9876543210n, 2n] });
    expect([
      after.reservation(b),
      after.in(a, CAPABILITIES).getUint8(2),
      after.in(a, CAPABILITIES).getUint8(3),
    ]).toEqual([held, 0x1d, 0xb1]);
    expect(after.outcome(makeNexus("c"), READ)).toBe([3, 6, 8].includes(type) ? "conflict" : "ok");
    expect(after.outcome(a, READ)).toBe("ok");
  });

  test("the last APTPL bit counts: 0 leaves nothing", async () => {
    const storage = new HandStorage();
    const before = powerOn(storage);
    await out(before, a, "register", { newKey: 1n, flags: APTPL });
    expect(storage.kept).toContain("0000000000000001");
    await out(before, b, "register", { newKey: 2n });
    expect(storage.kept).toBeUndefined();
    expect(powerOn(storage).keys(a).keys).toEqual([]);
  });

  test("REGISTER AND MOVE has its own APTPL bit", async () => {
    const storage = new HandStorage();
    const before = powerOn(storage);
    await out(before, a, "register", { newKey: 1n });
    await out(before, a, "reserve", { key: 1n, type: 1 });
    const fields = { key: 1n, newKey: 9n };
    const list = moveList(fields, { port: 1, transportId: b.transportId, aptpl: true });
    before.out(a, "move", fields, list);
    await settled();
    expect(powerOn(storage).reservation(a)).toBe("type 1 by 9");
  });

  test("GOOD follows the storage; what changes nothing does not wait", async () => {
    const storage = new HandStorage();
    storage.waits = true;
    const scsi = powerOn(storage);
    const first = scsi.outTask(a, "register", { newKey: 1n, flags: APTPL });
    expect([first.ends, storage.saves]).toEqual([0, 1]);
    await storage.end();
    expect([first.ends, first.status]).toEqual([1, 0]);
    expect(scsi.out(a, "release", { key: 1n, type: 1 })).toBe("ok");
    expect(storage.saves).toBe(1);
  });

  test("a storage that fails is a HARDWARE ERROR, and is tried again with the next change", async () => {
    const storage = new HandStorage();
    const scsi = powerOn(storage);
    storage.error = new Error("ENOSPC");
    const task = scsi.outTask(a, "register", { newKey: 1n, flags: APTPL });
    await settled();
    expect([task.ends, task.senseText]).toEqual([1, "04/44/00"]);
    storage.error = undefined;
    expect(await out(scsi, a, "register", { key: 1n, newKey: 1n, flags: APTPL })).toBe(0);
    expect(storage.kept).toContain("0000000000000001");
  });

  test.each([
    ["no JSON", "{"],
    ["something else", '{"version":2,"registrations":[]}'],
    ["a key of 0", state({ key: "0000000000000000" })],
    ["a key that is none", state({ key: "xyz" })],
    ["a TransportID cut short", state({ transportId: "04" })],
    ["a port that can't be", state({ relativeTargetPort: 0 })],
    ["a type that is none", state({}, { type: 2, holder: 0 })],
    ["a holder that is not there", state({}, { type: 1, holder: 1 })],
    ["a holder of what all hold", state({}, { type: 7, holder: 0 })],
    ["a reservation without registrations", '{"version":1,"registrations":[],"type":7}'],
  ])("a file with %s is not taken for no reservation", (_name, kept) => {
    const storage = new HandStorage();
    storage.kept = kept;
    expect(() => powerOn(storage)).toThrow(/by hand: .*; mend it, or remove it/);
  });
});

const registration = fc.record({
  registrant: fc
    .tuple(fc.uint8Array({ minLength: 23, maxLength: 23 }), fc.integer({ min: 1, max: 0xffff }))
    .map(([id, port]) => makeRegistrant(Uint8Array.from([4, ...id]), port)),
  key: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
});

test("whatever is kept comes back", () => {
  const kept = fc.record({
    registrations: fc.uniqueArray(registration, { minLength: 1, maxLength: 5, selector: (r) => r.registrant.identity }),
    type: fc.option(fc.constantFrom(...PERSISTENT_TYPES), { nil: undefined }),
    place: fc.nat(4),
  });
  fc.assert(
    fc.property(kept, ({ registrations, type, place }) => {
      const holds = type !== undefined && !type.allRegistrants;
      const state = { registrations, type, holder: holds ? place % registrations.length : undefined };
      const storage = new HandStorage();
      storage.kept = encodeState(state);
      expect(loadState(storage)?.state).toEqual(state);
    }),
  );
});

test("whatever is in a file, it is a state or a StoredStateError", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.anything().map((value) => `${JSON.stringify(value)}`),
      ),
      (text) => {
        const storage = new HandStorage();
        storage.kept = text;
        try {
          loadState(storage);
        } catch (error) {
          expect(error).toBeInstanceOf(StoredStateError);
        }
      },
    ),
  );
});

function state(registration: object, more: object = {}): string {
  const good = { transportId: `04${"00".repeat(23)}`, relativeTargetPort: 1, key: "0000000000000001" };
  return JSON.stringify({ version: 1, registrations: [{ ...good, ...registration }], ...more });
}
