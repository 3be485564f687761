import { existsSync } from "node:fs";
import { join } from "node:path";

/** Where commands stand: e2fsprogs' are in sbin, which is not on every user's path. */
const FOLDERS = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];

/**
 * True when this machine has a command; a test that needs it is skipped otherwise. With VSCSI_REQUIRE_ALL=1 nothing may
 * be skipped, so a missing command is an error.
 */
export function requires(command: string): boolean {
  const found = FOLDERS.some((folder) => existsSync(join(folder, command)));
  if (!found && process.env.VSCSI_REQUIRE_ALL === "1")
    throw new Error(`${command} is missing and VSCSI_REQUIRE_ALL is set: run scripts/system-packages`);
  return found;
}
