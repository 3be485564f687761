import { readdirSync, readFileSync } from "node:fs";

/** Processes of qemu-nbd that serve an image, by their command lines. */
export function imageServers(path: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const command = commandLine(pid);
      return command.includes("qemu-nbd\0") && command.includes(path);
    });
}

/** Empty for a process that has ended. */
function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
