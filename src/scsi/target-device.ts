import { INQUIRY, REPORT_LUNS, REQUEST_SENSE } from "../abi/scsi.ts";
import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import { type LogicalUnit, UnitAttentions } from "./logical-unit.ts";
import { decodeLun, encodeLun, LUN_ADAPTER, LUN_REPORT_LUNS, lunKey } from "./lun.ts";
import {
  answerWith,
  checkCondition,
  FIXED_SENSE_LENGTH,
  failTask,
  INVALID_FIELD_IN_CDB,
  LOGICAL_UNIT_NOT_SUPPORTED,
  REPORTED_LUNS_CHANGED,
  RESET_OCCURRED,
  writeFixedSense,
} from "./sense.ts";
import type { Nexus, ScsiTask, TargetDevice } from "./task.ts";
import { cdb8, cdb32 } from "./task-access.ts";

const LUN_BYTES = 8;
const REPORT_LUNS_ALLOCATION_MINIMUM = 16;
const ABSENT_INQUIRY_LENGTH = 36;
/** Peripheral qualifier 011b, device type 1Fh: nothing can stand here. [SPC-4] 6.6.2. */
const NOT_CAPABLE = 0x7f;

interface Member {
  readonly unit: LogicalUnit;
  readonly attentions: UnitAttentions;
}

/** The logical units behind one adapter, found by LUN. */
export class ScsiTargetDevice implements TargetDevice {
  readonly #log: Log;
  readonly #members = new Map<number, Member>();
  readonly #nexuses = new Set<Nexus>();

  constructor(log: Log) {
    this.#log = log;
  }

