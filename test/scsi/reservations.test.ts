import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { ScsiTargetDevice } from "../../src/scsi/target-device.ts";
import type { Nexus } from "../../src/scsi/task.ts";
import { deviceWithDisk } from "../support/disk.ts";
import { HandStore } from "../support/hand-store.ts";
import {
  basicList,
  CAPABILITIES,
  FULL_STATUS,
  KEYS,
  moveList,
  OUT,
  Reserver,
  reserveOutCdb,
  transportIds,
} from "../support/reserve-commands.ts";
import { FakeTask, makeNexus, run, testMemory } from "../support/scsi-task.ts";

const memory = testMemory();
const TYPES = [1, 3, 5, 6, 7, 8];
const RESERVE_6 = [0x16, 0, 0, 0, 0, 0];
const RELEASE_6 = [0x17, 0, 0, 0, 0, 0];
const RESERVE_10 = [0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const READ = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];
const WRITE = [0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0];
const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
const BLOCK = { dataOut: new Uint8Array(512) };

let device: ScsiTargetDevice;
let scsi: Reserver;
let a: Nexus;
let b: Nexus;
let c: Nexus;

beforeEach(() => {
  device = deviceWithDisk(memory);
  scsi = new Reserver(device, memory);
  [a, b, c] = [makeNexus("a"), makeNexus("b"), makeNexus("c")];
  for (const nexus of [a, b, c]) device.nexusOpened(nexus);
});

/** A and b are registered with keys 1 and 2; a holds a reservation, when there is a type. */
function registered(type?: number): void {
  expect(scsi.out(a, "register", { newKey: 1n })).toBe("ok");
  expect(scsi.out(b, "register", { newKey: 2n })).toBe("ok");
  if (type !== undefined) expect(scsi.out(a, "reserve", { key: 1n, type })).toBe("ok");
}

function lunOffset(): number {
  return new FakeTask(memory, []).lunOffset;
}

