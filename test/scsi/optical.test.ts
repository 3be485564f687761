import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { STORE_DONE } from "../../src/scsi/block-store.ts";
import { NO_MEDIUM } from "../../src/scsi/medium.ts";
import { OPTICAL_COMMANDS } from "../../src/scsi/optical/commands.ts";
import { disc } from "../../src/scsi/optical/optical-drive.ts";
import { HandStore } from "../support/hand-store.ts";
import { BLOCK, CD_BLOCKS, cd, DVD_BLOCKS, deviceWithDrive, dvd } from "../support/optical.ts";
import { makeNexus, NEXUS, run, testMemory } from "../support/scsi-task.ts";

const memory = testMemory();
const { device: withCd } = deviceWithDrive(cd(memory));
const { device: withDvd } = deviceWithDrive(dvd(memory));
const { device: empty } = deviceWithDrive();

/** CDB of the length that its group demands, with the given bytes at their places. */
function cdb(opcode: number, fields: Readonly<Record<number, number>>): number[] {
  const bytes = new Array<number>(16).fill(0);
  bytes[0] = opcode;
  for (const [at, value] of Object.entries(fields)) bytes[Number(at)] = value;
  return bytes;
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex");
}

function view(data: Uint8Array): DataView {
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}

describe("INQUIRY", () => {
  test("a removable CD/DVD device with the name that AIX looks for", () => {
    const { dataIn } = run(empty, memory, cdb(0x12, { 4: 255 }));
    expect([dataIn[0], dataIn[1]]).toEqual([0x05, 0x80]);
    expect(Buffer.from(dataIn.subarray(8, 36)).toString()).toBe("IBM     VOPTA blkdev    0001");
  });
});

