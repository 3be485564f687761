import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { DaemonProcess } from "../support/daemon-process.ts";
import { requires } from "../support/requires.ts";
import { makeImage, Tgtd } from "../support/tgtd.ts";
import { type Guest, startGuest } from "./run-guest.ts";
import { GuestFolder, guestTools, servedGuest } from "./served-guest.ts";

const TARGET = "iqn.2026-11.net.example:remote";
const SIZE = 64 * 2 ** 20;
const SERIAL = "REMOTE-1";
const SECRET = "a secret of enough letters";

/** Long enough that tgtd goes and comes back three times under it. */
const JOB = `
set -e
echo "INQUIRY $(sg_inq /dev/sda | tr -s ' \\n' ' ')"
echo "DEVICE $(sg_vpd --page=di /dev/sda | tr -s ' \\n' ' ')"
mkfs.ext4 -q -F /dev/sda
mkdir -p /mnt
mount /dev/sda /mnt
seq 1 200000 > /mnt/numbers
sum=$(sha256sum < /mnt/numbers)
umount /mnt
echo 3 > /proc/sys/vm/drop_caches
mount /dev/sda /mnt
[ "$(sha256sum < /mnt/numbers)" = "$sum" ] || exit 10
umount /mnt
echo LOAD-BEGINS
fio --name=load --filename=/dev/sda --rw=randwrite --bs=4k --size=24M --ioengine=libaio --iodepth=16 --direct=1 \\
    --loops=3 --time_based=0 --verify=crc32c --verify_fatal=1 --verify_backlog=512 --do_verify=1 --minimal > /tmp/fio || { cat /tmp/fio; exit 20; }
echo LOAD-VERIFIED
dmesg | grep -iE 'I/O error|DID_ERROR|rejecting I/O|Medium Error' && exit 21
echo "SUM $(dd if=/dev/sda bs=1M iflag=direct 2>/dev/null | sha256sum)"
true
`;

describe.skipIf(!guestTools() || !requires("tgtd"))("a unit of tgtd's, by iSCSI through us", () => {
  test("tgtd is killed under load and started again: the guest goes on without an I/O error", {
    timeout: 420_000,
  }, async () => {
    using folder = new GuestFolder();
    const image = makeImage(folder.file("disk.img"), SIZE);
    const chap = { user: "us", secret: SECRET };
    const tgtd = await Tgtd.start(folder.path, [
      { name: TARGET, images: [image], serial: SERIAL, chap, parameters: { DataDigest: "CRC32C" } },
    ]);
    const url = `iscsi://127.0.0.1:${tgtd.port}/${TARGET}/1`;
    writeFileSync(
      folder.file("config.json"),
      JSON.stringify({
        version: 1,
        guests: [{ name: "guest", socket: folder.socket }],
        adapters: [
          {
            unitAddress: "0x71000003",
            guest: "guest",
            logicalUnits: [{ target: 1, type: "passthrough", backend: { type: "iscsi", url, chap, dataDigest: true } }],
          },
        ],
      }),
    );
    let daemon: DaemonProcess | undefined;
    let guest: Guest | undefined;
    const console = () => guest?.lines.join("\n") ?? "";
    try {
      daemon = await DaemonProcess.start(folder.control, ["--config", folder.file("config.json")]);
      guest = startGuest({ args: await servedGuest(folder, JOB), timeoutMs: 400_000 });
      await guest.waitFor(/LOAD-BEGINS/);
      for (let round = 0; round < 3; round++) {
        await sleep(2_500);
        await tgtd.kill();
        expect(console()).not.toContain("LOAD-VERIFIED");
        await sleep(1_000);
        await tgtd.start();
      }
      const { jobStatus } = await guest.exit;
      expect(console()).toContain("LOAD-VERIFIED");
      expect(jobStatus).toBe(0);
      // What the guest is told of the device is tgtd's word.
      const inquiry = /^INQUIRY (.*)$/m.exec(console())?.[1];
      expect(inquiry).toMatch(/Vendor identification: IET Product identification: VIRTUAL-DISK/);
      expect(inquiry).toContain(`Unit serial number: ${SERIAL}`);
      expect(/^DEVICE (.*)$/m.exec(console())?.[1]).toContain("designator type: NAA");
      const sum = /SUM ([0-9a-f]{64})/.exec(console())?.[1];
      expect(sum).toBe(createHash("sha256").update(readFileSync(image)).digest("hex"));
      expect(daemon.log.match(/session with the iSCSI target made again/g)?.length).toBe(3);
    } finally {
      guest?.kill();
      const status = await daemon?.end("SIGTERM");
      await tgtd.kill();
      expect(status).toBe(0);
    }
  });
});
