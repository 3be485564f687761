import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DaemonProcess } from "../support/daemon-process.ts";
import { requires } from "../support/requires.ts";
import { runGuest } from "./run-guest.ts";
import { bootingGuest, bootMedium, GuestFolder, guestTools } from "./served-guest.ts";

/** Lies on the disc itself, as the shell and all that it calls do. */
const JOB = `
echo "ROOT $(grep ' / ' /proc/mounts | grep -v rootfs)"
echo "DEVICES $(echo /sys/class/scsi_device/*/device/block/*)"
echo "KERNEL $(sha256sum < /boot/vmlinux)"
touch /written 2>/dev/null && exit 10
exit 0
`;

const TOOLS = ["grub-mkrescue", "xorriso"];

describe.skipIf(!guestTools() || !TOOLS.every(requires))("a guest with nothing but our CD", () => {
  test("boots from it: firmware, GRUB, kernel and root file system", { timeout: 300_000 }, async () => {
    using folder = new GuestFolder();
    const image = bootMedium(folder, "make-boot-cd", JOB);
    const args = bootingGuest(folder);
    const daemon = await DaemonProcess.start(folder.control, ["--cdrom", image, "--socket", folder.socket]);
    try {
      const { jobStatus, lines } = await runGuest({ args, timeoutMs: 240_000 });
      const text = lines.join("\n");
      expect(text).toMatch(/8100000000000000 CD-?ROM/);
      expect(text).toMatch(/from: \/vdevice\/v-scsi@71000003\/disk@8100000000000000 \.\.\. {3}Successfully loaded/);
      expect(text).toContain("Welcome to GRUB!");
      expect(text).toContain("command line: BOOT_IMAGE=/boot/vmlinux");
      expect(text).toMatch(/^ROOT \/dev\/sr0 \/ iso9660 ro/m);
      expect(text).toMatch(/^DEVICES \S+\/sr0$/m);
      expect(text).not.toMatch(/I\/O error/);
      expect(/^KERNEL ([0-9a-f]{64})/m.exec(text)?.[1]).toBe(kernelSum(folder, image));
      expect(jobStatus).toBe(0);
    } finally {
      expect(await daemon.end("SIGTERM")).toBe(0);
    }
  });
});

/** SHA-256 of the kernel as xorriso reads it from the image. */
function kernelSum(folder: GuestFolder, image: string): string {
  const kernel = folder.file("kernel");
  execFileSync("xorriso", ["-osirrox", "on", "-indev", image, "-extract", "/boot/vmlinux", kernel], {
    stdio: "ignore",
  });
  return createHash("sha256").update(readFileSync(kernel)).digest("hex");
}
