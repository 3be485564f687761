import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where a program is that the shell would find under its name; undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, name);
    if (folder.startsWith("/") && isExecutable(path)) return path;
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
