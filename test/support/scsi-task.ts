import { OPERATION_OTHER } from "../../src/abi/records.ts";
import { SharedMemory } from "../../src/core/shared-memory.ts";
import type { CommandCounters } from "../../src/scsi/statistics.ts";
import { type Nexus, type ScsiTask, TASK_SIMPLE, type TargetDevice } from "../../src/scsi/task.ts";

/** Bus 0, target 1, LUN 0: the first disk of most tests. */
export const FIRST_LUN: readonly number[] = [0x81, 0, 0, 0, 0, 0, 0, 0];
export const NEXUS = makeNexus("test");

/** A nexus of a port of its own kind; two of one name are two nexuses all the same. */
export function makeNexus(name: string, relativeIdentifier = 1): Nexus {
  const transportId = new Uint8Array(24);
  transportId[0] = 4;
  transportId.set(new TextEncoder().encode(name).subarray(0, 16), 8);
  return { name, transportId, port: { relativeIdentifier, name: `port-${relativeIdentifier}`, protocolIdentifier: 4 } };
}
const CDB_ROOM = 32;
const SENSE_DESCRIPTOR_FORMAT = 0x72;

export interface RunOptions {
  lun?: readonly number[];
  dataOut?: Uint8Array;
  dataInLength?: number;
  attribute?: number;
  nexus?: Nexus;
  /** As the port's core decodes it: operation, LBA and blocks. */
  decoded?: { operation: number; lba: number; blocks: number };
  /** There is no memory for data. */
  noBuffer?: boolean;
}

/** A task as a port would make it, filled by hand. */
export class FakeTask implements ScsiTask {
  readonly memory: SharedMemory;
  readonly sense = new Uint8Array(96);
  readonly lunOffset: number;
  readonly cdbOffset: number;
  readonly cdbLength: number;
  readonly nexus: Nexus;
  readonly attribute: number;
  readonly dataOutLength: number;
  readonly dataInLength: number;
  readonly operation: number;
  readonly lbaHigh: number;
  readonly lbaLow: number;
  readonly blocks: number;
  buffer = 0;
  dataInCount = 0;
  dataOutCount = 0;
  status = -1;
  senseLength = 0;
  descriptorSense = false;
  aborted = false;
  faulted: ((task: ScsiTask) => void) | undefined = undefined;
  startedAt = 0;
  counters: CommandCounters | undefined = undefined;
  /** Times that the device said it was done: 1 in the end, whatever happened. */
  ends = 0;
  #noBuffer = false;
  #reserved = 0;

  constructor(memory: SharedMemory, cdb: readonly number[], options: RunOptions = {}) {
    this.memory = memory;
    this.lunOffset = memory.allocate(8);
    this.cdbOffset = memory.allocate(CDB_ROOM);
    this.cdbLength = 16;
    memory.u8.set(options.lun ?? FIRST_LUN, this.lunOffset);
    memory.u8.set(cdb, this.cdbOffset);
    this.nexus = options.nexus ?? NEXUS;
    this.attribute = options.attribute ?? TASK_SIMPLE;
    this.dataInLength = options.dataInLength ?? 0xffff;
    this.dataOutLength = options.dataOut?.length ?? 0;
    this.operation = options.decoded?.operation ?? OPERATION_OTHER;
    this.lbaHigh = Math.floor((options.decoded?.lba ?? 0) / 2 ** 32);
    this.lbaLow = (options.decoded?.lba ?? 0) % 2 ** 32;
    this.blocks = options.decoded?.blocks ?? 0;
    if (options.dataOut !== undefined && options.dataOut.length > 0) {
      // Reserving may grow the memory: its view is taken afterwards.
      const address = this.reserve(options.dataOut.length);
      memory.u8.set(options.dataOut, address);
    }
    this.#noBuffer = options.noBuffer ?? false;
  }

  reserve(bytes: number): number {
    if (this.#noBuffer) return 0;
    if (bytes <= this.#reserved) return this.buffer;
    const address = this.memory.allocate(Math.max(bytes, 512));
    this.memory.u8.copyWithin(address, this.buffer, this.buffer + Math.min(this.#reserved, this.dataOutLength));
    this.buffer = address;
    this.#reserved = bytes;
    return address;
  }

  done(): void {
    this.ends++;
  }

  /** What the device answered, copied out. */
  get dataIn(): Uint8Array {
    return this.memory.u8.slice(this.buffer, this.buffer + this.dataInCount);
  }

  /** "06/29/00", "" without sense data. */
  get senseText(): string {
    if (this.senseLength === 0) return "";
    const hex = (value: number | undefined) => (value ?? 0).toString(16).padStart(2, "0");
    const at = (this.sense[0] ?? 0) === SENSE_DESCRIPTOR_FORMAT ? [1, 2, 3] : [2, 12, 13];
    return at.map((index) => hex(this.sense[index])).join("/");
  }
}

/** One for all tests of a file: each reserves 4 GiB of addresses. */
export function testMemory(): SharedMemory {
  return new SharedMemory();
}

/** Hands a command to the device. With a store that answers at once it has ended when this returns. */
export function run(
  device: TargetDevice,
  memory: SharedMemory,
  cdb: readonly number[],
  options: RunOptions = {},
): FakeTask {
  const task = new FakeTask(memory, cdb, options);
  device.execute(task);
  return task;
}
