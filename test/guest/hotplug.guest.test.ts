import { execFile } from "node:child_process";
import { truncateSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { DaemonProcess } from "../support/daemon-process.ts";
import { startGuest } from "./run-guest.ts";
import { GuestFolder, guestTools, servedGuest } from "./served-guest.ts";

const CLI = resolve(import.meta.dirname, "../../dist/cli/main.js");
const run = promisify(execFile);

/**
 * Finds the disk that comes, by a rescan of its host; writes to it; sees it grow, by a rescan of the disk, with what was
 * written; sees it write-protected; reads until it is taken away; finds it gone, and the other disk as it was.
 */
const JOB = `
set -e
within() {
  tries=0
  until eval "$1"; do
    sleep 0.2
    tries=$((tries + 1))
    [ $tries -lt 200 ] || { echo "WAITED IN VAIN: $1"; return 1; }
  done
}
scan() { for host in /sys/class/scsi_host/host*; do echo '- - -' > $host/scan; done; }
within '[ -b /dev/sda ]' || exit 10
[ ! -e /dev/sdb ] || exit 11
FIRST=$(sha256sum < /dev/sda)
echo READY-FOR-ADD
within 'scan; [ -b /dev/sdb ]' || exit 12
echo "ADDED size $(cat /sys/block/sdb/size) ro $(cat /sys/block/sdb/ro) at $(basename $(readlink -f /sys/block/sdb/device))"
dd if=/dev/urandom of=/dev/sdb bs=64k count=16 conv=fsync 2>/dev/null || exit 13
WRITTEN=$(dd if=/dev/sdb bs=64k count=16 2>/dev/null | sha256sum)
echo READY-FOR-RESIZE
within 'echo 1 > /sys/block/sdb/device/rescan; [ $(cat /sys/block/sdb/size) != 16384 ]' || exit 14
echo 3 > /proc/sys/vm/drop_caches
[ "$WRITTEN" = "$(dd if=/dev/sdb bs=64k count=16 2>/dev/null | sha256sum)" ] || exit 15
dd if=/dev/urandom of=/dev/sdb bs=64k seek=300 count=1 conv=fsync 2>/dev/null || exit 16
echo "RESIZED size $(cat /sys/block/sdb/size)"
echo READY-FOR-PROTECT
within 'echo 1 > /sys/block/sdb/device/rescan; [ $(cat /sys/block/sdb/ro) = 1 ]' || exit 17
echo PROTECTED
(while dd if=/dev/sdb of=/dev/null bs=64k count=16 iflag=direct 2>/dev/null; do :; done; echo READ-NO-MORE) &
echo READY-FOR-REMOVE
wait
echo 3 > /proc/sys/vm/drop_caches
[ "$FIRST" = "$(sha256sum < /dev/sda)" ] || exit 18
echo 1 > /sys/block/sdb/device/delete
scan
sleep 1
[ ! -e /sys/block/sdb ] || exit 19
echo "TOLD capacity $(dmesg | grep -c 'apacity data has changed') inventory $(dmesg | grep -c 'LUN assignments on this target have changed')"
`;

describe.skipIf(!guestTools())("a Linux guest whose disks come, go and change", () => {
  test("finds what is added, sees it grow and be protected, and outlives its removal", {
    timeout: 420_000,
  }, async () => {
    using folder = new GuestFolder();
    writeFileSync(
      folder.file("first.img"),
      Uint8Array.from({ length: 1 << 20 }, (_, at) => (at * 13) & 0xff),
    );
    writeFileSync(folder.file("second.img"), new Uint8Array(8 << 20));
    const daemon = await DaemonProcess.start(folder.control, [
      "--disk",
      folder.file("first.img"),
      "--socket",
      folder.socket,
    ]);
    const vscsi = (...args: readonly string[]) =>
      run(process.execPath, [CLI, ...args, "--control", folder.control, "--json"]);
    const guest = startGuest({ args: await servedGuest(folder, JOB), timeoutMs: 300_000 });
    const PLACE = "0x71000003/2";
    try {
      await guest.waitFor(/READY-FOR-ADD/);
      await vscsi("unit", "add", PLACE, "--disk", folder.file("second.img"));
      await guest.waitFor(/READY-FOR-RESIZE/);
      truncateSync(folder.file("second.img"), 32 << 20);
      await vscsi("unit", "resize", PLACE);
      await guest.waitFor(/READY-FOR-PROTECT/);
      await vscsi("unit", "write-protect", PLACE);
      await guest.waitFor(/READY-FOR-REMOVE/);
      const { stdout } = await vscsi("unit", "remove", PLACE);
      expect(JSON.parse(stdout)).toMatchObject({ places: [], readOnly: true, size: 32 << 20 });
      const { jobStatus, lines } = await guest.exit;
      const text = lines.join("\n");
      expect(text).toMatch(/ADDED size 16384 ro 0 at \d+:0:2:0/);
      expect(text).toContain("RESIZED size 65536");
      expect(text).toContain("PROTECTED");
      expect(text).toContain("READ-NO-MORE");
      expect(text).toMatch(/TOLD capacity [1-9]\d* inventory [1-9]/);
      expect(jobStatus).toBe(0);
      const { adapters } = await daemon.status();
      expect(adapters[0]?.logicalUnits.map(({ target }) => target)).toEqual([1]);
    } finally {
      guest.kill();
      expect(await daemon.end("SIGTERM")).toBe(0);
    }
  });
});
