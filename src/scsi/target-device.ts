import { REPORT_LUNS } from "../abi/scsi.ts";
import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import { cdbFault, cdbFits } from "./command.ts";
import type { LogicalUnit } from "./logical-unit.ts";
import { LUN_LENGTH, type LunAddressing, PAPR_ADDRESSING } from "./lun-addressing.ts";
import { executeAbsent } from "./missing-unit.ts";
import { REPORT_LUNS_COMMAND } from "./report-luns.ts";
import {
  answerWith,
  COMMANDS_CLEARED,
  checkCondition,
  failTask,
  INVALID_FIELD_IN_CDB,
  LOGICAL_UNIT_NOT_SUPPORTED,
  REPORTED_LUNS_CHANGED,
} from "./sense.ts";
import type { Nexus, ScsiTask, TargetDevice } from "./task.ts";
import { cdb8, cdb32 } from "./task-access.ts";

const REPORT_LUNS_ALLOCATION_MINIMUM = 16;
const SELECT_REPORT_WELL_KNOWN = 1;
const SELECT_REPORT_ALL = 2;

/** The logical units behind one target port, found by LUN. */
export class ScsiTargetDevice implements TargetDevice {
  readonly #log: Log;
  readonly #addressing: LunAddressing;
  readonly #units = new Map<number, LogicalUnit>();
  readonly #nexuses = new Set<Nexus>();

  constructor(log: Log, addressing: LunAddressing = PAPR_ADDRESSING) {
    this.#log = log;
    this.#addressing = addressing;
  }

  /** Units by key (lunKey for PAPR, the LUN for flat addressing), in the order in which they were added. */
  get logicalUnits(): ReadonlyMap<number, LogicalUnit> {
    return this.#units;
  }

  /** Shows a logical unit to every nexus. @throws when the key is taken */
  addLogicalUnit(key: number, unit: LogicalUnit): void {
    if (this.#units.has(key)) throw new Error(`there is a logical unit at ${key} already`);
    this.#inventoryChanged();
    this.#units.set(key, unit);
    for (const nexus of this.#nexuses) unit.nexusOpened(nexus);
  }

  /**
   * Takes a logical unit away from every nexus of this port: no command reaches it any more, those that it has may end.
   * @param then follows when they have, and this port has no part in the unit any more
   * @returns what aborts those that are left, undefined when there is no unit at the key
   */
  removeLogicalUnit(key: number, then: () => void = () => {}): (() => void) | undefined {
    const unit = this.#units.get(key);
    if (unit === undefined) return undefined;
    this.#units.delete(key);
    this.#inventoryChanged();
    const nexuses = new Set(this.#nexuses);
    const ours = (task: ScsiTask) => nexuses.has(task.nexus);
    unit.whenGone(ours, () => {
      for (const nexus of nexuses) unit.nexusLost(nexus);
      then();
    });
    return () => unit.abortTasks(ours, () => {});
  }

  nexusOpened(nexus: Nexus): void {
    this.#nexuses.add(nexus);
    for (const unit of this.#units.values()) unit.nexusOpened(nexus);
  }

  nexusLost(nexus: Nexus): void {
    this.#nexuses.delete(nexus);
    for (const unit of this.#units.values()) unit.nexusLost(nexus);
  }

  exists(memory: SharedMemory, lunOffset: number): boolean {
    return this.#at(memory, lunOffset) !== undefined;
  }

  abortTasks(memory: SharedMemory, lunOffset: number, which: (task: ScsiTask) => boolean, then: () => void): void {
    const unit = this.#at(memory, lunOffset);
    if (unit) unit.abortTasks(which, then);
    else then();
  }

  clearTaskSet(nexus: Nexus, memory: SharedMemory, lunOffset: number, then: () => void): void {
    const unit = this.#at(memory, lunOffset);
    if (unit === undefined) return then();
    const told = new Set<Nexus>();
    unit.abortTasks((task) => {
      if (task.nexus !== nexus) told.add(task.nexus);
      return true;
    }, then);
    for (const other of told) unit.attentionFor(other, COMMANDS_CLEARED);
  }

  clearAca(nexus: Nexus, memory: SharedMemory, lunOffset: number): boolean {
    return this.#at(memory, lunOffset)?.clearAca(nexus) ?? false;
  }

  reset(memory: SharedMemory, lunOffset: number, then: () => void): void {
    const unit = this.#at(memory, lunOffset);
    if (unit) unit.reset(then);
    else then();
  }

  resetAll(then: () => void): void {
    let left = this.#units.size;
    if (left === 0) return then();
    const oneDone = () => {
      if (--left === 0) then();
    };
    for (const unit of this.#units.values()) unit.reset(oneDone);
  }

  execute(task: ScsiTask): void {
    try {
      this.#execute(task);
    } catch (error) {
      failTask(task, error, this.#log);
    }
  }

  #execute(task: ScsiTask) {
    task.descriptorSense = false;
    const key = this.#addressing.decode(task.memory.u8, task.lunOffset);
    if (cdb8(task, 0) === REPORT_LUNS) return this.#reportLuns(task, key);
    const unit = this.#units.get(key);
    if (unit) unit.execute(task);
    else executeAbsent(task);
  }

  #at(memory: SharedMemory, lunOffset: number): LogicalUnit | undefined {
    return this.#units.get(this.#addressing.decode(memory.u8, lunOffset));
  }

  /** [SPC-4] 6.33: every unit tells every nexus of this port. */
  #inventoryChanged(): void {
    for (const unit of this.#units.values())
      for (const nexus of this.#nexuses) unit.attentionFor(nexus, REPORTED_LUNS_CHANGED);
  }

  /** REPORT LUNS [SPC-4] 6.33, at every LUN: whoever stands there. */
  #reportLuns(task: ScsiTask, addressed: number) {
    const { usage } = REPORT_LUNS_COMMAND;
    if (!cdbFits(task, usage)) return checkCondition(task, INVALID_FIELD_IN_CDB, cdbFault(task, usage));
    const allocation = cdb32(task, 6);
    const select = cdb8(task, 2);
    if (select > SELECT_REPORT_ALL || allocation < REPORT_LUNS_ALLOCATION_MINIMUM)
      return checkCondition(task, INVALID_FIELD_IN_CDB);
    // Who asks for the inventory knows that it has changed. [SAM-5] 5.14.
    for (const unit of this.#units.values()) unit.clearAttention(task.nexus, REPORTED_LUNS_CHANGED);
    const keys = [...this.#units.keys()].sort((a, b) => a - b);
    const entries = this.#addressing.list(addressed, keys);
    if (entries === undefined) return checkCondition(task, LOGICAL_UNIT_NOT_SUPPORTED);
    const listed = select === SELECT_REPORT_WELL_KNOWN ? new Uint8Array() : entries;
    const data = new Uint8Array(LUN_LENGTH + listed.length);
    new DataView(data.buffer).setUint32(0, listed.length);
    data.set(listed, LUN_LENGTH);
    answerWith(task, data, allocation);
  }
}