describe("READ CAPACITY and READ", () => {
  test("blocks of 2048 bytes", () => {
    const capacity = view(run(withCd, memory, cdb(0x25, {})).dataIn);
    expect([capacity.getUint32(0), capacity.getUint32(4)]).toEqual([CD_BLOCKS - 1, BLOCK]);
  });

  const content = Uint8Array.from({ length: CD_BLOCKS * BLOCK }, (_, at) => (at / BLOCK) & 0xff);
  const store = new HandStore();
  const read = (offset: number, address: number, length: number) => {
    memory.u8.set(content.subarray(offset, offset + length), address);
    return STORE_DONE;
  };
  const drive = deviceWithDrive(disc(Object.assign(store, { read, size: content.length })));

  test.each([
    ["READ(10)", cdb(0x28, { 5: 7, 8: 2 })],
    ["READ(12)", cdb(0xa8, { 5: 7, 9: 2 })],
    ["READ CD, any sector", cdb(0xbe, { 5: 7, 8: 2, 9: 0x10 })],
    ["READ CD, mode 1", cdb(0xbe, { 1: 0x08, 5: 7, 8: 2, 9: 0x10 })],
    ["READ CD MSF", cdb(0xb9, { 4: 2, 5: 7, 7: 2, 8: 9, 9: 0x10 })],
  ])("%s", (_name, bytes) => {
    const task = run(drive.device, memory, bytes);
    expect([task.status, task.dataInCount]).toEqual([0, 2 * BLOCK]);
    expect([task.dataIn[0], task.dataIn[BLOCK]]).toEqual([7, 8]);
  });

  test.each([
    ["READ(10) across the end", cdb(0x28, { 4: 1, 5: 43, 8: 2 }), "05/21/00"],
    ["READ(12) beyond", cdb(0xa8, { 2: 0xff, 9: 1 }), "05/21/00"],
    ["READ(12) of more than the drive takes", cdb(0xa8, { 7: 1, 9: 1 }), "05/21/00"],
    ["READ CD of audio", cdb(0xbe, { 1: 0x04, 8: 1, 9: 0x10 }), "05/64/00"],
    ["READ CD of mode 2 form 1", cdb(0xbe, { 1: 0x10, 8: 1, 9: 0x10 }), "05/64/00"],
    ["READ CD of raw sectors", cdb(0xbe, { 8: 1, 9: 0xf8 }), "05/24/00"],
    ["READ CD with sub-channel", cdb(0xbe, { 8: 1, 9: 0x10, 10: 1 }), "05/24/00"],
    ["READ CD of nothing", cdb(0xbe, { 8: 1 }), ""],
    ["READ CD of nothing beyond the end", cdb(0xbe, { 4: 2, 8: 1 }), "05/21/00"],
    ["READ CD MSF in the pre-gap", cdb(0xb9, { 4: 1, 7: 2, 9: 0x10 }), "05/21/00"],
    ["READ CD MSF backwards", cdb(0xb9, { 4: 3, 7: 2, 9: 0x10 }), "05/24/00"],
    ["READ CD MSF at second 60", cdb(0xb9, { 4: 60, 7: 61, 9: 0x10 }), "05/24/00"],
    ["READ CD MSF up to frame 75", cdb(0xb9, { 4: 2, 7: 2, 8: 75, 9: 0x10 }), "05/24/00"],
    ["SEEK(10)", cdb(0x2b, { 5: 9 }), ""],
    ["SEEK(10) beyond", cdb(0x2b, { 2: 9 }), "05/21/00"],
  ])("%s", (_name, bytes, sense) => {
    const task = run(drive.device, memory, bytes);
    expect([task.senseText, task.ends]).toEqual([sense, 1]);
  });

  test("a DVD has no CD sectors", () => {
    expect(run(withDvd, memory, cdb(0xbe, { 8: 1, 9: 0x10 })).senseText).toBe("05/64/00");
  });

  test("a store that answers later, and one that fails", () => {
    const slow = new HandStore();
    const { device } = deviceWithDrive(disc(slow));
    const tasks = [0, 1].map(() => run(device, memory, cdb(0x28, { 8: 1 })));
    slow.end();
    slow.end(-5);
    expect(tasks.map(({ ends, senseText }) => [ends, senseText])).toEqual([
      [1, ""],
      [1, "03/11/00"],
    ]);
  });

  test("nothing writes", () => {
    for (const opcode of [0x0a, 0x2a, 0xaa, 0x35, 0x04])
      expect(run(withCd, memory, cdb(opcode, {})).senseText).toBe("05/20/00");
  });
});

describe("READ TOC/PMA/ATIP", () => {
  const toc = (fields: Readonly<Record<number, number>>) => run(withCd, memory, cdb(0x43, { 8: 255, ...fields }));

  test.each([
    ["tracks by LBA", {}, "00120101" + "0014010000000000" + "0014aa000000012c"],
    ["tracks by MSF", { 1: 2 }, "00120101" + "0014010000000200" + "0014aa0000000600"],
    ["the lead-out alone", { 6: 0xaa }, "000a0101" + "0014aa000000012c"],
    ["sessions", { 2: 1 }, "000a0101" + "0014010000000000"],
    ["sessions, as before MMC", { 9: 0x40 }, "000a0101" + "0014010000000000"],
    [
      "raw",
      { 2: 2 },
      "002e0101" +
        "011400a000000000010000" +
        "011400a100000000010000" +
        "011400a200000000000600" +
        "0114000100000000000200",
    ],
  ])("%s", (_name, fields, bytes) => {
    expect(hex(toc(fields).dataIn)).toBe(bytes);
  });

  test.each([
    ["track 2", { 6: 2 }],
    ["PMA", { 2: 3 }],
    ["ATIP", { 2: 4 }],
    ["CD-TEXT", { 2: 5 }],
    ["session 2, raw", { 2: 2, 6: 2 }],
  ])("there is no %s", (_name, fields) => {
    expect(toc(fields).senseText).toBe("05/24/00");
  });

  test("a DVD's addresses that MSF can't tell are its last one; it has no raw TOC", () => {
    const { device } = deviceWithDrive(dvd(memory, 2_000_000));
    expect(hex(run(device, memory, cdb(0x43, { 1: 2, 6: 0xaa, 8: 255 })).dataIn)).toBe("000a0101" + "0014aa0000ff3b4a");
    expect(run(device, memory, cdb(0x43, { 2: 2, 8: 255 })).senseText).toBe("05/24/00");
  });
});

