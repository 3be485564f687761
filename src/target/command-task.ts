import {
  DIRECTION_IN,
  DIRECTION_OUT,
  SENSE_LENGTH_MAX,
  SLOT_BLOCKS,
  SLOT_CDB_LENGTH,
  SLOT_DIRECTION,
  SLOT_IU,
  SLOT_LBA_HIGH,
  SLOT_LBA_LOW,
  SLOT_LUN,
  SLOT_OPERATION,
  SLOT_TASK_ATTRIBUTE,
  SLOT_TRANSFER_LENGTH,
} from "../abi/records.ts";
import { SRP_CMD_CDB } from "../abi/srp.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import type { DataBuffers } from "../scsi/data-buffers.ts";
import type { CommandCounters } from "../scsi/statistics.ts";
import type { Nexus, ScsiTask } from "../scsi/task.ts";

/** Takes the finished task of a slot. */
export interface TaskOwner {
  taskDone(task: CommandTask): void;
  /** Linear address of the client's data-in buffer, if its first `bytes` bytes are in one piece there; 0 otherwise. */
  dataInAddress(slot: number, bytes: number): number;
}

/** The SCSI task of one slot, reused for every command that the slot carries. */
export class CommandTask implements ScsiTask {
  readonly memory: SharedMemory;
  readonly slot: number;
  readonly sense = new Uint8Array(SENSE_LENGTH_MAX);
  readonly #owner: TaskOwner;
  readonly #buffers: DataBuffers;
  nexus: Nexus;
  lunOffset = 0;
  cdbOffset = 0;
  cdbLength = 0;
  attribute = 0;
  dataOutLength = 0;
  dataInLength = 0;
  operation = 0;
  lbaHigh = 0;
  lbaLow = 0;
  blocks = 0;
  buffer = 0;
  dataInCount = 0;
  dataOutCount = 0;
  status = 0;
  senseLength = 0;
  descriptorSense = false;
  /** Between its arrival and its answer. */
  active = false;
  /** Aborted: its end gives the credit back and sends nothing. */
  aborted = false;
  faulted: ((task: ScsiTask) => void) | undefined = undefined;
  startedAt = 0;
  counters: CommandCounters | undefined = undefined;
  /** Data-in stand in the client's own buffer. */
  isPlaced = false;
  #bufferSize = 0;

  constructor(memory: SharedMemory, slot: number, nexus: Nexus, buffers: DataBuffers, owner: TaskOwner) {
    this.memory = memory;
    this.slot = slot;
    this.nexus = nexus;
    this.#buffers = buffers;
    this.#owner = owner;
  }

  /** Takes over what the core decoded into the slot. */
  begin(): void {
    const { view } = this.memory;
    const { slot } = this;
    const direction = view.getUint32(slot + SLOT_DIRECTION, true);
    const length = view.getUint32(slot + SLOT_TRANSFER_LENGTH, true);
    this.lunOffset = slot + SLOT_LUN;
    this.cdbOffset = slot + SLOT_IU + SRP_CMD_CDB;
    this.cdbLength = view.getUint32(slot + SLOT_CDB_LENGTH, true);
    this.attribute = view.getUint32(slot + SLOT_TASK_ATTRIBUTE, true);
    this.dataOutLength = direction === DIRECTION_OUT ? length : 0;
    this.dataInLength = direction === DIRECTION_IN ? length : 0;
    this.operation = view.getUint32(slot + SLOT_OPERATION, true);
    this.lbaHigh = view.getUint32(slot + SLOT_LBA_HIGH, true);
    this.lbaLow = view.getUint32(slot + SLOT_LBA_LOW, true);
    this.blocks = view.getUint32(slot + SLOT_BLOCKS, true);
    this.descriptorSense = false;
    this.dataInCount = 0;
    this.dataOutCount = 0;
    this.status = 0;
    this.senseLength = 0;
    this.active = true;
    this.aborted = false;
    this.faulted = undefined;
    this.counters = undefined;
    this.isPlaced = false;
  }

  placeInitiatorBuffer(bytes: number): number {
    const address = bytes > this.dataInLength ? 0 : this.#owner.dataInAddress(this.slot, bytes);
    this.isPlaced = address !== 0;
    return address;
  }

  reserve(bytes: number): number {
    this.isPlaced = false;
    if (bytes <= this.#bufferSize) return this.buffer;
    const address = this.#buffers.take(bytes);
    if (address === 0) return 0;
    if (this.#bufferSize > 0) {
      this.memory.u8.copyWithin(address, this.buffer, this.buffer + this.dataOutLength);
      this.#buffers.give(this.buffer, this.#bufferSize);
    }
    this.buffer = address;
    this.#bufferSize = this.#buffers.sizeFor(bytes);
    return address;
  }

  /** Ends the use of the slot: the buffer goes back for the next command. */
  end(): void {
    this.active = false;
    if (this.#bufferSize > 0) this.#buffers.give(this.buffer, this.#bufferSize);
    this.buffer = 0;
    this.#bufferSize = 0;
  }

  done(): void {
    this.#owner.taskDone(this);
  }
}
