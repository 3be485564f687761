import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";

const PROCESSES = "/proc";

/**
 * Which other process has a lock on a file, for people: "qemu-img (process 4711)". Undefined when none of those that we may look at has. Reads
 * links only, never the files behind them: those may be ours to answer for.
 */
export function lockHolder(path: string): string | undefined {
  const file = realpathSync(path);
  for (const id of list(PROCESSES)) {
    if (!/^\d+$/.test(id) || Number(id) === process.pid) continue;
    const folder = `${PROCESSES}/${id}`;
    if (
      list(`${folder}/fd`).some(
        (fd) => link(`${folder}/fd/${fd}`) === file && text(`${folder}/fdinfo/${fd}`).includes("lock:"),
      )
    )
      return `${text(`${folder}/comm`).trim()} (process ${id})`;
  }
  return undefined;
}

// Processes end while we look at them, and those of others are closed to us.

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