describe("registering", () => {
  test("REGISTER takes the key that is there: 0 for a nexus without one", () => {
    expect(scsi.out(a, "register", { key: 1n, newKey: 1n })).toBe("conflict");
    expect(scsi.out(a, "register", { newKey: 1n })).toBe("ok");
    expect(scsi.out(a, "register", { newKey: 7n })).toBe("conflict");
    expect(scsi.out(a, "register", { key: 1n, newKey: 7n })).toBe("ok");
    expect(scsi.keys(c)).toEqual({ generation: 2, keys: [7n] });
    expect(scsi.out(a, "register", { key: 7n })).toBe("ok");
    expect(scsi.keys(c)).toEqual({ generation: 3, keys: [] });
  });

  test("to unregister where nothing is registered changes nothing", () => {
    expect(scsi.out(a, "register")).toBe("ok");
    expect(scsi.out(a, "registerAndIgnore")).toBe("ok");
    expect(scsi.keys(a)).toEqual({ generation: 0, keys: [] });
  });

  test("REGISTER AND IGNORE EXISTING KEY looks at no key", () => {
    expect(scsi.out(a, "registerAndIgnore", { key: 99n, newKey: 1n })).toBe("ok");
    expect(scsi.out(a, "registerAndIgnore", { newKey: 2n })).toBe("ok");
    expect(scsi.keys(a)).toEqual({ generation: 2, keys: [2n] });
  });

  test("everything else takes a registered nexus and its key, before its fields are looked at", () => {
    registered();
    for (const action of ["reserve", "release", "clear", "preempt", "preemptAndAbort"] as const) {
      expect([action, scsi.out(c, action, { type: 1, newKey: 1n })]).toEqual([action, "conflict"]);
      expect([action, scsi.out(a, action, { key: 2n, type: 15, newKey: 1n })]).toEqual([action, "conflict"]);
    }
    expect(scsi.out(a, "reserve", { key: 1n, type: 2 })).toBe("05/24/00");
    expect(scsi.out(a, "reserve", { key: 1n, type: 1, scope: 2 })).toBe("05/24/00");
    expect(scsi.keys(a).generation).toBe(2);
  });

  test("registrations outlive sessions and resets", () => {
    registered(5);
    device.nexusLost(a);
    device.reset(memory, lunOffset(), () => {});
    const again = makeNexus("a");
    device.nexusOpened(again);
    expect(scsi.attentions(b)).toEqual(["29/00"]);
    expect(scsi.reservation(again)).toBe("type 5 by 1");
    expect(scsi.outcome(again, WRITE, BLOCK)).toBe("ok");
  });

  test("the same initiator at another port is another nexus, which ALL_TG_PT registers too", () => {
    const other = makeNexus("a", 2);
    device.nexusOpened(other);
    expect(scsi.out(a, "register", { newKey: 1n })).toBe("ok");
    expect(scsi.out(other, "reserve", { key: 1n, type: 1 })).toBe("conflict");
    expect(scsi.out(b, "register", { newKey: 2n, flags: 4 })).toBe("ok");
    expect(scsi.keys(a)).toEqual({ generation: 2, keys: [1n, 2n, 2n] });
  });

  test("SPEC_I_PT registers initiator ports that are not there, all or none", () => {
    const ports = transportIds(b.transportId, makeNexus("absent").transportId);
    expect(scsi.out(a, "register", { newKey: 1n, flags: 8, more: ports })).toBe("ok");
    expect(scsi.keys(a).keys).toEqual([1n, 1n, 1n]);
    expect(scsi.out(b, "reserve", { key: 1n, type: 1 })).toBe("ok");
    expect(scsi.out(a, "register", { key: 1n, newKey: 1n, flags: 8, more: ports })).toBe("05/24/00");
    expect(scsi.out(c, "registerAndIgnore", { newKey: 1n, flags: 8, more: ports })).toBe("05/26/00");
  });

  test.each([
    ["a length that is not that of what follows", [0, 0, 0, 48, ...new Array<number>(24).fill(4)], "05/1a/00"],
    ["no length", [0, 0], "05/1a/00"],
    ["half a TransportID", transportIds(new Uint8Array(12).fill(4)), "05/26/00"],
    ["a format that SRP has not", transportIds(new Uint8Array(24).fill(0x44)), "05/26/00"],
    ["an iSCSI device, not one of its ports", transportIds(iscsiId("iqn.a", 0x05)), "05/26/00"],
    ["an iSCSI name that does not end", transportIds(new Uint8Array(24).fill(0x45).with(2, 0).with(3, 20)), "05/26/00"],
  ])("SPEC_I_PT with %s is refused", (_name, more, expected) => {
    expect(scsi.out(a, "register", { newKey: 1n, flags: 8, more })).toBe(expected);
    expect(scsi.keys(a).keys).toEqual([]);
  });

  test("an iSCSI initiator port is the same whatever the case of its ISID and the padding", () => {
    const nexus = (id: Uint8Array): Nexus => ({ ...makeNexus("i"), transportId: id });
    const [one, two] = [nexus(iscsiId("iqn.a,i,0xabc", 0x45)), nexus(iscsiId("iqn.a,i,0xABC", 0x45, 40))];
    expect(scsi.out(one, "register", { newKey: 1n })).toBe("ok");
    expect(scsi.out(two, "reserve", { key: 1n, type: 1 })).toBe("ok");
  });

  test("there is room for so many and no more", () => {
    const ids = Array.from({ length: 1024 }, (_, index) => makeNexus(`n${index}`).transportId);
    expect(scsi.out(a, "register", { newKey: 1n, flags: 8, more: transportIds(...ids) })).toBe("05/55/04");
    expect(scsi.keys(a)).toEqual({ generation: 0, keys: [] });
    const [, ...fewer] = ids;
    expect(scsi.out(a, "register", { newKey: 1n, flags: 8, more: transportIds(...fewer) })).toBe("ok");
    expect(scsi.out(b, "register", { newKey: 1n })).toBe("05/55/04");
  });
});

