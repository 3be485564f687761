import { STATUS_GOOD } from "../../src/abi/scsi.ts";
import type { SharedMemory } from "../../src/core/shared-memory.ts";
import type { Nexus, ScsiTask, TargetDevice } from "../../src/scsi/task.ts";

/** A device whose tasks end when the test says so. Target 1 exists. */
export class HandDevice implements TargetDevice {
  readonly tasks: ScsiTask[] = [];
  readonly nexuses: string[] = [];
  resets = 0;

  execute(task: ScsiTask): void {
    this.tasks.push(task);
  }

  exists(memory: SharedMemory, lunOffset: number): boolean {
    return memory.u8[lunOffset] === 0x81;
  }

  abortTasks(_memory: SharedMemory, _lunOffset: number, _which: (task: ScsiTask) => boolean, then: () => void): void {
    then();
  }

  clearTaskSet(_nexus: Nexus, _memory: SharedMemory, _lunOffset: number, then: () => void): void {
    then();
  }

  clearAca(): boolean {
    return false;
  }

  reset(_memory: SharedMemory, _lunOffset: number, then: () => void): void {
    this.resets++;
    then();
  }

  resetAll(then: () => void): void {
    then();
  }

  nexusOpened(nexus: Nexus): void {
    this.nexuses.push(`+${nexus.name}`);
  }

  nexusLost(nexus: Nexus): void {
    this.nexuses.push(`-${nexus.name}`);
  }

  /** Ends the oldest task with GOOD and `dataIn` bytes of data-in. */
  end(dataIn = 0): void {
    const task = this.tasks.shift();
    if (!task) throw new Error("no task is with the device");
    if (dataIn > 0) task.memory.u8.fill(0x5a, task.reserve(dataIn), task.buffer + dataIn);
    task.dataInCount = dataIn;
    task.dataOutCount = task.dataOutLength;
    task.status = STATUS_GOOD;
    task.done();
  }
}
