// Which processor the main thread runs on. Two processes that are compared have to run on the same one: on a virtual machine
// one may be half as fast again as the other for minutes, and rounds in turns do not even that out.
import { spawnSync } from "node:child_process";

/** @param {readonly string[]} args */
function taskset(...args) {
  const { status, stdout } = spawnSync("taskset", args, { encoding: "utf8" });
  return status === 0 ? stdout : undefined;
}

/**
 * Keeps the main thread, and processes that it starts from now on, on the first processor that it may use. The engine's
 * own threads, which collect and compile, go where they like.
 *
 * @returns {(() => void) | undefined} lets it go again; undefined where there is no taskset
 */
export function keepOnOneProcessor() {
  const thread = String(process.pid);
  const allowed = taskset("-cp", thread)?.match(/: (\S+)\s*$/)?.[1];
  const first = allowed?.match(/^\d+/)?.[0];
  if (first === undefined || taskset("-cp", first, thread) === undefined) return undefined;
  return () => {
    taskset("-cp", allowed, thread);
  };
}