describe("reserving", () => {
  test.each(TYPES)("type %i: the holder once more, nobody else, no other type", (type) => {
    registered(type);
    const all = type >= 7;
    expect(scsi.reservation(c)).toBe(`type ${type} by ${all ? 0 : 1}`);
    expect(scsi.out(a, "reserve", { key: 1n, type })).toBe("ok");
    expect(scsi.out(b, "reserve", { key: 2n, type })).toBe(all ? "ok" : "conflict");
    expect(scsi.out(a, "reserve", { key: 1n, type: type === 1 ? 3 : 1 })).toBe("conflict");
    expect(scsi.keys(a).generation).toBe(2);
  });

  test.each(TYPES)("type %i: RELEASE tells the others where registrants shared it", (type) => {
    registered(type);
    expect(scsi.out(a, "release", { key: 1n, type: type === 1 ? 3 : 1 })).toBe("05/26/04");
    expect(scsi.out(a, "release", { key: 1n, type })).toBe("ok");
    expect(scsi.reservation(a)).toBe("none");
    expect(scsi.attentions(b)).toEqual(type >= 5 ? ["2a/04"] : []);
    expect([scsi.attentions(a), scsi.attentions(c)]).toEqual([[], []]);
  });

  test("RELEASE by a registrant that does not hold it leaves it", () => {
    registered(5);
    expect(scsi.out(b, "release", { key: 2n, type: 5 })).toBe("ok");
    expect(scsi.reservation(a)).toBe("type 5 by 1");
  });

  test.each(TYPES)("type %i: the holder that unregisters ends it, unless others hold it too", (type) => {
    registered(type);
    expect(scsi.out(a, "register", { key: 1n })).toBe("ok");
    expect(scsi.reservation(a)).toBe(type >= 7 ? `type ${type} by 0` : "none");
    expect(scsi.attentions(b)).toEqual(type === 5 || type === 6 ? ["2a/04"] : []);
    expect(scsi.out(b, "registerAndIgnore")).toBe("ok");
    expect(scsi.reservation(a)).toBe("none");
  });

  test("CLEAR removes everything and tells the others", () => {
    registered(3);
    expect(scsi.out(b, "clear", { key: 2n })).toBe("ok");
    expect(scsi.reservation(b)).toBe("none");
    expect(scsi.keys(c)).toEqual({ generation: 3, keys: [] });
    expect([scsi.attentions(a), scsi.attentions(b), scsi.attentions(c)]).toEqual([["2a/03"], [], []]);
  });
});

