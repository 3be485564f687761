import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FileStore } from "../../src/backends/file.ts";
import { silentLog } from "../../src/core/log.ts";
import { Disk } from "../../src/scsi/disk/disk.ts";
import { lunKey } from "../../src/scsi/lun.ts";
import { NO_MEDIUM } from "../../src/scsi/medium.ts";
import { disc, OpticalDrive } from "../../src/scsi/optical/optical-drive.ts";
import { IBM } from "../support/disk.ts";
import { requires } from "../support/requires.ts";
import { OwnAdapter } from "./own-adapter.ts";
import { startGuest } from "./run-guest.ts";
import { GuestFolder, guestTools, servedGuest } from "./served-guest.ts";

/**
 * Mounts the first disc and sums its files; sees that a mounted disc is locked; ejects; opens the drive, for which Linux
 * closes the tray; ejects again and waits for the disc that the operator puts in; sums that; loses it to the operator's force.
 * Beside the drive stands a removable disk, which begins empty and gets its medium meanwhile.
 */
const JOB = `
set -e
tries=0
while [ ! -b /dev/sr0 ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
[ -b /dev/sr0 ] || exit 10
echo "DRIVE $(cat /sys/block/sr0/device/vendor /sys/block/sr0/device/model | tr -s ' \\n' ' ')"
mount -t iso9660 -o ro /dev/sr0 /mnt || exit 11
echo "SIZE $(cat /sys/block/sr0/size)"
for file in /mnt/*; do echo "FIRST $(basename $file) $(sha256sum < $file)"; done
generic=/dev/$(basename /sys/block/sr0/device/scsi_generic/sg*)
sg_start -v --eject $generic 2>&1 | grep -i 'removal prevented' && echo LOCKED-WHILE-MOUNTED
umount /mnt
sg_start --eject $generic || exit 12
sg_turs -v $generic 2>&1 | grep -i 'tray open' && echo TRAY-OPEN
dd if=/dev/sr0 of=/dev/null bs=2k count=1 2>/dev/null && echo TRAY-CLOSED-BY-OPENING || exit 13
sg_start --eject $generic || exit 14
echo "REMOVABLE-DISK removable $(cat /sys/block/sda/removable) size $(cat /sys/block/sda/size)"
dd if=/dev/sda of=/dev/null bs=4k count=1 2>/dev/null && exit 18
echo "EJECTED"
tries=0
until sg_turs $generic 2>/dev/null; do
  sleep 0.2
  tries=$((tries + 1))
  [ $tries -lt 200 ] || exit 15
done
mount -t iso9660 -o ro /dev/sr0 /mnt || exit 16
for file in /mnt/*; do echo "SECOND $(basename $file) $(sha256sum < $file)"; done
echo "SECOND-SIZE $(cat /sys/block/sr0/size)"
tries=0
until dd if=/dev/sda of=/dev/null bs=4k count=1 2>/dev/null; do
  sleep 0.2
  tries=$((tries + 1))
  [ $tries -lt 50 ] || exit 19
done
echo "REMOVABLE-DISK size $(cat /sys/block/sda/size) sum $(sha256sum < /dev/sda)"
echo WAITING-FOR-FORCE
tries=0
while sg_turs $generic 2>/dev/null; do
  sleep 0.2
  tries=$((tries + 1))
  [ $tries -lt 200 ] || exit 17
done
echo GONE
`;

/** Masters a disc with the given files; returns the image's path and a line "NAME SHA256  -" a file. */
function master(folder: GuestFolder, name: string, files: Readonly<Record<string, Buffer>>) {
  const source = folder.file(`${name}.d`);
  mkdirSync(source);
  for (const [file, content] of Object.entries(files)) writeFileSync(`${source}/${file}`, content);
  const image = folder.file(`${name}.iso`);
  execFileSync("xorriso", ["-as", "mkisofs", "-quiet", "-R", "-V", name, "-o", image, source], { stdio: "ignore" });
  const sums = Object.entries(files).map(([file, content]) => `${file} ${sha256(content)}`);
  return { image, sums };
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function content(bytes: number, seed: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: bytes }, (_, at) => (at * 7 + (at >> 11) + seed) & 0xff));
}

describe.skipIf(!guestTools() || !requires("xorriso"))("a Linux guest with an optical drive", () => {
  test("mounts the disc, ejects it, finds the one that the operator puts in", { timeout: 420_000 }, async () => {
    using folder = new GuestFolder();
    const first = master(folder, "FIRST", { large: content(3_000_000, 1), small: content(5, 2) });
    const second = master(folder, "SECOND", { other: content(700_001, 3) });
    const adapter = await OwnAdapter.listen(folder.socket);
    const open = (path: string) => disc(new FileStore(adapter.memory, path, true, silentLog));
    const drive = new OpticalDrive({
      medium: open(first.image),
      identity: { vendor: "IBM", product: "VOPTA blkdev", revision: "0001", serial: "CD1" },
      log: silentLog,
    });
    adapter.device.addLogicalUnit(lunKey({ bus: 0, target: 2, lun: 0 }), drive);
    const disk = new Disk({ medium: NO_MEDIUM, removable: true, blockSize: 512, identity: IBM, log: silentLog });
    adapter.device.addLogicalUnit(lunKey({ bus: 0, target: 3, lun: 0 }), disk);
    const diskContent = content(1 << 20, 4);
    writeFileSync(folder.file("disk.img"), diskContent);
    const guest = startGuest({ args: await servedGuest(folder, JOB), timeoutMs: 300_000 });
    try {
      await guest.waitFor(/EJECTED/);
      const store = new FileStore(adapter.memory, folder.file("disk.img"), false, silentLog);
      await disk.loadMedium(disk.mediumOf(store, false));
      await drive.loadMedium(open(second.image));
      await guest.waitFor(/WAITING-FOR-FORCE/);
      await expect(drive.ejectMedium()).rejects.toThrow(/prevents/);
      await drive.ejectMedium(true);
      const { jobStatus, lines } = await guest.exit;
      const text = lines.join("\n");
      // SLOF names the drive by its INQUIRY strings and calls it CDROM.
      expect(text).toMatch(/8200000000000000 CD-?ROM\s+: "IBM\s+VOPTA blkdev\s+0001"/);
      expect(text).toContain("DRIVE IBM VOPTA blkdev");
      for (const sum of first.sums) expect(text).toContain(`FIRST ${sum}`);
      for (const sum of second.sums) expect(text).toContain(`SECOND ${sum}`);
      expect(text).toContain("LOCKED-WHILE-MOUNTED");
      expect(text).toContain("TRAY-OPEN");
      expect(text).toContain("TRAY-CLOSED-BY-OPENING");
      expect(text).toContain("REMOVABLE-DISK removable 1 size 0");
      expect(text).toContain(`REMOVABLE-DISK size 2048 sum ${sha256(diskContent)}`);
      expect(text).toContain("GONE");
      expect(jobStatus).toBe(0);
    } finally {
      guest.kill();
      await adapter.close();
    }
  });
});
