import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * Whether a command is installed, for `test.skipIf(!requires("dtc"))`.
 * @throws Error when it is missing and VSCSI_REQUIRE_ALL=1 forbids skipping
 */
export function requires(command: string): boolean {
  const found = (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (!found && process.env.VSCSI_REQUIRE_ALL === "1") throw new Error(`${command} is not installed`);
  return found;
}