describe("preempting", () => {
  test.each([1, 3, 5, 6])("type %i: the holder loses registration and reservation", (type) => {
    registered(type);
    expect(scsi.out(c, "register", { newKey: 3n })).toBe("ok");
    expect(scsi.out(b, "preempt", { key: 2n, newKey: 1n, type })).toBe("ok");
    expect(scsi.reservation(c)).toBe(`type ${type} by 2`);
    expect(scsi.keys(c)).toEqual({ generation: 4, keys: [2n, 3n] });
    expect([scsi.attentions(a), scsi.attentions(b), scsi.attentions(c)]).toEqual([["2a/05"], [], []]);
  });

  test("another type tells those that stay", () => {
    registered(5);
    expect(scsi.out(c, "register", { newKey: 3n })).toBe("ok");
    expect(scsi.out(b, "preempt", { key: 2n, newKey: 1n, type: 3 })).toBe("ok");
    expect([scsi.attentions(a), scsi.attentions(c)]).toEqual([["2a/05"], ["2a/04"]]);
  });

  test("who does not hold loses its registration only; scope and type are not looked at", () => {
    registered(3);
    expect(scsi.out(a, "preempt", { key: 1n, newKey: 2n, type: 15, scope: 9 })).toBe("ok");
    expect([scsi.reservation(a), scsi.keys(a).keys]).toEqual(["type 3 by 1", [1n]]);
    expect(scsi.attentions(b)).toEqual(["2a/05"]);
  });

  test("a key that nobody has is a conflict, key 0 a wrong field", () => {
    registered(3);
    expect(scsi.out(b, "preempt", { key: 2n, newKey: 9n, type: 3 })).toBe("conflict");
    expect(scsi.out(b, "preempt", { key: 2n, newKey: 0n, type: 3 })).toBe("05/26/00");
    expect(scsi.out(b, "preempt", { key: 2n, newKey: 1n, type: 2 })).toBe("05/24/00");
    expect(scsi.keys(a).generation).toBe(2);
  });

  test.each([7, 8])("type %i: key 0 preempts all others", (type) => {
    registered(type);
    expect(scsi.out(b, "preempt", { key: 2n, newKey: 0n, type: 1 })).toBe("ok");
    expect([scsi.reservation(b), scsi.keys(b).keys, scsi.attentions(a)]).toEqual(["type 1 by 2", [2n], ["2a/05"]]);
  });

  test.each([7, 8])("type %i: one key removes registrations, the last of them the reservation", (type) => {
    registered(type);
    expect(scsi.out(b, "preempt", { key: 2n, newKey: 1n, type: 1 })).toBe("ok");
    expect([scsi.reservation(b), scsi.keys(b).keys]).toEqual([`type ${type} by 0`, [2n]]);
    expect(scsi.out(b, "preempt", { key: 2n, newKey: 2n, type: 1 })).toBe("ok");
    expect([scsi.reservation(b), scsi.keys(b).keys]).toEqual(["none", []]);
  });

  test("a holder preempts itself to change the type", () => {
    registered(1);
    expect(scsi.out(a, "preempt", { key: 1n, newKey: 1n, type: 6 })).toBe("ok");
    expect([scsi.reservation(a), scsi.keys(a).keys]).toEqual(["type 6 by 1", [1n, 2n]]);
  });

  test("PREEMPT AND ABORT ends when the tasks of the preempted have left, and they answer nobody", () => {
    const store = new HandStore();
    device = deviceWithDisk(memory, {}, store);
    scsi = new Reserver(device, memory);
    for (const nexus of [a, b, c]) device.nexusOpened(nexus);
    registered(3);
    const [theirs, ours] = [scsi.send(a, READ), scsi.send(a, READ)];
    const preemptor = scsi.outTask(b, "preemptAndAbort", { key: 2n, newKey: 1n, type: 3 });
    expect([theirs.aborted, ours.aborted, preemptor.ends]).toEqual([true, true, 0]);
    store.end();
    expect(preemptor.ends).toBe(0);
    store.end();
    expect([preemptor.ends, preemptor.status, scsi.reservation(b)]).toEqual([1, 0, "type 3 by 2"]);
    expect(scsi.attentions(a)).toEqual(["2a/05"]);
  });

  test("a reset that meets PREEMPT AND ABORT ends after it", () => {
    const store = new HandStore();
    device = deviceWithDisk(memory, {}, store);
    scsi = new Reserver(device, memory);
    registered(3);
    scsi.send(a, READ);
    const preemptor = scsi.outTask(b, "preemptAndAbort", { key: 2n, newKey: 1n, type: 3 });
    let reset = false;
    device.reset(memory, lunOffset(), () => {
      reset = true;
    });
    expect([preemptor.aborted, reset]).toEqual([true, false]);
    store.end();
    expect([preemptor.ends, reset]).toEqual([1, true]);
  });
});

