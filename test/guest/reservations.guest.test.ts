import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DaemonProcess } from "../support/daemon-process.ts";
import { runGuest } from "./run-guest.ts";
import { GuestFolder, guestTools, servedGuest } from "./served-guest.ts";

const UNITS = ["0x71000003", "0x71000004"];

/** Two paths to one disk, reserved in turns by sg_persist, which writes its own TransportIDs and reads ours. */
const JOB = `
one=/dev/sda; two=/dev/sdb
[ -b $one ] && [ -b $two ] || { echo "no two disks"; exit 10; }
pr() { sg_persist --no-inquiry "$@"; }
writes() { dd if=/dev/zero of=$1 bs=4k count=1 oflag=direct 2>/dev/null && echo "$2-WRITES" || echo "$2-REFUSED"; }
pr --in --report-capabilities $one | grep -E 'Persist Through|Type mask valid|Specify Initiator|Compatible'
pr --out --register --param-sark=0xabc --param-aptpl $one || exit 11
pr --out --register-ignore --param-sark=0xdef --param-aptpl $two || exit 12
pr --in --read-keys $two
pr --out --reserve --param-rk=0xabc --prout-type=1 $one || exit 13
pr --in --read-full-status $two
writes $one HOLDER; writes $two OTHER
dd if=$two of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null && echo OTHER-READS
pr --out --preempt-abort --param-rk=0xdef --param-sark=0xabc --prout-type=3 $two || exit 14
sg_turs $one; sg_turs -v $one 2>&1 | tail -1
writes $one PREEMPTED; writes $two PREEMPTOR
pr --in --read-reservation $two
pr --out --clear --param-rk=0xdef $two || exit 15
writes $one CLEARED
sg_inq $one | grep -o 'NormACA=1'
`;

describe.skipIf(!guestTools())("a Linux guest with two paths to one disk", () => {
  test("reserves, is refused, preempts, with sg_persist", { timeout: 300_000 }, async () => {
    using folder = new GuestFolder();
    const adapter = (unitAddress: string) => ({
      unitAddress,
      guest: "guest",
      logicalUnits: [{ target: 1, unit: "shared" }],
    });
    writeFileSync(
      folder.file("config.json"),
      JSON.stringify({
        version: 1,
        control: folder.control,
        stateDirectory: folder.file("state"),
        guests: [{ name: "guest", socket: folder.socket }],
        logicalUnits: [{ name: "shared", backend: { type: "memory", size: "16M" } }],
        adapters: UNITS.map(adapter),
      }),
    );
    const daemon = await DaemonProcess.start(folder.control, ["--config", folder.file("config.json")]);
    try {
      const guest = await runGuest({ args: await servedGuest(folder, JOB, UNITS), timeoutMs: 280_000 });
      const console = guest.lines.join("\n");
      for (const line of [
        /Key=0xabc.*Reservation holder.*71 00 00 03\s+Key=0xdef/s,
        /71000004: Client reserve enabled/,
        /HOLDER-WRITES/,
        /OTHER-REFUSED/,
        /OTHER-READS/,
        /Registrations preempted/,
        /PREEMPTED-REFUSED/,
        /PREEMPTOR-WRITES/,
        /CLEARED-WRITES/,
        /NormACA=1/,
      ])
        expect(console).toMatch(line);
      expect(guest.jobStatus).toBe(0);
    } finally {
      expect(await daemon.end("SIGTERM")).toBe(0);
    }
  });
});
