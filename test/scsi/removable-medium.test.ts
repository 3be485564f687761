import { describe, expect, test } from "vitest";
import { MemoryStore } from "../../src/backends/memory.ts";
import { silentLog } from "../../src/core/log.ts";
import { Disk } from "../../src/scsi/disk/disk.ts";
import { Medium, NO_MEDIUM } from "../../src/scsi/medium.ts";
import { ScsiTargetDevice } from "../../src/scsi/target-device.ts";
import { FIRST_KEY, IBM } from "../support/disk.ts";
import { HandStore } from "../support/hand-store.ts";
import { FakeTask, makeNexus, NEXUS, run, testMemory } from "../support/scsi-task.ts";

const memory = testMemory();
const OTHER = makeNexus("other");

const READY = [0x00, 0, 0, 0, 0, 0];
const STOP = [0x1b, 0, 0, 0, 0, 0];
const EJECT = [0x1b, 0, 0, 0, 2, 0];
const EJECT_NO_FLUSH = [0x1b, 0, 0, 0, 6, 0];
const LOAD = [0x1b, 0, 0, 0, 3, 0];
const START = [0x1b, 0, 0, 0, 1, 0];
const PREVENT = [0x1e, 0, 0, 0, 1, 0];
const ALLOW = [0x1e, 0, 0, 0, 0, 0];
const PERSISTENT_PREVENT = [0x1e, 0, 0, 0, 3, 0];
const PERSISTENT_ALLOW = [0x1e, 0, 0, 0, 2, 0];
const READ = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];
const CAPACITY = [0x25];

const TRAY_CLOSED = "02/3a/01";
const TRAY_OPEN = "02/3a/02";
const MAY_HAVE_CHANGED = "06/28/00";
const PREVENTED = "05/53/02";

/** A store that remembers that it was closed. */
class WatchedStore extends MemoryStore {
  closed = 0;

  constructor(size = 1 << 20) {
    super(memory, size);
  }

  override async close(): Promise<void> {
    this.closed++;
    await super.close();
  }
}

function setUp(medium: Medium = new Medium(new MemoryStore(memory, 1 << 20), 512, false), removable = true) {
  const device = new ScsiTargetDevice(silentLog);
  const drive = new Disk({ medium, removable, identity: IBM, log: silentLog });
  device.addLogicalUnit(FIRST_KEY, drive);
  for (const nexus of [NEXUS, OTHER]) device.nexusOpened(nexus);
  const send = (cdb: readonly number[], nexus = NEXUS) => run(device, memory, cdb, { nexus });
  /** Sense of each command in turn, "" for GOOD. */
  const senses = (...cdbs: (readonly number[])[]) => cdbs.map((cdb) => send(cdb).senseText);
  return { device, drive, send, senses };
}

function medium(store = new WatchedStore()): Medium {
  return new Medium(store, 512, false);
}