describe("REGISTER AND MOVE", () => {
  const fields = { key: 1n, newKey: 9n };

  test("gives the reservation and a key to another nexus, which need not be there", () => {
    registered(5);
    const absent = makeNexus("absent");
    const list = moveList(fields, { port: 1, transportId: absent.transportId, unregister: true });
    expect(scsi.out(a, "move", fields, list)).toBe("ok");
    expect([scsi.reservation(b), scsi.keys(b)]).toEqual(["type 5 by 9", { generation: 3, keys: [2n, 9n] }]);
    expect(scsi.outcome(a, WRITE, BLOCK)).toBe("conflict");
    expect(scsi.out(absent, "release", { key: 9n, type: 5 })).toBe("ok");
  });

  test("without UNREG the old holder stays registered, and a key of the new one is replaced", () => {
    registered(5);
    expect(scsi.out(a, "move", fields, moveList(fields, { port: 1, transportId: b.transportId }))).toBe("ok");
    expect([scsi.reservation(b), scsi.keys(b).keys]).toEqual(["type 5 by 9", [1n, 9n]]);
  });

  test("needs a holder of a type with one, a key, another nexus, a port that is there", () => {
    registered();
    const to = (port: number, nexus: Nexus) => moveList(fields, { port, transportId: nexus.transportId });
    expect(scsi.out(a, "move", fields, to(1, b))).toBe("05/24/00");
    expect(scsi.out(a, "reserve", { key: 1n, type: 1 })).toBe("ok");
    const byOther = { key: 2n, newKey: 9n };
    expect(scsi.out(b, "move", byOther, moveList(byOther, { port: 1, transportId: c.transportId }))).toBe("conflict");
    expect(scsi.out(a, "move", fields, to(1, a))).toBe("05/26/00");
    expect(scsi.out(a, "move", fields, to(77, b))).toBe("05/26/00");
    const noKey = moveList({ key: 1n }, { port: 1, transportId: b.transportId });
    expect(scsi.out(a, "move", {}, noKey)).toBe("05/26/00");
    expect(scsi.out(a, "move", fields, to(1, b).subarray(0, 40))).toBe("05/1a/00");
    expect(scsi.keys(a).keys).toEqual([1n, 2n]);
  });

  test("all registrants types do not move", () => {
    registered(7);
    expect(scsi.out(a, "move", fields, moveList(fields, { port: 1, transportId: b.transportId }))).toBe("conflict");
  });
});

describe("who may do what", () => {
  /** [SPC-4] table 47: outcome of READ and WRITE for the holder, a registrant, and a nexus that is not registered. */
  test.each([
    [1, ["ok", "ok"], ["ok", "conflict"], ["ok", "conflict"]],
    [3, ["ok", "ok"], ["conflict", "conflict"], ["conflict", "conflict"]],
    [5, ["ok", "ok"], ["ok", "ok"], ["ok", "conflict"]],
    [6, ["ok", "ok"], ["ok", "ok"], ["conflict", "conflict"]],
    [7, ["ok", "ok"], ["ok", "ok"], ["ok", "conflict"]],
    [8, ["ok", "ok"], ["ok", "ok"], ["conflict", "conflict"]],
  ])("type %i", (type, holder, registrant, other) => {
    registered(type);
    const access = (nexus: Nexus) => [scsi.outcome(nexus, READ), scsi.outcome(nexus, WRITE, BLOCK)];
    expect([access(a), access(b), access(c)]).toEqual([holder, registrant, other]);
  });

  test.each([
    ["TEST UNIT READY", TEST_UNIT_READY, "ok"],
    ["INQUIRY", [0x12, 0, 0, 0, 36, 0], "ok"],
    ["READ CAPACITY(10)", [0x25], "ok"],
    ["PERSISTENT RESERVE IN", [0x5e, 0, 0, 0, 0, 0, 0, 0, 8, 0], "ok"],
    ["MODE SENSE(6)", [0x1a, 0, 0x3f, 0, 255, 0], "conflict"],
    ["START STOP UNIT, START", [0x1b, 0, 0, 0, 1, 0], "ok"],
    ["START STOP UNIT, stop", [0x1b, 0, 0, 0, 0, 0], "conflict"],
    ["PREVENT ALLOW MEDIUM REMOVAL, allow", [0x1e, 0, 0, 0, 0, 0], "ok"],
    ["PREVENT ALLOW MEDIUM REMOVAL, prevent", [0x1e, 0, 0, 0, 1, 0], "conflict"],
    ["SYNCHRONIZE CACHE(10)", [0x35], "conflict"],
    ["an unknown operation code", [0xff], "05/20/00"],
    ["a wrong field in a command that conflicts", [0x28, 1], "conflict"],
  ])("Exclusive Access of another nexus: %s", (_name, cdb, expected) => {
    registered(3);
    expect(scsi.outcome(c, cdb)).toBe(expected);
  });

  test("a unit attention is told before a conflict", () => {
    registered(3);
    device.reset(memory, lunOffset(), () => {});
    expect(scsi.outcome(c, WRITE, BLOCK)).toBe("06/29/00");
    expect(scsi.outcome(c, WRITE, BLOCK)).toBe("conflict");
  });
});

