import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { requires } from "../support/requires.ts";
import { runScsiDebugGuest, type Seen } from "./scsi-debug/guest.ts";

const JOB = "cd /opt/vscsi && node dist/driver/driver.js";
/** What is served of each personality: a disk by three kinds of node, tape and CD-ROM by two. */
const WAYS: Readonly<Record<number, number>> = { 0: 3, 1: 2, 5: 2 };
const TIMED_OUT = "70 00 0b 00 00 00 00 0a 00 00 00 00 2e 02 00 00 00 00";
const RESET = /^70 00 06 00 00 00 00 0a 00 00 00 00 29 /;

// Linux's own SCSI devices, our daemon and a client of it, all in one guest; what sg_raw sees is the measure.
describe.skipIf(!["qemu-system-x86_64", "cpio", "dpkg-deb", "readelf", "ldd"].every(requires))("scsi_debug", () => {
  /** What was seen of each personality, and of the disk with descriptor sense data. */
  const seen = new Map<string, Seen[]>();

  beforeAll(async () => {
    const run = await runScsiDebugGuest(JOB, join(import.meta.dirname, "scsi-debug/driver.ts"));
    let current: Seen[] = [];
    for (const entry of run.seen) {
      if (entry.what === "personality") {
        current = [];
        seen.set(`${entry.ptype}${entry.dsense === 1 ? " descriptor" : ""}`, current);
      } else current.push(entry);
    }
  }, 600_000);

  /** Entries of a kind; `count` for each way to the device. */
  function of(personality: string, what: string, count = 1): Seen[] {
    const found = (seen.get(personality) ?? []).filter((entry) => entry.what === what);
    expect(found).toHaveLength(count * (WAYS[Number.parseInt(personality, 10)] ?? 0));
    return found;
  }

  test.each(["0", "1", "5"])("type %s: data are what was written, also past us", (personality) => {
    for (const { statuses, written, read, direct } of of(personality, "data")) {
      expect(statuses).toEqual([0]);
      expect([read, direct]).toEqual([written, written]);
    }
  });

  test.each(["0", "0 descriptor", "1", "5"])("type %s: answers are the device's, byte for byte", (personality) => {
    for (const { name, status, direct, through } of of(personality, "answer", 7)) {
      expect([name, status, through]).toEqual([name, 0, direct]);
      expect(String(direct).length).toBeGreaterThan(16);
    }
  });

  test.each(["0", "0 descriptor", "1", "5"])("type %s: sense data are the device's, byte for byte", (personality) => {
    for (const { name, status, direct, through } of of(personality, "sense", 10)) {
      expect([name, status, through]).toEqual([name, 2, direct]);
      expect(String(direct)).toMatch(personality.includes("descriptor") ? /^72 / : /^[7f]0 /);
    }
  });

  test.each(["0", "1", "5"])(
    "type %s: injected errors arrive as they left the device, and then it goes on",
    (personality) => {
      const senses = new Map(of(personality, "sense", 10).map(({ name, through }) => [name, String(through)]));
      expect(senses.get("medium error")).toMatch(/^f0 00 03 00 00 12 34 .*11 00 /);
      expect(senses.get("recovered error")).toMatch(/^70 00 01 .* 5d 00 /);
      expect(senses.get("transport error")).toMatch(/^70 00 0b .* 4b 03 /);
      for (const { status } of of(personality, "after errors")) expect(status).toBe(0);
    },
  );

  test.each(["0", "1", "5"])(
    "type %s: what the device does not answer times out, and holds up nobody",
    (personality) => {
      for (const { status, sense, beside, stillHung, after } of of(personality, "timeout")) {
        expect([status, sense, after]).toEqual([2, TIMED_OUT, 0]);
        // All the commands of another unit were answered meanwhile.
        expect([beside, stillHung]).toEqual([100, true]);
      }
    },
  );

  test.each(["0", "1", "5"])("type %s: an abort is answered when the command has left the device", (personality) => {
    for (const { code, ended, after } of of(personality, "abort"))
      expect([code, ended, after]).toEqual([0, "aborted", 0]);
  });

  test("a reset ends what is under way, and is told by a unit attention", () => {
    for (const { code, senses } of of("0", "reset")) {
      expect(code).toBe(0);
      const [first, ...others] = senses as string[];
      expect(first).toMatch(RESET);
      expect(others.at(-1)).toBe("");
    }
  });

  test("the installed package finds what a device needs", () => {
    const [entry] = (seen.get("0") ?? []).filter(({ what }) => what === "installed");
    expect(entry).toMatchObject({
      exit: 0,
      status: { adapters: [{ logicalUnits: [{ target: 1, size: 16 * 1024 * 1024, description: "/dev/sg0" }] }] },
    });
  });
});
