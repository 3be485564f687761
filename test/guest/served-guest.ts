import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ensureGuest, writeJobInitramfs } from "../../src/cli/guest-image.ts";
import { qemuArguments } from "../../src/cli/qemu-guest.ts";
import { requires } from "../support/requires.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const BRIDGE = join(ROOT, "build/vscsi-bridge.so");

/** True when this machine can run guests that we serve. */
export function guestTools(): boolean {
  return ["qemu-system-ppc64", "cc", "cpio", "dpkg-deb", "e2fsck"].every(requires);
}

/** A folder that lasts as long as one test, with the sockets that daemon and bridge meet at. */
export class GuestFolder {
  readonly path = mkdtempSync(join(tmpdir(), "vscsi-guest-"));
  readonly socket = join(this.path, "guest.sock");
  readonly control = join(this.path, "control.sock");

  file(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/**
 * QEMU's arguments for a guest that runs `job` (sh) on the disks behind `folder.socket`.
 * @param reboots leaves QEMU running over a reboot of the guest
 */
export async function servedGuest(
  folder: GuestFolder,
  job: string,
  units: readonly string[] = ["0x71000003"],
  reboots = false,
): Promise<string[]> {
  const base = await ensureGuest(process.env.VSCSI_GUEST_DIR ?? join(ROOT, ".guest"), (line) =>
    process.stderr.write(`${line}\n`),
  );
  execFileSync("bash", [join(ROOT, "qemu/build")]);
  const initramfs = folder.file("initramfs");
  await writeJobInitramfs(base.initramfs, job, {}, initramfs);
  const args = qemuArguments({
    linux: { kernel: base.kernel, initramfs },
    memoryMiB: 512,
    units: [...units],
    plugin: bridge(folder, units),
  });
  return reboots ? args.filter((argument) => argument !== "-no-reboot") : args;
}

/** QEMU's arguments for a guest whose firmware boots from what is behind `folder.socket`: there is nothing else. */
export function bootingGuest(folder: GuestFolder): string[] {
  execFileSync("bash", [join(ROOT, "qemu/build")]);
  const units = ["0x71000003"];
  return qemuArguments({ memoryMiB: 1024, units, plugin: bridge(folder, units) });
}

/** Makes a medium that boots and runs `job` (sh), by one of our scripts; returns the image's path. */
export function bootMedium(folder: GuestFolder, script: "make-boot-disk" | "make-boot-cd", job: string): string {
  const image = folder.file("boot.img");
  writeFileSync(folder.file("job.sh"), job);
  execFileSync("bash", [join(ROOT, "scripts", script), image, folder.file("job.sh")], { stdio: "pipe" });
  return image;
}

function bridge(folder: GuestFolder, units: readonly string[]): string[] {
  return [BRIDGE, `socket=${folder.socket}`, ...units.map((unit) => `unit=${unit}`)];
}
