import { execFileSync } from "node:child_process";
import { truncateSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DaemonProcess } from "../support/daemon-process.ts";
import { runGuest } from "./run-guest.ts";
import { GuestFolder, guestTools, servedGuest } from "./served-guest.ts";

const DISK_SIZE = 256 * 2 ** 20;

/**
 * First boot: makes the file system, copies files in, notes their sums on the disk. Second boot: checks the sums and
 * the file system. The disk itself tells which boot it is.
 */
const JOB = `
set -e
[ -b /dev/sda ] || { echo "no /dev/sda"; exit 10; }
mkdir -p /mnt
if ! mount -t ext4 /dev/sda /mnt 2>/dev/null; then
  echo "DISK-SIZE $(cat /sys/block/sda/size)"
  mkfs.ext4 -q -F /dev/sda
  mount -t ext4 /dev/sda /mnt
  cp -r /bin /mnt/copied
  i=0
  while [ $i -lt 40 ]; do dd if=/dev/urandom of=/mnt/file$i bs=64k count=$((i + 1)) 2>/dev/null; i=$((i + 1)); done
  printf abc > /mnt/abc
  (cd /mnt && find . -type f ! -name SUMS -exec sha256sum {} + > /SUMS && cp /SUMS SUMS)
  umount /mnt
  echo FIRST-BOOT-DONE
  reboot -f
  sleep 60
fi
cd /mnt
grep -q "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  ./abc" SUMS
sha256sum -c SUMS > /tmp/checked || { grep -v ': OK' /tmp/checked; exit 11; }
echo "SUMS-EQUAL $(grep -c ': OK' /tmp/checked)"
cd /
umount /mnt
e2fsck -fn /dev/sda
echo E2FSCK-CLEAN
`;

describe.skipIf(!guestTools()).each(["wasm", "js"])("a Linux guest on a file LUN, --core %s", (core) => {
  test("makes a file system, reboots, finds every file again", { timeout: 420_000 }, async () => {
    using folder = new GuestFolder();
    const image = folder.file("disk.img");
    writeFileSync(image, "");
    truncateSync(image, DISK_SIZE);
    const daemon = await DaemonProcess.start(folder.control, [
      "--core",
      core,
      "--disk",
      image,
      "--socket",
      folder.socket,
    ]);
    try {
      const guest = await runGuest({ args: await servedGuest(folder, JOB, undefined, true), timeoutMs: 400_000 });
      const console = guest.lines.join("\n");
      expect(console).toContain(`DISK-SIZE ${DISK_SIZE / 512}`);
      expect(console).toContain("FIRST-BOOT-DONE");
      expect(console).toMatch(/SUMS-EQUAL [1-9]\d+/);
      expect(console).toContain("E2FSCK-CLEAN");
      expect(console).not.toMatch(/I\/O error|Buffer I\/O/);
      expect(guest.jobStatus).toBe(0);
      expect((await daemon.status()).core).toBe(core);
    } finally {
      expect(await daemon.end("SIGTERM")).toBe(0);
    }
    execFileSync("/sbin/e2fsck", ["-fn", image]);
  });
});