describe("GET CONFIGURATION", () => {
  /** Code to [current, data] of each feature. */
  function features(data: Uint8Array): Map<number, [number, string]> {
    const found = new Map<number, [number, string]>();
    expect(view(data).getUint32(0)).toBe(data.length - 4);
    for (let at = 8; at < data.length; at += 4 + (data[at + 3] ?? 0)) {
      expect((data[at + 3] ?? 0) % 4).toBe(0);
      const body = data.subarray(at + 4, at + 4 + (data[at + 3] ?? 0));
      found.set(view(data).getUint16(at), [(data[at + 2] ?? 0) & 1, hex(body)]);
    }
    return found;
  }
  const all = (device = withCd) => run(device, memory, cdb(0x46, { 7: 1 })).dataIn;

  test.each([
    ["an empty drive", empty, 0, []],
    ["a CD", withCd, 0x08, [0x10, 0x1e, 0x107]],
    ["a DVD", withDvd, 0x10, [0x10, 0x1f, 0x107]],
  ])("%s: profile and current features", (_name, device, profile, current) => {
    const data = all(device);
    expect(view(data).getUint16(6)).toBe(profile);
    const found = features(data);
    expect([...found.keys()]).toEqual([0, 1, 2, 3, 0x10, 0x1e, 0x1f, 0x100, 0x105, 0x107, 0x108]);
    const optional = [...found].filter(([code]) => [0x10, 0x1e, 0x1f, 0x107].includes(code));
    expect(optional.filter(([, [isCurrent]]) => isCurrent === 1).map(([code]) => code)).toEqual(current);
    const asked = run(device, memory, cdb(0x46, { 1: 1, 7: 1 })).dataIn;
    expect([...features(asked).keys()].filter((code) => [0x10, 0x1e, 0x1f, 0x107].includes(code))).toEqual(current);
  });

  test("what the features say", () => {
    const found = features(all());
    expect(found.get(0)?.[1]).toBe("00100000" + "00080100");
    expect(found.get(1)?.[1]).toBe("0000000103000000");
    expect(found.get(3)?.[1]).toBe("39000000");
    expect(found.get(0x10)?.[1]).toBe("00000800" + "00010100");
    expect(found.get(0x108)?.[1]).toBe(hex(Buffer.from("S12345  ")));
  });

  test("one feature, features from a code on, and a return type that is none", () => {
    const one = (fields: Readonly<Record<number, number>>) => run(withCd, memory, cdb(0x46, { 7: 1, ...fields }));
    expect([...features(one({ 1: 2, 3: 3 }).dataIn).keys()]).toEqual([3]);
    expect(hex(one({ 1: 2, 3: 0x2f }).dataIn)).toBe("0000000400000008");
    expect([...features(one({ 2: 1 }).dataIn).keys()]).toEqual([0x100, 0x105, 0x107, 0x108]);
    expect(one({ 1: 3 }).senseText).toBe("05/24/00");
  });
});

