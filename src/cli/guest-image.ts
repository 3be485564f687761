import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, copyFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { newcArchive } from "./newc-archive.ts";

const SCRIPT = fileURLToPath(new URL("../../scripts/make-guest", import.meta.url));

/** What QEMU boots. */
export interface GuestImage {
  kernel: string;
  initramfs: string;
}

/**
 * Makes the guest in a folder with `scripts/make-guest`, which returns at once when it is already there.
 * @param onProgress gets one line at a time
 */
export async function ensureGuest(directory: string, onProgress: (line: string) => void): Promise<GuestImage> {
  const folder = resolve(directory);
  const script = spawn("bash", [SCRIPT, folder], { stdio: ["ignore", "pipe", "pipe"] });
  const closed = once(script, "close");
  const complaints: string[] = [];
  createInterface(script.stdout).on("line", onProgress);
  createInterface(script.stderr).on("line", (line) => complaints.push(line));
  const [status] = await closed;
  if (status !== 0) throw new GuestImageError(complaints.join("\n") || `${SCRIPT} ended with status ${status}`);
  return { kernel: join(folder, "vmlinux"), initramfs: join(folder, "initramfs.cpio.gz") };
}

/**
 * Writes an initramfs that holds `base` and a job: the guest runs it instead of a shell, then powers off.
 * @param script what /job.sh holds
 * @param files more files, by their path in the guest
 */
export async function writeJobInitramfs(
  base: string,
  script: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  out: string,
): Promise<void> {
  await copyFile(base, out);
  const { size } = await stat(out);
  // Linux takes archives one after the other; each begins at a multiple of four, and zeros between them are skipped.
  await appendFile(out, Buffer.alloc(-size & 3));
  await appendFile(out, newcArchive({ "job.sh": script, ...files }));
}

class GuestImageError extends Error {
  readonly code = "VSCSI_GUEST_IMAGE";
}