describe("RESERVE and RELEASE", () => {
  test("one nexus holds it, again and again, until it releases it", () => {
    expect(scsi.outcome(a, RESERVE_6)).toBe("ok");
    expect(scsi.outcome(a, RESERVE_10)).toBe("ok");
    expect(scsi.outcome(b, RESERVE_6)).toBe("conflict");
    expect(scsi.outcome(b, RELEASE_6)).toBe("ok");
    for (const cdb of [TEST_UNIT_READY, READ, [0x1a, 0, 0x3f, 0, 255, 0]]) {
      expect(scsi.outcome(b, cdb)).toBe("conflict");
      expect(scsi.outcome(a, cdb)).toBe("ok");
    }
    for (const cdb of [
      [0x12, 0, 0, 0, 36, 0],
      [0x03, 0, 0, 0, 18, 0],
    ])
      expect(scsi.outcome(b, cdb)).toBe("ok");
    expect(scsi.outcome(a, RELEASE_6)).toBe("ok");
    expect(scsi.outcome(b, RESERVE_10)).toBe("ok");
  });

  test("it is the nexus that holds it, whatever object stands for it: a copy manager has its own", () => {
    expect(scsi.outcome(a, RESERVE_6)).toBe("ok");
    expect(scsi.outcome({ ...a }, WRITE, BLOCK)).toBe("ok");
    expect(scsi.outcome({ ...b }, WRITE, BLOCK)).toBe("conflict");
  });

  test.each<[string, () => void]>([
    ["loss of the nexus", () => device.nexusLost(a)],
    ["LOGICAL UNIT RESET", () => device.reset(memory, lunOffset(), () => {})],
    ["a target reset", () => device.resetAll(() => {})],
  ])("%s ends it", (_name, event) => {
    expect(scsi.outcome(a, RESERVE_6)).toBe("ok");
    event();
    scsi.attentions(b);
    expect(scsi.outcome(b, RESERVE_6)).toBe("ok");
  });

  test("under it PERSISTENT RESERVE IN and OUT conflict for everybody", () => {
    expect(scsi.outcome(a, RESERVE_6)).toBe("ok");
    for (const nexus of [a, b]) {
      expect(scsi.out(nexus, "register", { newKey: 1n })).toBe("conflict");
      expect(scsi.outcome(nexus, [0x5e, 0, 0, 0, 0, 0, 0, 0, 8, 0])).toBe("conflict");
    }
  });

  test("among registrations it conflicts, but for whom a persistent reservation lets do everything (CRH)", () => {
    registered();
    for (const nexus of [a, c]) expect(scsi.outcome(nexus, RESERVE_6)).toBe("conflict");
    expect(scsi.out(a, "reserve", { key: 1n, type: 1 })).toBe("ok");
    expect([a, b, c].map((nexus) => scsi.outcome(nexus, RESERVE_6))).toEqual(["ok", "conflict", "conflict"]);
    expect(scsi.out(a, "preempt", { key: 1n, newKey: 1n, type: 5 })).toBe("ok");
    expect(scsi.attentions(b)).toEqual(["2a/04"]);
    expect([a, b, c].map((nexus) => scsi.outcome(nexus, RELEASE_6))).toEqual(["ok", "ok", "conflict"]);
    expect(scsi.reservation(c)).toBe("type 5 by 1");
  });
});

