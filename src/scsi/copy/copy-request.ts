import { OPERATION_OTHER } from "../../abi/records.ts";
import { STATUS_BUSY } from "../../abi/scsi.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import type { LogicalUnit } from "../logical-unit.ts";
import type { CommandCounters } from "../statistics.ts";
import { type Nexus, type ScsiTask, TASK_HEAD_OF_QUEUE } from "../task.ts";

const LUN_LENGTH = 8;
const CDB_LENGTH = 16;
const SENSE_LENGTH = 96;

/**
 * A command that a copy manager sends to a copy target device, as an initiator would: reservations, write protection and
 * readiness hold for it as for any other. One object for all commands of a copy, one at a time.
 */
export class CopyRequest implements ScsiTask {
  readonly memory: SharedMemory;
  readonly nexus: Nexus;
  readonly lunOffset: number;
  readonly cdbOffset: number;
  readonly cdbLength = CDB_LENGTH;
  /** An ORDERED command that manages the copy must not hold back its own reads and writes. */
  readonly attribute = TASK_HEAD_OF_QUEUE;
  readonly operation = OPERATION_OTHER;
  readonly lbaHigh = 0;
  readonly lbaLow = 0;
  readonly blocks = 0;
  readonly sense = new Uint8Array(SENSE_LENGTH);
  dataOutLength = 0;
  dataInLength = 0;
  buffer: number;
  dataInCount = 0;
  dataOutCount = 0;
  status = 0;
  descriptorSense = false;
  senseLength = 0;
  aborted = false;
  faulted: ((task: ScsiTask) => void) | undefined = undefined;
  startedAt = 0;
  counters: CommandCounters | undefined = undefined;
  readonly #bufferBegin: number;
  readonly #bufferLength: number;
  #then: (() => void) | undefined;

  /**
   * @param nexus whose copy it is. Its name and port are what reservations look at; unit attention conditions that are
   *   pending for it stay for its own commands, as the copy's are of another object.
   * @param bufferLength bytes of data that a command may carry
   * @throws OutOfLinearMemory
   */
  constructor(memory: SharedMemory, { name, transportId, port }: Nexus, bufferLength: number) {
    this.memory = memory;
    this.nexus = { name, transportId, port };
    this.#bufferLength = bufferLength;
    this.lunOffset = memory.allocate(LUN_LENGTH + CDB_LENGTH + bufferLength);
    this.cdbOffset = this.lunOffset + LUN_LENGTH;
    this.#bufferBegin = this.cdbOffset + CDB_LENGTH;
    this.buffer = this.#bufferBegin;
  }

  /** Linear address of the buffer. */
  get data(): number {
    return this.#bufferBegin;
  }

  /** True while a logical unit has the command. */
  get busy(): boolean {
    return this.#then !== undefined;
  }

  /**
   * Sends a command; data stand at `data + offset`.
   * @param dataOutLength bytes of the buffer that go with it
   * @param then follows when it has ended, possibly from within
   */
  send(unit: LogicalUnit, cdb: Uint8Array, offset: number, dataOutLength: number, then: () => void): void {
    const { u8 } = this.memory;
    u8.fill(0, this.cdbOffset, this.cdbOffset + CDB_LENGTH);
    u8.set(cdb, this.cdbOffset);
    this.buffer = this.#bufferBegin + offset;
    this.dataOutLength = dataOutLength;
    this.dataInLength = this.#bufferLength - offset;
    this.dataInCount = 0;
    this.dataOutCount = 0;
    this.status = STATUS_BUSY;
    this.senseLength = 0;
    this.aborted = false;
    this.#then = then;
    unit.execute(this);
  }

  reserve(bytes: number): number {
    const room = this.#bufferBegin + this.#bufferLength - this.buffer;
    return bytes <= room ? this.buffer : 0;
  }

  done(): void {
    const then = this.#then;
    this.#then = undefined;
    then?.();
  }

  /** Gives its memory back; no command may be under way. */
  release(): void {
    this.memory.free(this.lunOffset, LUN_LENGTH + CDB_LENGTH + this.#bufferLength);
  }
}
