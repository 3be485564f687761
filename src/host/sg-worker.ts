import { parentPort, workerData } from "node:worker_threads";
import { SG_SCSI_RESET, SG_SCSI_RESET_DEVICE } from "../abi/sg.ts";
import { LibcMissingError, SgCalls } from "./sg-calls.ts";
import { callLane } from "./sg-lane.ts";
import { HEAD_SCRATCH } from "./sg-mailbox.ts";
import { openSgNode, SgNodeError } from "./sg-node.ts";
import { runQueue } from "./sg-queue.ts";
import type { SgWorkerData, SgWorkerNews } from "./sg-worker-data.ts";
import type { WorkerMemory } from "./sg-worker-memory.ts";

// A thread of one SCSI device: what blocks here holds up nobody else. Told by `workerData` what it is for.

const told = workerData as SgWorkerData;

function tell(news: SgWorkerNews): void {
  parentPort?.postMessage(news);
}

function memoryOf(calls: SgCalls): WorkerMemory {
  const { buffer } = told.memory;
  const view = new DataView(buffer);
  return { view, words: new Int32Array(buffer), base: calls.addressOf(new Uint8Array(buffer)) };
}

function work(): void {
  const calls = new SgCalls();
  const memory = memoryOf(calls);
  switch (told.do) {
    case "open":
      return serve(told.path, calls, memory);
    case "lane":
      return callLane({ ...told, calls, memory });
    case "reset":
      memory.view.setInt32(told.argument, SG_SCSI_RESET_DEVICE, true);
      return tell({ result: calls.ioctl(told.fd, SG_SCSI_RESET, memory.base + told.argument) });
  }
}

/** Opens a node, tells so, and goes on with its commands. */
function serve(path: string, calls: SgCalls, memory: WorkerMemory): void {
  const { mailbox } = told;
  const scratch = mailbox.offset + HEAD_SCRATCH;
  const ask = (call: (address: number) => number): number => {
    memory.view.setInt32(scratch, 0, true);
    const result = call(memory.base + scratch);
    return result < 0 ? result : memory.view.getInt32(scratch, true);
  };
  const node = openSgNode(path, calls, { ask });
  const queued = node.interface === "queue";
  const eventfd = queued ? calls.eventfd() : undefined;
  tell({ ...node, eventfd });
  if (eventfd === undefined) callLane({ ...node, slot: 0, mailbox, calls, memory });
  else runQueue({ ...node, eventfd, mailbox, calls, memory });
}

try {
  work();
} catch (error) {
  if (!(error instanceof SgNodeError || error instanceof LibcMissingError)) throw error;
  tell({ failure: error.message, errno: "errno" in error ? error.errno : "ENOSYS" });
}
