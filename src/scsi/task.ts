import type { SharedMemory } from "../core/shared-memory.ts";
import type { CommandCounters } from "./statistics.ts";

/** Task attributes. [SAM-5] 8.9. The values are those of SRP's CMD. */
export const TASK_SIMPLE = 0;
export const TASK_HEAD_OF_QUEUE = 1;
export const TASK_ORDERED = 2;
export const TASK_ACA = 4;

/** A port of ours through which initiators come: one for each CRQ adapter, one for each iSCSI target portal group. */
export interface TargetPort {
  /** Relative target port identifier, 1 to 65535, unique in the daemon. [SPC-4] 7.8.6.8. */
  readonly relativeIdentifier: number;
  /** Name of the port: for SCSI name strings, status and logs. */
  readonly name: string;
  /** PROTOCOL IDENTIFIER [SPC-4] 7.6.1: 4 SRP, 5 iSCSI. */
  readonly protocolIdentifier: number;
}

/** An I_T nexus: who is asking. Logical units keep per-nexus state (unit attentions, reservations) under it. */
export interface Nexus {
  /** Stable name, unique in the daemon: "crq:30000002" for a CRQ. The same initiator port that comes back has the same. */
  readonly name: string;
  /** TransportID of the initiator port. [SPC-4] 7.6.4. */
  readonly transportId: Uint8Array;
  readonly port: TargetPort;
}

/**
 * One command on its way down and back. A port owns it, fills the upper part, hands it to the target device and is
 * told by `done`. It is reused for the next command: nothing below keeps it after `done`.
 */
export interface ScsiTask {
  nexus: Nexus;
  /** Eight bytes of SAM LUN at `lunOffset` in linear memory. */
  lunOffset: number;
  /** The CDB stands at this linear address, `cdbLength` bytes (16 and additional). */
  cdbOffset: number;
  cdbLength: number;
  attribute: number;
  /** Data-out bytes that stand in the buffer, complete before the task is executed. */
  dataOutLength: number;
  /** Data-in bytes that the initiator has room for. */
  dataInLength: number;
  /** OPERATION_READ / OPERATION_WRITE when the port's core has decoded LBA and blocks, else OPERATION_OTHER. */
  operation: number;
  lbaHigh: number;
  lbaLow: number;
  blocks: number;
  readonly memory: SharedMemory;

  /**
   * The task's buffer in linear memory, made to hold at least `bytes` (data-out already there is kept).
   * @returns its address, or 0 when there is no memory for it: answer BUSY
   */
  reserve(bytes: number): number;
  /**
   * Linear address of the initiator's own data-in buffer, for bytes that are read there instead of into the task's buffer; 0
   * when its first `bytes` bytes are not in one piece of linear memory. It may be written only until the caller's turn ends:
   * later the initiator may have taken it back. A `reserve` after it takes the task's buffer again. Ports whose initiators
   * are elsewhere have no such method.
   */
  placeInitiatorBuffer?(bytes: number): number;
  /** Address of the buffer, valid after `reserve` or when dataOutLength > 0. */
  buffer: number;

  /** Result. Data-in bytes that stand in the buffer; may exceed dataInLength: the port truncates and tells the residual. */
  dataInCount: number;
  /** Data-out bytes that the command asked for; may exceed dataOutLength: the port tells the residual. */
  dataOutCount: number;
  status: number;
  /** Sense data are wanted in descriptor format: the logical unit sets it from its D_SENSE bit. [SPC-4] 7.5.8. */
  descriptorSense: boolean;
  /** Sense data, when status is CHECK CONDITION: `senseLength` bytes at the start of `sense`. */
  readonly sense: Uint8Array;
  senseLength: number;

  /** Set when the task is aborted, by its port or by the unit: `done` still follows once, and the port answers nobody. */
  aborted: boolean;

  /**
   * Told of CHECK CONDITION before `done`: undefined at the beginning, set by the logical unit for a command whose end may
   * begin or end an auto contingent allegiance. [SAM-5] 5.9
   */
  faulted: ((task: ScsiTask) => void) | undefined;

  /** When the port took the command, in milliseconds of its clock. */
  startedAt: number;
  /** Where its end is to be counted: the logical unit says so, the port counts. */
  counters: CommandCounters | undefined;

  /** Called once by the logical unit when the result stands. May be called from within `execute`. */
  done(): void;
}

/** What ports hand commands to: the logical units behind one target port. `lunOffset` is that of eight LUN bytes. */
export interface TargetDevice {
  /** Executes the task; `task.done()` follows, now or later. Guest input never throws. */
  execute(task: ScsiTask): void;
  /** True if a logical unit answers at the LUN. */
  exists(memory: SharedMemory, lunOffset: number): boolean;
  /**
   * ABORT TASK, ABORT TASK SET: aborts what `which` picks among the tasks that the unit has. `then` follows when the last
   * of them has left, at once if there is none. [SAM-5] 7.2, 7.3.
   */
  abortTasks(memory: SharedMemory, lunOffset: number, which: (task: ScsiTask) => boolean, then: () => void): void;
  /** CLEAR TASK SET: every nexus's tasks; the others are told by 06/2F/00. [SAM-5] 7.5. */
  clearTaskSet(nexus: Nexus, memory: SharedMemory, lunOffset: number, then: () => void): void;
  /** CLEAR ACA. @returns false when the unit establishes no ACA condition. [SAM-5] 7.4 */
  clearAca(nexus: Nexus, memory: SharedMemory, lunOffset: number): boolean;
  /** LOGICAL UNIT RESET: every task; every nexus is told by 06/29/00. [SAM-5] 7.7. */
  reset(memory: SharedMemory, lunOffset: number, then: () => void): void;
  /** Target reset: LOGICAL UNIT RESET of every unit. */
  resetAll(then: () => void): void;
  /** An I_T nexus came (login) or was lost (logout, transport event). */
  nexusOpened(nexus: Nexus): void;
  nexusLost(nexus: Nexus): void;
}
