import type { DeviceServer } from "./device-server.ts";
import type { SenseDetail } from "./sense-data.ts";
import type { ScsiTask } from "./task.ts";
import { cdb8 } from "./task-access.ts";

/**
 * How a command fares under another nexus's reservation: a persistent one [SPC-4] table 47, [SBC-3] table 13, or a
 * RESERVE [SPC-2] table 10.
 * - `allowed`: always.
 * - `inspect`: conflicts with a RESERVE, is allowed under every persistent reservation.
 * - `read`: conflicts with a RESERVE and Exclusive Access types, is allowed under Write Exclusive types.
 * - `write`: conflicts with all.
 */
export type ReservationClass = "allowed" | "inspect" | "read" | "write";

/** One SCSI command: the only place that tells anything about it. `Unit` is the kind of device server that has it. */
export interface Command<Unit extends DeviceServer = DeviceServer> {
  readonly opcode: number;
  readonly serviceAction?: number;
  /** Name as the standard writes it. */
  readonly name: string;
  /** CDB usage map [SPC-4] 6.35.3: a bit that is 0 here must be 0 in a CDB. Its length is the CDB's. */
  readonly usage: readonly number[];
  /** A function where a field of the CDB decides. */
  readonly reservation: ReservationClass | ((task: ScsiTask) => ReservationClass);
  /** A pending unit attention condition is neither reported nor cleared. [SAM-5] 5.14: INQUIRY, REPORT LUNS, REQUEST SENSE. */
  readonly passesUnitAttention?: true;
  /** Also while the unit is not ready: stopped, without a medium, or in the course of a FORMAT UNIT or SANITIZE. */
  readonly whenNotReady?: true;
  /**
   * The worst asymmetric access state of the port in which it is still executed; without one only while the port is
   * active. [SPC-4] 5.15.2.4.
   */
  readonly access?: "standby" | "unavailable";
  /** Only disks have it that let go of blocks (logical block provisioning), or whose state outlives the daemon. */
  readonly needs?: "provisioning" | "state";
  /** Changes the medium. */
  readonly writes?: true;
  /** Seconds that an initiator should allow, when the usual ones are not enough. [SPC-4] 6.35.4. */
  readonly timeout?: number;
  /** A method, not a property: a row of every kind of unit is also a row of a particular one, and the other way round. */
  execute(unit: Unit, task: ScsiTask): void;
}

const SERVICE_ACTION_MASK = 0x1f;

/** The commands of one kind of device server. Decoding, checks, REPORT SUPPORTED OPERATION CODES and logs read its rows. */
export class CommandTable<Unit extends DeviceServer> {
  readonly rows: readonly Command<Unit>[];
  /** By opcode; a list where service actions share one. */
  readonly #byOpcode: readonly (readonly Command<Unit>[] | undefined)[];

  constructor(rows: readonly Command<Unit>[]) {
    this.rows = rows;
    this.#byOpcode = Array.from({ length: 256 }, (_, opcode) => {
      const found = rows.filter((command) => command.opcode === opcode);
      return found.length > 0 ? found : undefined;
    });
  }

  /** This table with more rows. @throws RangeError when a row's command is there already */
  with(further: readonly Command<Unit>[]): CommandTable<Unit> {
    const rows = [...this.rows];
    for (const row of further) {
      const taken = rows.find((other) => isSameCommand(row, other));
      if (taken !== undefined)
        throw new RangeError(`${row.name}: operation code ${row.opcode.toString(16)}h is that of ${taken.name}`);
      rows.push(row);
    }
    return new CommandTable(rows);
  }

  /** The row of a task's CDB, or undefined for what no row describes. */
  find(task: ScsiTask): Command<Unit> | undefined {
    const rows = this.#byOpcode[cdb8(task, 0)];
    const first = rows?.[0];
    if (first === undefined || first.serviceAction === undefined) return first;
    const serviceAction = cdb8(task, 1) & SERVICE_ACTION_MASK;
    return rows?.find((command) => command.serviceAction === serviceAction);
  }

  /** Rows of an operation code, none if it is not there. */
  withOpcode(opcode: number): readonly Command<Unit>[] {
    return this.#byOpcode[opcode] ?? [];
  }
}

type Opcode = Pick<Command, "opcode" | "serviceAction">;

/** True when a CDB could be either's. */
function isSameCommand(one: Opcode, other: Opcode): boolean {
  if (one.opcode !== other.opcode) return false;
  const [action, otherAction] = [one.serviceAction, other.serviceAction];
  return action === undefined || otherAction === undefined || action === otherAction;
}

/** True when the CDB sets no bit that its command does not define. */
export function cdbFits(task: ScsiTask, usage: readonly number[]): boolean {
  for (let at = 1; at < usage.length; at++) if ((cdb8(task, at) & ~(usage[at] ?? 0)) !== 0) return false;
  return true;
}

/** Where a CDB that does not fit is wrong: its first reserved bit that is set. [SPC-4] 4.5.2.4.2. */
export function cdbFault(task: ScsiTask, usage: readonly number[]): SenseDetail {
  const reserved = (at: number) => cdb8(task, at) & ~(usage[at] ?? 0);
  const fieldPointer = usage.findIndex((_, at) => at > 0 && reserved(at) !== 0);
  return { fieldPointer, bitPointer: 31 - Math.clz32(reserved(fieldPointer)) };
}

// Fields that many rows share.
/** Control byte: NACA is served; vendor bits and LINK are ignored, as all clients send 0. [SAM-5] 5.2. */
export const CONTROL = 0xff;
/** Bits 5-7 of byte 1 held the LUN in SCSI-2; old clients still fill them. */
export const OLD_LUN = 0xe0;
/** GROUP NUMBER. */
export const GROUP = 0x1f;
/** A whole 2-, 4- or 8-byte field. */
export const FIELD_2 = [0xff, 0xff] as const;
export const FIELD_4 = [0xff, 0xff, 0xff, 0xff] as const;
export const FIELD_8 = [...FIELD_4, ...FIELD_4] as const;
