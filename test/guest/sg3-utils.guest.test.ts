import { describe, expect, test } from "vitest";
import { DaemonProcess } from "../support/daemon-process.ts";
import { runGuest } from "./run-guest.ts";
import { GuestFolder, guestTools, servedGuest } from "./served-guest.ts";

/** Each of these must succeed; what it said follows its own line. */
const TOOLS = [
  "sg_inq /dev/sda",
  ...["0x00", "0x80", "0x83", "0x85", "0x86", "0x87", "0xb0", "0xb1", "0xb2"].map(
    (page) => `sg_vpd -p ${page} /dev/sda`,
  ),
  "sg_modes -a /dev/sda",
  "sg_modes -6 -p 10,1 /dev/sda",
  "sg_logs -a /dev/sda",
  "sg_logs -L /dev/sda",
  "sg_opcodes -R /dev/sda",
  "sg_opcodes -m /dev/sda",
  "sg_opcodes -t -q /dev/sda",
  "sg_rtpg -d /dev/sda",
  "sg_rtpg -e /dev/sda",
  "sg_requests -d /dev/sda",
  "sg_turs /dev/sda",
  "sg_senddiag -t /dev/sda",
  "sg_senddiag -l /dev/sda",
  "sg_timestamp /dev/sda",
  "sg_ident /dev/sda",
  "sg_test_rwbuf -s 4096 /dev/sda",
] as const;

const JOB = `
run() { echo "== $*"; "$@" 2>&1 || { echo "FAILED $*: $?"; failed=1; }; }
failed=0
${TOOLS.map((tool) => `run ${tool}`).join("\n")}
cache=$(echo /sys/block/sda/device/scsi_disk/*)/cache_type
echo "CACHE $(cat $cache)"
echo "write through" > $cache
echo "CACHE $(cat $cache)"
write() { dd if=/dev/zero of=/dev/sda bs=512 count=1 oflag=direct 2>/dev/null && echo "WRITE $1 done" || echo "WRITE $1 refused"; }
control() { sg_wr_mode -p a -c 0a,0a,00,10,$1,00,00,00,ff,ff,00,00 /dev/sda; }
control 08; write protected
control 00; write unprotected
exit $failed
`;

describe.skipIf(!guestTools())("sg3_utils in a Linux guest", () => {
  test("read what a disk tells about itself, and set what can be set", { timeout: 300_000 }, async () => {
    using folder = new GuestFolder();
    const daemon = await DaemonProcess.start(folder.control, ["--memory", "64M", "--socket", folder.socket]);
    try {
      const guest = await runGuest({ args: await servedGuest(folder, JOB), timeoutMs: 280_000 });
      const console = guest.lines.join("\n").replaceAll("\r", "");
      expect(console).not.toMatch(/^FAILED/m);
      expect(guest.jobStatus).toBe(0);
      for (const told of [
        /Vendor identification: IBM\s+\n\s*Product identification: VDASD blkdev/,
        /designator type: SCSI name string.*\n.*\n\s+naa\.3[0-9A-F]{15}/,
        /transport: SCSI RDMA Protocol \(SRP\)\n\s+Relative target port: 0x1/,
        /HEADSUP=1 ORDSUP=1 SIMPSUP=1/,
        /Maximum transfer length: 32768 blocks/,
        />> Caching, page_control: current\n 00\s+08 12 04/,
        />> Control extension, page_control: current\n 00\s+4a 01 00 1c/,
        /0x00,0xff\s+Supported log pages and subpages/,
        /a0\s+12\s+1\s+30\s+Report luns/,
        /cdb usage: 28 18 ff ff ff ff 1f ff ff ff/,
        /tmf long timeout: 300/,
        /asymmetric access state : 0x00 \(active\/optimized\)/,
        /Descriptor format, current; Sense key: No Sense/,
        /CACHE write back/,
        /CACHE write through/,
        /WRITE protected refused/,
        /WRITE unprotected done/,
      ])
        expect(console).toMatch(told);
    } finally {
      expect(await daemon.end("SIGTERM")).toBe(0);
    }
  });
});