describe("a removable disk", () => {
  test("says so in INQUIRY; a fixed one does not", () => {
    expect(setUp().send([0x12, 0, 0, 0, 36, 0]).dataIn[1]).toBe(0x80);
    expect(setUp(undefined, false).send([0x12, 0, 0, 0, 36, 0]).dataIn[1]).toBe(0);
  });

  test("is ejected and loaded by its initiator, who is told nothing that it knows", () => {
    const { senses } = setUp();
    expect(senses(EJECT, READY, READ, CAPACITY, LOAD, READY, READ)).toEqual([
      "",
      TRAY_OPEN,
      TRAY_OPEN,
      TRAY_OPEN,
      "",
      "",
      "",
    ]);
  });

  test("tells every other nexus of the medium that came, once", () => {
    const { send } = setUp();
    send(EJECT);
    expect(send(READY, OTHER).senseText).toBe(TRAY_OPEN);
    send(LOAD);
    expect([send(READY, OTHER).senseText, send(READY, OTHER).senseText]).toEqual([MAY_HAVE_CHANGED, ""]);
  });

  test("ejecting twice and loading twice is no error, and loads nothing new", () => {
    const { send, senses } = setUp();
    expect(senses(LOAD, EJECT, EJECT, EJECT_NO_FLUSH, LOAD, LOAD, READY)).toEqual(Array(7).fill(""));
    send(READY, OTHER);
    send(LOAD);
    expect(send(READY, OTHER).senseText).toBe("");
  });

  test("stays ready when it is stopped: the next command starts it", () => {
    expect(setUp().senses(STOP, READY, START, READY)).toEqual(["", "", "", ""]);
  });

  test("does not move when a power condition is asked for", () => {
    const { senses } = setUp();
    for (let condition = 1; condition < 16; condition++)
      expect(senses([0x1b, 1, 0, 0, (condition << 4) | 2, 0], READY)).toEqual(["", ""]);
  });

  test("without a medium: the tray is closed, START finds none, LOAD closes it again", () => {
    const { senses } = setUp(NO_MEDIUM);
    expect(senses(READY, START, EJECT, READY, START, LOAD, READY)).toEqual([
      TRAY_CLOSED,
      TRAY_CLOSED,
      "",
      TRAY_OPEN,
      TRAY_OPEN,
      "",
      TRAY_CLOSED,
    ]);
  });

  test("REQUEST SENSE tells where the medium is", () => {
    const { send } = setUp();
    send(EJECT);
    const { status, dataIn } = send([0x03, 0, 0, 0, 18, 0]);
    expect([status, dataIn[2], dataIn[12], dataIn[13]]).toEqual([0, 2, 0x3a, 2]);
  });

  test.each([
    ["at once", EJECT, "flush"],
    ["not with NO_FLUSH", EJECT_NO_FLUSH, undefined],
  ])("ejecting brings what was written to the medium: %s", (_name, cdb, operation) => {
    const store = new HandStore();
    const { send } = setUp(new Medium(store, 512, false));
    const eject = send(cdb);
    expect([eject.ends, store.pending[0]?.name]).toEqual([operation === undefined ? 1 : 0, operation]);
    store.end(-5);
    expect(eject.senseText).toBe(operation === undefined ? "" : "03/0c/00");
    expect(send(READY).senseText).toBe(TRAY_OPEN);
  });

  test("a read under way ends with its medium", () => {
    const store = new HandStore();
    const { send } = setUp(new Medium(store, 512, false));
    const read = send(READ);
    send(EJECT_NO_FLUSH);
    expect(send(READ).senseText).toBe(TRAY_OPEN);
    store.end();
    expect([read.ends, read.status, read.dataInCount]).toEqual([1, 0, 512]);
  });
});

describe("a fixed disk", () => {
  test("refuses to load and to eject, and waits for START when it is stopped", () => {
    const { senses } = setUp(undefined, false);
    expect(senses(EJECT, LOAD, STOP, READY, START, READY)).toEqual(["05/24/00", "05/24/00", "", "02/04/02", "", ""]);
  });

  test("lets no operator move its medium", async () => {
    const { drive, senses } = setUp(undefined, false);
    await expect(drive.ejectMedium(true)).rejects.toThrow(/fixed/);
    await expect(drive.loadMedium(medium(), true)).rejects.toThrow(/fixed/);
    expect(senses(PREVENT, ALLOW, READY)).toEqual(["", "", ""]);
  });
});

describe("PREVENT ALLOW MEDIUM REMOVAL", () => {
  test("holds the tray where it is, open or closed, for everybody", () => {
    const { send, senses } = setUp();
    expect(senses(PREVENT, EJECT, READY)).toEqual(["", PREVENTED, ""]);
    expect(send(EJECT, OTHER).senseText).toBe(PREVENTED);
    expect(senses(LOAD, ALLOW, EJECT, PREVENT, LOAD, ALLOW, LOAD, READY)).toEqual([
      "",
      "",
      "",
      "",
      PREVENTED,
      "",
      "",
      "",
    ]);
  });

  test("lasts until the last nexus allows it", () => {
    const { send, senses } = setUp();
    send(PREVENT);
    send(PREVENT, OTHER);
    expect(senses(ALLOW, EJECT)).toEqual(["", PREVENTED]);
    send(ALLOW, OTHER);
    expect(senses(EJECT)).toEqual([""]);
  });

  test("ends with its nexus", () => {
    const { device, send } = setUp();
    send(PREVENT, OTHER);
    expect(send(EJECT).senseText).toBe(PREVENTED);
    device.nexusLost(OTHER);
    expect(send(EJECT).senseText).toBe("");
  });

  test.each(["logical unit", "target"])("ends with a reset of the %s", (kind) => {
    const { device, senses } = setUp();
    expect(senses(PREVENT)).toEqual([""]);
    if (kind === "target") device.resetAll(() => {});
    else device.reset(memory, new FakeTask(memory, READY).lunOffset, () => {});
    expect(senses(READY, EJECT, READY)).toEqual(["06/29/00", "", TRAY_OPEN]);
  });

  test("a persistent prevention stops the operator, not the initiator", async () => {
    const { drive, senses } = setUp();
    senses(PERSISTENT_PREVENT);
    await expect(drive.ejectMedium()).rejects.toThrow(/prevents/);
    expect(senses(EJECT, LOAD, ALLOW)).toEqual(["", "", ""]);
    await expect(drive.ejectMedium()).rejects.toThrow(/prevents/);
    senses(PERSISTENT_ALLOW);
    await drive.ejectMedium();
    expect(senses(READY)).toEqual([TRAY_OPEN]);
  });
});

