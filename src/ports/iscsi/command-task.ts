import {
  ATTRIBUTE_ACA,
  ATTRIBUTE_HEAD_OF_QUEUE,
  ATTRIBUTE_ORDERED,
  ATTRIBUTE_SIMPLE,
  ATTRIBUTE_UNTAGGED,
  BHS_FLAGS,
  BHS_ITT,
  BHS_LUN,
  BHS_OPCODE,
  COMMAND_ATTRIBUTE_MASK,
  COMMAND_CDB,
  COMMAND_CDB_LENGTH,
  COMMAND_EXPECTED_LENGTH,
  COMMAND_FLAG_READ,
  COMMAND_FLAG_WRITE,
  OPCODE_IMMEDIATE,
  REQUEST_CMD_SN,
} from "../../abi/iscsi.ts";
import { OPERATION_OTHER, SENSE_LENGTH_MAX } from "../../abi/records.ts";
import { STATUS_GOOD } from "../../abi/scsi.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import type { ReceivedHeader } from "../../iscsi/pdu-reader.ts";
import type { DataBuffers } from "../../scsi/data-buffers.ts";
import type { Sense } from "../../scsi/sense.ts";
import type { CommandCounters } from "../../scsi/statistics.ts";
import { type Nexus, type ScsiTask, TASK_ACA, TASK_HEAD_OF_QUEUE, TASK_ORDERED, TASK_SIMPLE } from "../../scsi/task.ts";
import { DataOut } from "./data-out.ts";
import type { OrderedRequest } from "./session.ts";

const LUN_BYTES = 8;
/** CDBs are at most 260 bytes long. [SPC-4] 4.2.3. */
const CDB_MAXIMUM = 260;
const REGION = LUN_BYTES + CDB_MAXIMUM;

const ATTRIBUTES: Readonly<Record<number, number>> = {
  [ATTRIBUTE_UNTAGGED]: TASK_SIMPLE,
  [ATTRIBUTE_SIMPLE]: TASK_SIMPLE,
  [ATTRIBUTE_ORDERED]: TASK_ORDERED,
  [ATTRIBUTE_HEAD_OF_QUEUE]: TASK_HEAD_OF_QUEUE,
  [ATTRIBUTE_ACA]: TASK_ACA,
};

/** Counts the data buffers that one connection holds. */
export interface BufferAccount {
  /** @returns false when the connection would hold more than it may */
  charge(bytes: number): boolean;
  refund(bytes: number): void;
}

/** Takes a task at its turn in the command order, and when it has ended. */
export interface TaskOwner {
  deliver(task: CommandTask): void;
  taskDone(task: CommandTask): void;
}

/** One SCSI command of a connection, used again for the next. */
export class CommandTask implements ScsiTask, OrderedRequest {
  readonly memory: SharedMemory;
  /** Number of the task in its connection. */
  readonly index: number;
  readonly sense = new Uint8Array(SENSE_LENGTH_MAX);
  readonly dataOut = new DataOut();
  readonly lunOffset: number;
  readonly cdbOffset: number;
  readonly #owner: TaskOwner;
  readonly #buffers: DataBuffers;
  readonly #account: BufferAccount;
  nexus: Nexus;
  cdbLength = 0;
  attribute = TASK_SIMPLE;
  dataOutLength = 0;
  dataInLength = 0;
  readonly operation = OPERATION_OTHER;
  readonly lbaHigh = 0;
  readonly lbaLow = 0;
  readonly blocks = 0;
  buffer = 0;
  dataInCount = 0;
  dataOutCount = 0;
  status = 0;
  descriptorSense = false;
  senseLength = 0;
  aborted = false;
  faulted: ((task: ScsiTask) => void) | undefined = undefined;
  startedAt = 0;
  counters: CommandCounters | undefined = undefined;
  #bufferSize = 0;

  /** Initiator task tag. */
  itt = 0;
  cmdSN = 0;
  /** Delivered at once, without a place in the command order. */
  immediate = false;
  /** Expected data transfer length, in whichever direction. */
  expectedLength = 0;
  /** Its turn in the command order has come. */
  delivered = false;
  /** The logical unit has it. */
  executing = false;
  /** Sense data that it ends with instead of being executed. */
  refusal: Sense | undefined;
  /** Status that it ends with instead of being executed. */
  refusalStatus = 0;