describe("GET EVENT STATUS NOTIFICATION", () => {
  const poll = (device = withCd, classes = 0x10, nexus = NEXUS, allocation = 8) =>
    hex(run(device, memory, cdb(0x4a, { 1: 1, 4: classes, 8: allocation }), { nexus }).dataIn);

  test("media: present, absent, open", () => {
    expect(poll()).toBe("0006045600020000");
    expect(poll(empty)).toBe("0006045600000000");
    const { device } = deviceWithDrive(cd(memory));
    run(device, memory, cdb(0x1b, { 4: 2 }));
    expect(poll(device)).toBe("0006045603010000");
    expect(poll(device)).toBe("0006045600010000");
  });

  test("each nexus is told once of a new medium and of an eject request", async () => {
    const { device, drive } = deviceWithDrive(cd(memory));
    const other = makeNexus("other");
    device.nexusOpened(other);
    await drive.loadMedium(cd(memory));
    expect([poll(device), poll(device), poll(device, 0x10, other)]).toEqual([
      "0006045602020000",
      "0006045600020000",
      "0006045602020000",
    ]);
    run(device, memory, cdb(0x00, {}));
    run(device, memory, cdb(0x1e, { 4: 1 }));
    await expect(drive.ejectMedium()).rejects.toThrow(/prevents/);
    expect([poll(device), poll(device)]).toEqual(["0006045601020000", "0006045600020000"]);
  });

  test("an event that did not fit is told again", async () => {
    const { device, drive } = deviceWithDrive(cd(memory));
    await drive.loadMedium(cd(memory));
    expect(poll(device, 0x10, NEXUS, 4)).toBe("00060456");
    expect(poll(device)).toBe("0006045602020000");
  });

  test("of several classes, the one with an event; else the first", async () => {
    const { device, drive } = deviceWithDrive(cd(memory));
    expect(poll(device, 0x56)).toBe("0006015600000000");
    await drive.loadMedium(cd(memory));
    expect(poll(device, 0x56)).toBe("0006045602020000");
    expect(poll(device, 0x44)).toBe("0006025600010000");
  });

  test("no class of ours, and asynchronous operation", () => {
    expect(poll(withCd, 0x08)).toBe("00028056");
    expect(poll(withCd, 0)).toBe("00028056");
    expect(run(withCd, memory, cdb(0x4a, { 4: 0x10, 8: 8 })).senseText).toBe("05/24/00");
  });

  test("neither it nor GET CONFIGURATION tells or clears a unit attention", async () => {
    const { device, drive } = deviceWithDrive(cd(memory));
    await drive.loadMedium(cd(memory));
    expect(run(device, memory, cdb(0x4a, { 1: 1, 4: 0x10, 8: 8 })).status).toBe(0);
    expect(run(device, memory, cdb(0x46, { 8: 8 })).status).toBe(0);
    expect(run(device, memory, cdb(0x00, {})).senseText).toBe("06/28/00");
  });
});