describe("what is told", () => {
  test("REPORT CAPABILITIES", () => {
    const data = scsi.in(a, CAPABILITIES);
    const bytes = [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
    expect(bytes).toEqual([0, 8, 0x1c, 0xb0, 0xea, 0x01, 0, 0]);
  });

  test("APTPL without storage is refused, where it means something", () => {
    expect(scsi.out(a, "register", { newKey: 1n, flags: 1 })).toBe("05/26/00");
    registered();
    expect(scsi.out(a, "reserve", { key: 1n, type: 1, flags: 1 })).toBe("ok");
  });

  test("READ KEYS is cut, and tells its whole length", () => {
    registered();
    const data = scsi.in(a, KEYS, 8);
    expect([data.byteLength, data.getUint32(4)]).toEqual([8, 16]);
  });

  test.each([
    [5, [1, 0]],
    [8, [1, 1]],
  ])("READ FULL STATUS, type %i: each nexus with TransportID and port", (type, holders) => {
    registered(type);
    const data = scsi.in(c, FULL_STATUS);
    expect([data.byteLength, data.getUint32(4)]).toEqual([8 + 2 * 48, 2 * 48]);
    for (const [index, nexus] of [a, b].entries()) {
      const at = 8 + index * 48;
      const holder = holders[index] ?? 0;
      expect(data.getBigUint64(at)).toBe(BigInt(index + 1));
      expect([data.getUint8(at + 12), data.getUint8(at + 13)]).toEqual([holder, holder * type]);
      expect([data.getUint16(at + 18), data.getUint32(at + 20)]).toEqual([1, 24]);
      expect(new Uint8Array(data.buffer, data.byteOffset + at + 24, 24)).toEqual(nexus.transportId);
    }
  });

  test.each([
    ["shorter than 24 bytes", basicList({}).subarray(0, 23), undefined],
    ["longer than 24 bytes", basicList({ more: [0] }), undefined],
    ["less data than its length", basicList({}).subarray(0, 12), 24],
    ["a length beyond all bounds", basicList({}), 0xffff],
  ])("a parameter list %s is refused", (_name, list, length) => {
    expect(scsi.out(a, "register", length === undefined ? {} : { length }, list)).toBe("05/1a/00");
  });

  test("whatever list comes, the command ends once, and key 0 is registered for nobody", () => {
    const list = fc.uint8Array({ minLength: 0, maxLength: 80 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8 }), fc.nat(255), fc.nat(0x2f), list, (action, type, flags, bytes) => {
        if (bytes.length > 20) bytes[20] = flags;
        const task = scsi.send(a, reserveOutCdb(action, { type: type & 0xf, scope: type >> 4 }, bytes.length), {
          dataOut: bytes,
        });
        expect([task.ends, [0, 2, 0x18].includes(task.status)]).toEqual([1, true]);
        expect(scsi.keys(b).keys).not.toContain(0n);
      }),
      { numRuns: 500 },
    );
  });

  test("a parameter list length that no buffer could hold", () => {
    const cdb = reserveOutCdb(OUT.register, {}, 24).with(5, 0xff);
    expect(run(device, memory, cdb, { dataOut: basicList({}) }).senseText).toBe("05/1a/00");
  });
});

function iscsiId(name: string, first: number, room = 20): Uint8Array {
  const id = new Uint8Array(4 + room);
  id[0] = first;
  id[3] = room;
  id.set(new TextEncoder().encode(name), 4);
  return id;
}