  constructor(
    memory: SharedMemory,
    index: number,
    nexus: Nexus,
    buffers: DataBuffers,
    account: BufferAccount,
    owner: TaskOwner,
  ) {
    this.memory = memory;
    this.index = index;
    this.nexus = nexus;
    this.#buffers = buffers;
    this.#account = account;
    this.#owner = owner;
    this.lunOffset = memory.allocate(REGION);
    this.cdbOffset = this.lunOffset + LUN_BYTES;
  }

  /** It ends without being executed. */
  get refused(): boolean {
    return this.refusal !== undefined || this.refusalStatus !== STATUS_GOOD;
  }

  /** Takes over the header of a SCSI Command. [RFC 7143] 11.3. */
  begin({ bytes, view }: ReceivedHeader): void {
    const flags = view.getUint8(BHS_FLAGS);
    const { u8 } = this.memory;
    for (let at = 0; at < LUN_BYTES; at++) u8[this.lunOffset + at] = bytes[BHS_LUN + at] ?? 0;
    for (let at = 0; at < COMMAND_CDB_LENGTH; at++) u8[this.cdbOffset + at] = bytes[COMMAND_CDB + at] ?? 0;
    this.cdbLength = COMMAND_CDB_LENGTH;
    this.itt = view.getUint32(BHS_ITT);
    this.cmdSN = view.getUint32(REQUEST_CMD_SN);
    this.immediate = (view.getUint8(BHS_OPCODE) & OPCODE_IMMEDIATE) !== 0;
    this.attribute = ATTRIBUTES[flags & COMMAND_ATTRIBUTE_MASK] ?? TASK_SIMPLE;
    this.expectedLength = view.getUint32(COMMAND_EXPECTED_LENGTH);
    this.dataInLength = (flags & COMMAND_FLAG_READ) !== 0 ? this.expectedLength : 0;
    this.dataOutLength = (flags & COMMAND_FLAG_WRITE) !== 0 ? this.expectedLength : 0;
    this.dataInCount = 0;
    this.dataOutCount = 0;
    this.status = 0;
    this.descriptorSense = false;
    this.senseLength = 0;
    this.aborted = false;
    this.faulted = undefined;
    this.counters = undefined;
    this.delivered = false;
    this.executing = false;
    this.refusal = undefined;
    this.refusalStatus = 0;
  }

  /** Puts bytes [from, to) of an extended CDB behind the sixteen that the basic header has. */
  extendCdb(bytes: Uint8Array, from: number, to: number): void {
    this.memory.u8.set(bytes.subarray(from, to), this.cdbOffset + COMMAND_CDB_LENGTH);
    this.cdbLength = COMMAND_CDB_LENGTH + to - from;
  }

  reserve(bytes: number): number {
    if (bytes <= this.#bufferSize) return this.buffer;
    const size = this.#buffers.sizeFor(bytes);
    if (!this.#account.charge(size)) return 0;
    const address = this.#buffers.take(bytes);
    if (address === 0) {
      this.#account.refund(size);
      return 0;
    }
    if (this.#bufferSize > 0) {
      this.memory.u8.copyWithin(address, this.buffer, this.buffer + this.dataOutLength);
      this.#giveBack();
    }
    this.buffer = address;
    this.#bufferSize = size;
    return address;
  }

  /** Leaves the buffer to whom it is told: `lend` gives it back to the connection in time. */
  lendBuffer(lend: (address: number, size: number) => void): void {
    if (this.#bufferSize > 0) lend(this.buffer, this.#bufferSize);
    this.buffer = 0;
    this.#bufferSize = 0;
  }

  /** Ends the use for this command: the buffer goes back for the next one. */
  end(): void {
    if (this.#bufferSize > 0) this.#giveBack();
    this.buffer = 0;
    this.#bufferSize = 0;
  }

  /** Gives everything back; the task is not used again. */
  destroy(): void {
    this.end();
    this.memory.free(this.lunOffset, REGION);
  }

  deliver(): void {
    this.delivered = true;
    this.#owner.deliver(this);
  }

  done(): void {
    this.#owner.taskDone(this);
  }

  #giveBack(): void {
    this.#buffers.give(this.buffer, this.#bufferSize);
    this.#account.refund(this.#bufferSize);
  }
}
