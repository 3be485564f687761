import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { DaemonProcess } from "../support/daemon-process.ts";
import { imageServers } from "../support/qemu-nbd-processes.ts";
import { requires } from "../support/requires.ts";
import { startGuest } from "./run-guest.ts";
import { GuestFolder, guestTools, servedGuest } from "./served-guest.ts";

const SETS = 12;
/** Sets in the middle of which the daemon is killed. */
const KILLED_IN = [2, 5, 8];

/** Installs the same files again and again, and deletes some of them: clusters come, are written again, and are given back. */
const JOB = `
set -e
mkdir /source
cp -r /bin /source/bin
i=0
while [ $i -lt 16 ]; do dd if=/dev/urandom of=/source/file$i bs=64k count=$((i * 2 + 1)) 2>/dev/null; i=$((i + 1)); done
(cd /source && find . -type f -exec sha256sum {} + > /SUMS)
mkfs.ext4 -q -F /dev/sda
mount -t ext4 -o discard /dev/sda /mnt
n=0
while [ $n -lt ${SETS} ]; do
  echo "SET-BEGINS $n"
  cp -r /source /mnt/set$n
  sync
  [ $((n % 4)) = 3 ] && rm -r /mnt/set$((n - 1))
  n=$((n + 1))
done
echo INSTALLED
umount /mnt
echo 3 > /proc/sys/vm/drop_caches
mount -t ext4 /dev/sda /mnt
for set in /mnt/set*; do
  (cd $set && sha256sum -c /SUMS > /tmp/checked) || { grep -v ': OK' /tmp/checked; exit 11; }
  echo "SUMS-EQUAL $(grep -c ': OK' /tmp/checked)"
done
umount /mnt
e2fsck -fn /dev/sda
dmesg | grep -iE 'I/O error|DID_ERROR|rejecting I/O|Medium Error' && exit 21
true
`;

/**
 * What is wrong with an image. `corruptions` are places where its tables are wrong: data may be lost. `leaks` are clusters that
 * nothing refers to: space that is lost, and no data. QEMU tells neither when there is none.
 */
function check(image: string): { corruptions: number; leaks: number; errors: number } {
  const told = JSON.parse(
    execFileSync("qemu-img", ["check", "--output=json", "-f", "qcow2", image], { encoding: "utf8" }),
  );
  return { corruptions: told.corruptions ?? 0, leaks: told.leaks ?? 0, errors: told["check-errors"] };
}

const CLEAN = { corruptions: 0, leaks: 0, errors: 0 };

describe.skipIf(!guestTools() || !requires("qemu-nbd"))("a Linux guest on a qcow2 LUN", () => {
  test("installs files while the daemon is killed; the image is clean each time", { timeout: 420_000 }, async () => {
    using folder = new GuestFolder();
    const image = folder.file("disk.qcow2");
    execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", image, "512M"]);
    const flags = ["--disk", image, "--socket", folder.socket];
    let daemon = await DaemonProcess.start(folder.control, flags);
    const guest = startGuest({ args: await servedGuest(folder, JOB), timeoutMs: 400_000 });
    try {
      for (const set of KILLED_IN) {
        await guest.waitFor(new RegExp(`SET-BEGINS ${set}`));
        await sleep(200);
        const [server] = imageServers(image);
        await daemon.end("SIGKILL");
        expect(guest.lines.join("\n")).not.toContain("INSTALLED");
        await expect.poll(() => imageServers(image), { timeout: 20_000 }).toEqual([]);
        expect(check(image)).toEqual(CLEAN);
        daemon = await DaemonProcess.start(folder.control, flags);
        expect(imageServers(image)).not.toContain(server);
      }
      const { jobStatus, lines } = await guest.exit;
      const console = lines.join("\n");
      expect(console.match(/SUMS-EQUAL [1-9]\d+/g)).toHaveLength(SETS - SETS / 4);
      expect(jobStatus).toBe(0);
    } finally {
      guest.kill();
      expect(await daemon.end("SIGTERM")).toBe(0);
    }
    expect(imageServers(image)).toEqual([]);
    expect(check(image)).toEqual(CLEAN);
    const raw = folder.file("disk.raw");
    execFileSync("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", image, raw]);
    execFileSync("/sbin/e2fsck", ["-fn", raw]);
  });
});