describe("what the disc and the drive tell", () => {
  const answer = (bytes: number[], device = withCd) => hex(run(device, memory, bytes).dataIn);

  test("READ DISC INFORMATION: one finished session", () => {
    expect(answer(cdb(0x51, { 8: 255 }))).toBe(
      "00200e010101012000000000" + "00000000" + "ffffffffffffffff" + "0000000000000000" + "0000",
    );
    expect(run(withCd, memory, cdb(0x51, { 1: 1, 8: 255 })).senseText).toBe("05/24/00");
  });

  test("READ TRACK INFORMATION: by address, track and session", () => {
    const expected = `0022010100040100${"00".repeat(16)}0000012c0000000000000000`;
    for (const fields of [
      { 1: 0, 5: 5 },
      { 1: 1, 5: 1 },
      { 1: 2, 5: 1 },
    ])
      expect(answer(cdb(0x52, { ...fields, 8: 255 }))).toBe(expected);
  });

  test.each([
    ["a block beyond the end", { 1: 0, 4: 2 }, "05/21/00"],
    ["the lead-in", { 1: 1, 5: 0 }, "05/24/00"],
    ["the invisible track", { 1: 1, 5: 255 }, "05/24/00"],
    ["session 2", { 1: 2, 5: 2 }, "05/24/00"],
    ["address type 3", { 1: 3, 5: 1 }, "05/24/00"],
  ])("READ TRACK INFORMATION of %s", (_name, fields, sense) => {
    expect(run(withCd, memory, cdb(0x52, { ...fields, 8: 255 })).senseText).toBe(sense);
  });

  test("READ SUB-CHANNEL", () => {
    expect(answer(cdb(0x42, { 3: 1, 8: 255 }))).toBe("00000000");
    expect(answer(cdb(0x42, { 2: 0x40, 3: 1, 8: 255 }))).toBe("0000000c" + "011401010000000000000000");
    expect(answer(cdb(0x42, { 2: 0x40, 3: 2, 8: 255 }))).toBe(`0000001402000000${"00".repeat(16)}`);
    expect(run(withCd, memory, cdb(0x42, { 2: 0x40, 3: 9, 8: 255 })).senseText).toBe("05/24/00");
  });

  test("READ FORMAT CAPACITIES, with and without a disc", () => {
    expect(answer(cdb(0x23, { 8: 255 }))).toBe("00000008" + "0000012c02000800");
    expect(answer(cdb(0x23, { 8: 255 }), empty)).toBe("00000008" + "ffffffff03000800");
  });

  test("MECHANISM STATUS", () => {
    const { device } = deviceWithDrive(cd(memory));
    expect(answer(cdb(0xbd, { 9: 255 }), device)).toBe("0000000000010000");
    run(device, memory, cdb(0x1b, { 4: 2 }));
    expect(answer(cdb(0xbd, { 9: 255 }), device)).toBe("0010000000010000");
  });

  test("READ BUFFER CAPACITY: none for writing", () => {
    expect(answer(cdb(0x5c, { 8: 255 }))).toBe("000a00000000000000000000");
  });

  test("GET PERFORMANCE: one speed; none for writing", () => {
    expect(answer(cdb(0xac, { 1: 0x10, 9: 4 }))).toBe("0000001400000000" + "00000000000021130000012b00002113");
    expect(answer(cdb(0xac, { 1: 0x14, 9: 4 }))).toBe("0000000404000000");
    expect(answer(cdb(0xac, { 9: 4, 10: 3 }))).toBe("0000000400000000");
    expect(run(withCd, memory, cdb(0xac, { 9: 4, 10: 1 })).senseText).toBe("05/24/00");
  });

  test("MODE SENSE: no block descriptor, page 2A tells tray and lock", () => {
    const { device } = deviceWithDrive(cd(memory));
    const page = (bytes: number[]) => run(device, memory, bytes).dataIn;
    const ten = page(cdb(0x5a, { 2: 0x2a, 8: 128 }));
    expect([view(ten).getUint16(0), ten[7], ten[8], ten[9], ten[14]]).toEqual([ten.length - 2, 0, 0x2a, 20, 0x29]);
    expect(page(cdb(0x1a, { 1: 8, 2: 0x2a, 4: 128 }))[4]).toBe(0x2a);
    run(device, memory, cdb(0x1e, { 4: 1 }));
    expect(page(cdb(0x5a, { 2: 0x2a, 8: 128 }))[14]).toBe(0x2b);
    const codes = page(cdb(0x5a, { 2: 0x3f, 8: 255 }));
    expect([8, 20, 32, 44, 54].map((at) => codes[at])).toEqual([1, 0x0a, 0x1a, 0x1d, 0x2a]);
    expect(run(device, memory, cdb(0x5a, { 2: 0x0e, 8: 255 })).senseText).toBe("05/24/00");
  });
});