  get logicalUnits(): LogicalUnit[] {
    return [...this.#members.values()].map(({ unit }) => unit);
  }

  /** Shows a logical unit to every nexus. @throws when its address is taken */
  addLogicalUnit(unit: LogicalUnit): void {
    const key = lunKey(unit.address);
    if (this.#members.has(key)) throw new Error(`there is a logical unit at ${JSON.stringify(unit.address)} already`);
    this.#inventoryChanged();
    this.#members.set(key, { unit, attentions: new UnitAttentions() });
  }

  /** Takes a logical unit away from every nexus. The caller waits for its tasks and closes it. */
  removeLogicalUnit(unit: LogicalUnit): void {
    const key = lunKey(unit.address);
    if (this.#members.get(key)?.unit !== unit) return;
    this.#members.delete(key);
    this.#inventoryChanged();
  }

  /** [SPC-4] 6.33: every remaining unit tells every nexus. */
  #inventoryChanged(): void {
    for (const { attentions } of this.#members.values())
      for (const nexus of this.#nexuses) attentions.establish(nexus, REPORTED_LUNS_CHANGED);
  }

  nexusOpened(nexus: Nexus): void {
    this.#nexuses.add(nexus);
  }

  nexusLost(nexus: Nexus): void {
    this.#nexuses.delete(nexus);
    for (const { attentions } of this.#members.values()) attentions.forget(nexus);
  }

  exists(memory: SharedMemory, lunOffset: number): boolean {
    return this.#members.has(decodeLun(memory.u8, lunOffset));
  }

  reset(memory: SharedMemory, lunOffset: number): void {
    const member = this.#members.get(decodeLun(memory.u8, lunOffset));
    for (const nexus of this.#nexuses) member?.attentions.establish(nexus, RESET_OCCURRED);
  }

  execute(task: ScsiTask): void {
    try {
      this.#execute(task);
    } catch (error) {
      failTask(task, error, this.#log);
    }
  }

  #execute(task: ScsiTask) {
    const key = decodeLun(task.memory.u8, task.lunOffset);
    const opcode = cdb8(task, 0);
    if (opcode === REPORT_LUNS) return this.#reportLuns(task, key);
    const member = this.#members.get(key);
    if (!member) return this.#executeAbsent(task, opcode);
    // INQUIRY never reports a unit attention, REQUEST SENSE returns it as data. [SPC-4] 6.6.1, 6.39.
    if (opcode !== INQUIRY) {
      const attention = member.attentions.take(task.nexus);
      if (attention && opcode === REQUEST_SENSE) {
        const data = new Uint8Array(FIXED_SENSE_LENGTH);
        writeFixedSense(data, 0, attention);
        return answerWith(task, data, cdb8(task, 4));
      }
      if (attention) return checkCondition(task, attention);
    }
    member.unit.execute(task);
  }

  /** What an address without a logical unit answers. [SPC-4] 6.6.2: INQUIRY succeeds all the same. */
  #executeAbsent(task: ScsiTask, opcode: number) {
    const data = new Uint8Array(opcode === INQUIRY ? ABSENT_INQUIRY_LENGTH : FIXED_SENSE_LENGTH);
    if (opcode === INQUIRY) {
      if ((cdb8(task, 1) & 1) !== 0) return checkCondition(task, INVALID_FIELD_IN_CDB);
      data[0] = NOT_CAPABLE;
      data[4] = ABSENT_INQUIRY_LENGTH - 5;
      return answerWith(task, data, (cdb8(task, 3) << 8) | cdb8(task, 4));
    }
    if (opcode !== REQUEST_SENSE) return checkCondition(task, LOGICAL_UNIT_NOT_SUPPORTED);
    writeFixedSense(data, 0, LOGICAL_UNIT_NOT_SUPPORTED);
    answerWith(task, data, cdb8(task, 4));
  }

  /**
   * REPORT LUNS in two dialects ([protocol] 3.12): sent to the all-zero LUN or the well-known unit it lists the whole
   * adapter; sent to a bus and target it lists only what stands there, in peripheral format.
   */
  #reportLuns(task: ScsiTask, key: number) {
    const allocation = cdb32(task, 6);
    const select = cdb8(task, 2);
    if (select > 2 || allocation < REPORT_LUNS_ALLOCATION_MINIMUM) return checkCondition(task, INVALID_FIELD_IN_CDB);
    // Who asks for the inventory knows that it has changed. [SAM-5] 5.14.
    for (const { attentions } of this.#members.values()) attentions.clear(task.nexus, REPORTED_LUNS_CHANGED);
    if (key === LUN_ADAPTER || key === LUN_REPORT_LUNS) return answerWith(task, this.#adapterList(select), allocation);
    if (key < 0) return checkCondition(task, LOGICAL_UNIT_NOT_SUPPORTED);
    const place = key & ~0x1f;
    const luns = [...this.#members.keys()]
      .filter((member) => (member & ~0x1f) === place)
      .map((member) => member & 0x1f);
    if (luns.length === 0) return checkCondition(task, LOGICAL_UNIT_NOT_SUPPORTED);
    // LUN 0 of a target always answers REPORT LUNS, so it is listed even when nothing else stands there.
    const listed = new Set([0, ...luns.sort((a, b) => a - b)]);
    const data = lunList(listed.size);
    let at = LUN_BYTES;
    for (const lun of listed) {
      data[at + 1] = lun;
      at += LUN_BYTES;
    }
    answerWith(task, data, allocation);
  }

  #adapterList(select: number): Uint8Array {
    const WELL_KNOWN_ONLY = 1;
    const keys = select === WELL_KNOWN_ONLY ? [] : [...this.#members.keys()].sort((a, b) => a - b);
    const data = lunList(select === WELL_KNOWN_ONLY ? 0 : keys.length + 1);
    for (const [index, key] of keys.entries()) encodeLun(key, data, LUN_BYTES * (index + 2));
    return data;
  }
}

/** LUN list header (length in bytes, reserved) and room for `count` entries, the first of them LUN 0. */
function lunList(count: number): Uint8Array {
  const data = new Uint8Array(LUN_BYTES * (count + 1));
  new DataView(data.buffer).setUint32(0, LUN_BYTES * count);
  return data;
}
