import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { StoreOpenError } from "../open-file.ts";
import type { ImageFormatName } from "./formats.ts";

/** How long QEMU may look at an image, in milliseconds, and how much it may say about it. */
const PATIENCE = 20_000;
const OUTPUT_MOST = 1 << 20;
/** Keys under which QEMU tells the files that an image consists of. */
const FILE_KEYS = new Set(["filename", "backing-filename", "full-backing-filename", "data-file"]);

const run = promisify(execFile);

/**
 * Refuses an image that consists of more than its own file: a backing file, a file for its data, extents elsewhere. Whoever
 * made the image chose their names, and they may name what the user of the disk must not see.
 * @param qemuImg path of the program
 * @throws StoreOpenError
 */
export async function refuseReferences(qemuImg: string, path: string, format: ImageFormatName): Promise<void> {
  const others = filesOf(await describe(qemuImg, path, format)).filter((name) => name !== path);
  if (others.length === 0) return;
  throw new StoreOpenError(
    `${path}: is not all of the disk, it refers to ${others.map((name) => JSON.stringify(name)).join(", ")}: ` +
      'if those are files that its user may see, allow them with "references": true',
  );
}

/** What qemu-img tells of an image. A lock on it does not matter here. */
async function describe(qemuImg: string, path: string, format: ImageFormatName): Promise<unknown> {
  const limits = { timeout: PATIENCE, maxBuffer: OUTPUT_MOST, killSignal: "SIGKILL" } as const;
  try {
    const args = ["info", "--output=json", "--force-share", "-f", format, path];
    const { stdout } = await run(qemuImg, args, { ...limits, env: { ...process.env, LC_ALL: "C" } });
    return JSON.parse(stdout);
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new StoreOpenError(`${path}: can't be opened: ${stderr?.trim() || message}`);
  }
}

/** Every name of a file in it, wherever it stands. */
function filesOf(info: unknown): string[] {
  if (typeof info !== "object" || info === null) return [];
  const names = Object.entries(info).flatMap(([key, value]) =>
    typeof value === "string" && FILE_KEYS.has(key) ? [value] : filesOf(value),
  );
  return [...new Set(names)];
}
