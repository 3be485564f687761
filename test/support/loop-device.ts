import { execFileSync } from "node:child_process";
import { afterAll } from "vitest";

/** Tests that need it say so in their names: they are skipped without the right to make loop devices. */
export const NEEDS_LOOP_DEVICES = "(needs loop devices)";

/**
 * A block device whose bytes are a file's, until the tests of this file have ended.
 * @param options of losetup
 * @returns its path; undefined without the right to make one
 * @throws Error when there is none and VSCSI_REQUIRE_ALL=1 forbids skipping
 */
export function loopDevice(file: string, ...options: string[]): string | undefined {
  try {
    const path = execFileSync("losetup", ["--find", "--show", ...options, file], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
    afterAll(() => void execFileSync("losetup", ["--detach", path]));
    return path;
  } catch (error) {
    if (process.env.VSCSI_REQUIRE_ALL === "1") throw error;
    return undefined;
  }
}
