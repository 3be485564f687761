import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureGuest, writeJobInitramfs } from "../../src/cli/guest-image.ts";
import { qemuArguments } from "../../src/cli/qemu-guest.ts";
import { requires } from "../support/requires.ts";
import { runGuest } from "./run-guest.ts";

const GUEST = resolve(import.meta.dirname, "../../.guest");
const DISK_SIZE = 64 * 2 ** 20;

const JOB = `
set -e
echo "DISK-SIZE $(cat /sys/block/sda/size)"
mkfs.ext4 -q -F /dev/sda
mount -t ext4 /dev/sda /mnt
echo "kept over umount" > /mnt/file
umount /mnt
mount -t ext4 -o ro /dev/sda /mnt
echo "FILE $(cat /mnt/file) FROM /packed/$(cat /packed/name)"
umount /mnt
e2fsck -fn /dev/sda
echo E2FSCK-CLEAN
exit 7
`;

/** What the guest and its tools do by themselves, without our daemon: QEMU's built-in server has the disk. */
describe.skipIf(!["qemu-system-ppc64", "cpio", "dpkg-deb", "readelf"].every(requires))("the guest", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "vscsi-builtin-"));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test("runs a job on QEMU's built-in disk and tells its exit status", { timeout: 400_000 }, async () => {
    const disk = join(folder, "disk.img");
    writeFileSync(disk, "");
    truncateSync(disk, DISK_SIZE);
    const base = await ensureGuest(GUEST, (line) => process.stderr.write(`${line}\n`));
    const initramfs = join(folder, "initramfs");
    await writeJobInitramfs(base.initramfs, JOB, { "packed/name": "name" }, initramfs);
    const { jobStatus, lines } = await runGuest({
      args: qemuArguments({
        linux: { kernel: base.kernel, initramfs },
        memoryMiB: 512,
        units: ["0x71000003"],
        builtInDisks: [{ path: disk }],
      }),
      timeoutMs: 180_000,
    });
    const console = lines.join("\n");
    expect(console).toMatch(/8000000000000000 DISK\s+: "QEMU\s+QEMU HARDDISK/);
    expect(console).toContain(`DISK-SIZE ${DISK_SIZE / 512}`);
    expect(console).toContain("FILE kept over umount FROM /packed/name");
    expect(console).toContain("E2FSCK-CLEAN");
    expect(jobStatus).toBe(7);
  });

  test("says why it failed, with the console's last lines", { timeout: 30_000 }, async () => {
    await expect(runGuest({ args: ["-M", "no-such-machine"], timeoutMs: 20_000 })).rejects.toThrow(
      /exit status 1.*unsupported machine type/s,
    );
  });
});