test("under another's reservation a medium is neither ejected nor held, but loaded and let go", () => {
  const { send, senses } = setUp();
  expect(send([0x16, 0, 0, 0, 0, 0], OTHER).status).toBe(0);
  const statuses = [EJECT, STOP, PREVENT, LOAD, START, ALLOW].map((cdb) => send(cdb).status);
  expect(statuses).toEqual([0x18, 0x18, 0x18, 0, 0, 0]);
  expect(send([0x17, 0, 0, 0, 0, 0], OTHER).status).toBe(0);
  expect(senses(EJECT)).toEqual([""]);
});

describe("an operator", () => {
  test("takes the medium away: its store is closed, and nothing is there to load", async () => {
    const store = new WatchedStore();
    const { drive, senses } = setUp(medium(store));
    await drive.ejectMedium();
    expect(store.closed).toBe(1);
    expect(senses(READY, LOAD, READY)).toEqual([TRAY_OPEN, "", TRAY_CLOSED]);
  });

  test("changes it: everybody is told, and capacity is the new one's", async () => {
    const [old, next] = [new WatchedStore(), new WatchedStore(2 << 20)];
    const { drive, send } = setUp(medium(old));
    await drive.loadMedium(medium(next));
    expect([old.closed, next.closed, drive.size]).toEqual([1, 0, 2 << 20]);
    for (const nexus of [NEXUS, OTHER])
      expect([READY, READY].map((cdb) => send(cdb, nexus).senseText)).toEqual([MAY_HAVE_CHANGED, ""]);
    const capacity = send(CAPACITY).dataIn;
    expect(new DataView(capacity.buffer).getUint32(0)).toBe(4095);
  });

  test("changes what an initiator has ejected, and closes the tray", async () => {
    const old = new WatchedStore();
    const { drive, senses } = setUp(medium(old));
    senses(EJECT, PREVENT);
    await drive.loadMedium(medium());
    expect(old.closed).toBe(1);
    expect(senses(READY, READY)).toEqual([MAY_HAVE_CHANGED, ""]);
  });

  test("waits for what is under way before the store is closed", async () => {
    const store = new HandStore();
    const { drive, send } = setUp(new Medium(store, 512, false));
    let closed = false;
    store.close = async () => {
      closed = true;
    };
    const read = send(READ);
    const ejected = drive.ejectMedium();
    expect(send(READY).senseText).toBe(TRAY_OPEN);
    await Promise.resolve();
    expect(closed).toBe(false);
    store.end();
    await ejected;
    expect([closed, read.ends, read.status]).toEqual([true, 1, 0]);
  });

  test("is stopped by a prevention, unless forced", async () => {
    const store = new WatchedStore();
    const { drive, senses } = setUp(medium(store));
    senses(PREVENT);
    const next = new WatchedStore();
    await expect(drive.ejectMedium()).rejects.toThrow(/prevents medium removal/);
    await expect(drive.loadMedium(medium(next))).rejects.toThrow(/prevents medium removal/);
    expect([senses(READY), store.closed, next.closed]).toEqual([[""], 0, 0]);
    await drive.ejectMedium(true);
    expect([senses(READY), store.closed]).toEqual([[TRAY_OPEN], 1]);
  });

  test("puts in what has a block: a store becomes a medium of the drive's block size", async () => {
    const drive = new Disk({ medium: NO_MEDIUM, removable: true, blockSize: 4096, identity: IBM, log: silentLog });
    await drive.loadMedium(drive.mediumOf(new WatchedStore(), true));
    expect([drive.medium.blockSize, drive.size, drive.readOnly]).toEqual([4096, 1 << 20, true]);
    await expect(drive.loadMedium(drive.mediumOf(new WatchedStore(4095), false))).rejects.toThrow(/no whole block/);
    expect(drive.size).toBe(1 << 20);
  });

  test("sees in the drive's description where the medium is", async () => {
    const { drive, senses } = setUp();
    const seen = [drive.description];
    senses(EJECT);
    seen.push(drive.description);
    await drive.ejectMedium();
    seen.push(drive.description);
    senses(LOAD);
    seen.push(drive.description);
    const bytes = "1048576 bytes of memory";
    expect(seen).toEqual([bytes, `tray open, in it ${bytes}`, "tray open", "no medium"]);
  });

  test("who ends closes what lies in the tray too", async () => {
    const store = new WatchedStore();
    const { drive, senses } = setUp(medium(store));
    senses(EJECT);
    await drive.close();
    expect(store.closed).toBe(1);
  });
});
