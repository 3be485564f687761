import { execFileSync } from "node:child_process";
import { statSync, truncateSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DaemonProcess } from "../support/daemon-process.ts";
import { startGuest } from "./run-guest.ts";
import { GuestFolder, guestTools, servedGuest } from "./served-guest.ts";

const MEBIBYTE = 2 ** 20;
const DISK_SIZE = 512 * MEBIBYTE;
const FILES = 24;
/** In MiB, of each file that is kept and of each that is deleted; they lie between one another. */
const KEPT_SIZE = 1;
const DELETED_SIZE = 4;

/** All of the file system's own structures are written at once: nothing but what the job does changes the image. */
const JOB = `
set -e
echo "PROVISIONING $(cat /sys/class/scsi_disk/*/provisioning_mode) $(cat /sys/block/sda/queue/discard_granularity)"
mkfs.ext4 -q -F -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 /dev/sda
mount -t ext4 /dev/sda /mnt
i=0
while [ $i -lt ${FILES} ]; do
  dd if=/dev/urandom of=/mnt/kept$i bs=${KEPT_SIZE}M count=1 2>/dev/null
  dd if=/dev/urandom of=/mnt/deleted$i bs=${DELETED_SIZE}M count=1 2>/dev/null
  sync
  i=$((i + 1))
done
(cd /mnt && sha256sum kept*) > /tmp/sums
echo WRITTEN
read line
rm /mnt/deleted*
sync
echo DELETED
read line
fstrim -v /mnt
umount /mnt
echo TRIMMED
read line
echo 3 > /proc/sys/vm/drop_caches
mount -t ext4 /dev/sda /mnt
cd /mnt
sha256sum -c /tmp/sums | sed 's/^/SUM /'
cd /
umount /mnt
e2fsck -fn /dev/sda
`;

describe.skipIf(!guestTools())("fstrim in a Linux guest", () => {
  test("gives the image's space back and leaves the other files as they are", { timeout: 300_000 }, async () => {
    using folder = new GuestFolder();
    const image = folder.file("disk.img");
    writeFileSync(image, "");
    truncateSync(image, DISK_SIZE);
    const args = await servedGuest(folder, JOB);
    const daemon = await DaemonProcess.start(folder.control, ["--disk", image, "--socket", folder.socket]);
    const guest = startGuest({ args, timeoutMs: 280_000 });
    const allocated = async (moment: RegExp): Promise<number> => {
      await guest.waitFor(moment);
      const { blocks } = statSync(image);
      guest.send("\n");
      return blocks * 512;
    };
    try {
      const written = await allocated(/^WRITTEN$/m);
      expect(written).toBeGreaterThan(FILES * (KEPT_SIZE + DELETED_SIZE) * MEBIBYTE);
      const deleted = await allocated(/^DELETED$/m);
      const trimmed = await allocated(/^TRIMMED$/m);
      // Deleting gives nothing back by itself; trimming gives all of it, and the file system's spare blocks.
      expect(deleted).toBeGreaterThanOrEqual(written);
      expect(deleted - trimmed).toBeGreaterThanOrEqual(FILES * DELETED_SIZE * MEBIBYTE);
      expect(trimmed).toBeGreaterThan(FILES * KEPT_SIZE * MEBIBYTE);
      const { jobStatus, lines } = await guest.exit;
      expect(lines.find((line) => line.startsWith("PROVISIONING"))).toMatch(/ (unmap|writesame_16) \d+$/);
      expect(lines.filter((line) => /^SUM kept\d+: OK$/.test(line))).toHaveLength(FILES);
      expect(lines.join("\n")).not.toMatch(/I\/O error/);
      expect(jobStatus).toBe(0);
    } finally {
      guest.kill();
      expect(await daemon.end("SIGTERM")).toBe(0);
    }
    execFileSync("e2fsck", ["-fn", image], { stdio: "pipe" });
    expect(statSync(image).size).toBe(DISK_SIZE);
  });
});