describe("READ DISC STRUCTURE", () => {
  const structure = (format: number, device = withDvd) => run(device, memory, cdb(0xad, { 7: format, 8: 16 }));

  test("of a DVD: physical format, copyright, manufacturing", () => {
    const { dataIn } = structure(0);
    expect([dataIn.length, view(dataIn).getUint16(0)]).toEqual([2052, 2050]);
    expect(hex(dataIn.subarray(4, 21))).toBe(
      `010f010000030000${(0x30000 + DVD_BLOCKS - 1).toString(16).padStart(8, "0")}0000000000`,
    );
    expect(hex(structure(1).dataIn)).toBe("0006000000000000");
    expect(structure(4).dataInCount).toBe(2052);
  });

  test("the list is the drive's, whatever is in it", () => {
    for (const device of [withDvd, withCd, empty])
      expect(hex(structure(0xff, device).dataIn)).toBe("000e0000" + "00400804" + "01400008" + "04400804");
  });

  test("a CD has none, an empty drive neither, and a DVD no BCA", () => {
    expect(structure(0, withCd).senseText).toBe("05/30/02");
    expect(structure(0, empty).senseText).toBe("02/3a/01");
    expect(structure(3).senseText).toBe("05/24/00");
    expect(run(withDvd, memory, cdb(0xad, { 6: 1, 8: 16 })).senseText).toBe("05/24/00");
    expect(run(withDvd, memory, cdb(0xad, { 1: 1, 8: 16 })).senseText).toBe("05/24/00");
  });
});

describe("motion", () => {
  test.each([
    ["PLAY AUDIO(10)", cdb(0x45, { 8: 1 }), "05/64/00"],
    ["PLAY AUDIO(12)", cdb(0xa5, { 9: 1 }), "05/64/00"],
    ["PLAY AUDIO MSF", cdb(0x47, { 4: 2, 7: 3 }), "05/64/00"],
    ["PAUSE/RESUME", cdb(0x4b, {}), "05/2c/00"],
    ["STOP PLAY/SCAN", cdb(0x4e, {}), ""],
    ["SET CD SPEED", cdb(0xbb, { 2: 0xff, 3: 0xff, 4: 0xff, 5: 0xff }), ""],
    ["SET STREAMING without a descriptor", cdb(0xb6, {}), "05/1a/00"],
  ])("%s", (_name, bytes, sense) => {
    expect(run(withCd, memory, bytes).senseText).toBe(sense);
  });

  test("SET STREAMING takes one performance descriptor, all of it", () => {
    const set = (length: number, kind = 0) =>
      run(withCd, memory, cdb(0xb6, { 8: kind, 10: 28 }), { dataOut: new Uint8Array(length) }).senseText;
    expect([set(28), set(27), set(28, 5)]).toEqual(["", "05/1a/00", "05/24/00"]);
  });
});

describe("the command table", () => {
  test("each operation code once, usage as long as its group demands", () => {
    const LENGTH_OF_GROUP = [6, 10, 10, 0, 16, 12];
    const opcodes = OPTICAL_COMMANDS.rows.map(({ opcode, serviceAction }) => `${opcode}/${serviceAction}`);
    expect(new Set(opcodes).size).toBe(opcodes.length);
    for (const { name, opcode, usage } of OPTICAL_COMMANDS.rows)
      expect([name, usage.length]).toEqual([name, LENGTH_OF_GROUP[opcode >> 5]]);
  });

  test.each([
    ["a CD", () => cd(memory)],
    ["a DVD", () => dvd(memory)],
    ["nothing", () => NO_MEDIUM],
  ])("any CDB ends exactly once, with %s in the drive", (_name, medium) => {
    const { device } = deviceWithDrive(medium());
    const opcode = fc.constantFrom(...OPTICAL_COMMANDS.rows.map((command) => command.opcode), 0xa0, 0x15, 0xff);
    fc.assert(
      fc.property(opcode, fc.uint8Array({ minLength: 15, maxLength: 15 }), (code, rest) => {
        const task = run(device, memory, [code, ...rest]);
        expect(task.ends).toBe(1);
        // RESERVATION CONFLICT: a CDB before may have reserved.
        expect([0x00, 0x02, 0x08, 0x18]).toContain(task.status);
        // Many of them set NACA and fail: the next one is not to be refused for that, unjudged.
        device.clearAca(NEXUS, memory, task.lunOffset);
      }),
      { numRuns: 1000 },
    );
  });
});
