import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { DaemonProcess } from "../support/daemon-process.ts";
import { requires } from "../support/requires.ts";
import { runGuest } from "./run-guest.ts";
import { bootingGuest, bootMedium, GuestFolder, guestTools } from "./served-guest.ts";

/** Lies on the disk itself, as the shell and all that it calls do. */
const JOB = `
set -e
echo "ROOT $(grep ' / ' /proc/mounts | grep -v rootfs)"
echo "DEVICES $(echo /sys/class/scsi_device/*/device/block/*)"
dd if=/dev/urandom of=/written bs=64k count=50 2>/dev/null
echo "WRITTEN $(sha256sum < /written)"
`;

/** Where the root file system begins in the image, in bytes: behind 1 MiB and the PReP partition's 8 MiB. */
const ROOT_OFFSET = 9 * 2 ** 20;

const TOOLS = ["grub-mkimage", "sfdisk"];

describe.skipIf(!guestTools() || !TOOLS.every(requires))("a guest with nothing but our disk", () => {
  test("boots from it: firmware, GRUB, kernel and root file system", { timeout: 300_000 }, async () => {
    using folder = new GuestFolder();
    const image = bootMedium(folder, "make-boot-disk", JOB);
    const args = bootingGuest(folder);
    const daemon = await DaemonProcess.start(folder.control, ["--disk", image, "--socket", folder.socket]);
    try {
      const { jobStatus, lines } = await runGuest({ args, timeoutMs: 240_000 });
      const text = lines.join("\n");
      expect(text).toMatch(/from: \/vdevice\/v-scsi@71000003\/disk@8100000000000000 \.\.\. {3}Successfully loaded/);
      expect(text).toContain("Welcome to GRUB!");
      expect(text).toContain("command line: BOOT_IMAGE=/boot/vmlinux");
      expect(text).toMatch(/^ROOT \/dev\/sda2 \/ ext4 rw/m);
      expect(text).toMatch(/^DEVICES \S+\/sda$/m);
      expect(text).not.toMatch(/I\/O error/);
      expect(jobStatus).toBe(0);
      const [, written] = /^WRITTEN ([0-9a-f]{64})/m.exec(text) ?? [];
      expect(sha256(fileInImage(image, "/written"))).toBe(written);
    } finally {
      expect(await daemon.end("SIGTERM")).toBe(0);
    }
    execFileSync("e2fsck", ["-fn", `${image}?offset=${ROOT_OFFSET}`], { stdio: "pipe" });
  });
});

function fileInImage(image: string, path: string): Buffer {
  return execFileSync("debugfs", ["-R", `cat ${path}`, `${image}?offset=${ROOT_OFFSET}`], {
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 2 ** 24,
  });
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
