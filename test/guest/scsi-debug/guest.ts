import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { rolldown } from "rolldown";
import { writeJobInitramfs } from "../../../src/cli/guest-image.ts";
import { startGuest } from "../run-guest.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const FOLDER = process.env.VSCSI_SCSI_DEBUG_GUEST_DIR ?? join(ROOT, ".guest-amd64");
/** Where the guest has the package: as it is published, and the driver beside the command. */
const PACKAGE = "opt/vscsi";
const TIMEOUT = 500_000;

/** One thing that the driver saw. */
export interface Seen {
  readonly what: string;
  readonly [key: string]: unknown;
}

/** Runs a job (sh) in a guest that has scsi_debug, Node, the package in /opt/vscsi and the driver. @returns what was seen */
export async function runScsiDebugGuest(
  job: string,
  driver: string,
): Promise<{ seen: Seen[]; status: number | undefined }> {
  execFileSync("bash", [join(ROOT, "scripts/make-scsi-debug-guest"), FOLDER], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const folder = mkdtempSync(join(tmpdir(), "vscsi-scsi-debug-"));
  try {
    const initramfs = join(folder, "initramfs");
    const files = { ...packageFiles(), [`${PACKAGE}/dist/driver/driver.js`]: await bundled(driver, folder) };
    await writeJobInitramfs(join(FOLDER, "initramfs.cpio"), job, files, initramfs);
    const guest = startGuest({
      program: "qemu-system-x86_64",
      args: [
        ...["-M", "q35", "-cpu", "max", "-smp", "2", "-m", "1024", "-nodefaults", "-no-reboot", "-display", "none"],
        ...["-serial", "stdio", "-kernel", join(FOLDER, "vmlinuz"), "-initrd", initramfs],
        ...["-append", "console=ttyS0 quiet panic=-1"],
      ],
      timeoutMs: TIMEOUT,
    });
    const { lines, jobStatus } = await guest.exit;
    const found = lines.map((line) => /SEEN (\{.*\})$/.exec(line)?.[1]).filter((text) => text !== undefined);
    const seen = found.map((text) => JSON.parse(text) as Seen);
    if (seen.at(-1)?.what !== "end")
      throw new Error(`the job did not come to its end:\n${lines.slice(-60).join("\n")}`);
    return { seen, status: jobStatus };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function bundled(driver: string, folder: string): Promise<Buffer> {
  const bundle = await rolldown({ input: driver, platform: "node", external: ["koffi"] });
  const file = join(folder, "driver.js");
  await bundle.write({ file, format: "esm", codeSplitting: false });
  await bundle.close();
  return readFileSync(file);
}

/** What an installed package has that runs there. */
function packageFiles(): Record<string, Buffer> {
  const files: Record<string, Buffer> = {};
  const add = (folder: string, wanted: RegExp) => {
    for (const path of readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }))
      if (wanted.test(path)) files[`${PACKAGE}/${folder}/${path}`] = readFileSync(join(ROOT, folder, path));
  };
  add("dist", /\.js$/);
  add("build", /\.wasm$/);
  add("node_modules/koffi", /\.(c?js|json)$/);
  add("node_modules/@koromix/koffi-linux-x64", /\.(c?js|json|node)$/);
  files[`${PACKAGE}/package.json`] = readFileSync(join(ROOT, "package.json"));
  return files;
}
