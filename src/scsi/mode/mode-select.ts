import { MODE_SELECT_6 } from "../../abi/scsi.ts";
import type { DeviceServer } from "../device-server.ts";
import {
  checkCondition,
  failTask,
  good,
  invalidField,
  invalidParameter,
  MODE_PARAMETERS_CHANGED,
  PARAMETER_LIST_LENGTH_ERROR,
} from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16, dataOut } from "../task-access.ts";
import { changeableBits, type ModePage } from "./mode-page.ts";
import { CURRENT_VALUES } from "./mode-pages.ts";

const PAGE_FORMAT = 0x10;
const PAGE_FORMAT_BIT = 4;
const SAVE_PAGES = 0x01;
const LONG_LBA = 0x01;
const RESERVED_PS = 0x80;
const SUBPAGE_FORMAT = 0x40;
const PAGE_CODE = 0x3f;
/** Block descriptors name as many blocks as there are by any of these. [SBC-3] 6.5.2. */
const ALL_BLOCKS = [0, 0xff_ffff, 0xffff_ffff] as const;

/** Why a parameter list is refused: it ends too soon, or byte `at` (its bit `bit`) is wrong. */
type Fault = "length" | { readonly at: number; readonly bit?: number };

/** MODE SELECT(6), (10): all that the list asks for is checked before any of it is done. [SPC-4] 6.9, 6.10. */
export function modeSelect(unit: DeviceServer, task: ScsiTask) {
  const short = cdb8(task, 0) === MODE_SELECT_6;
  const length = short ? cdb8(task, 4) : cdb16(task, 7);
  const flags = cdb8(task, 1);
  task.dataOutCount = length;
  const save = (flags & SAVE_PAGES) !== 0;
  if (save && !unit.modes.savable) return invalidField(task, 1, 0);
  if (length === 0) return good(task);
  if ((flags & PAGE_FORMAT) === 0) return invalidField(task, 1, PAGE_FORMAT_BIT);
  if (task.dataOutLength < length) return checkCondition(task, PARAMETER_LIST_LENGTH_ERROR);
  const list = dataOut(task, length);
  const pages = pagesBegin(unit, list, short);
  if (typeof pages !== "number") return refuse(task, pages);
  const bodies = readPages(unit, list, pages);
  if (!(bodies instanceof Map)) return refuse(task, bodies);
  apply(unit, task, bodies, save);
}

function refuse(task: ScsiTask, fault: Fault): void {
  if (fault === "length") checkCondition(task, PARAMETER_LIST_LENGTH_ERROR);
  else invalidParameter(task, fault.at, fault.bit);
}

function apply(unit: DeviceServer, task: ScsiTask, bodies: ReadonlyMap<ModePage, Uint8Array>, save: boolean): void {
  let changed: boolean;
  try {
    changed = unit.modes.change(bodies, save);
  } catch (error) {
    return failTask(task, error, unit.log);
  }
  if (changed) {
    unit.modesChanged();
    unit.attention(MODE_PARAMETERS_CHANGED, task.nexus);
  }
  good(task);
}

/** Checks header and block descriptor. @returns where the pages begin. [SPC-4] 7.5.5, 7.5.6. */
function pagesBegin(unit: DeviceServer, list: DataView, short: boolean): number | Fault {
  const header = short ? 4 : 8;
  if (list.byteLength < header) return "length";
  const mediumType = short ? 1 : 2;
  if (list.getUint8(mediumType) !== 0) return { at: mediumType };
  const longLba = !short && (list.getUint8(4) & LONG_LBA) !== 0;
  const lengthAt = short ? 3 : 6;
  const length = short ? list.getUint8(lengthAt) : list.getUint16(lengthAt);
  if (length === 0) return header;
  if (!unit.hasModeBlockDescriptor || length !== (longLba ? 16 : 8)) return { at: lengthAt };
  if (header + length > list.byteLength) return "length";
  return descriptorFault(unit, list, header, longLba) ?? header + length;
}

/** A block descriptor changes nothing: it has to name what is there. [SBC-3] 6.5.2. */
function descriptorFault({ medium }: DeviceServer, list: DataView, at: number, long: boolean): Fault | undefined {
  const blocks = long ? Number(list.getBigUint64(at)) : list.getUint32(at);
  const sizeAt = at + (long ? 12 : 4);
  if (blocks !== medium.blockCount && !ALL_BLOCKS.some((all) => all === blocks)) return { at };
  return list.getUint32(sizeAt) === medium.blockSize ? undefined : { at: sizeAt };
}

/** The bodies of all pages of a list, or what is wrong. [SPC-4] 7.5.7. */
function readPages(unit: DeviceServer, list: DataView, begin: number): Map<ModePage, Uint8Array> | Fault {
  const bodies = new Map<ModePage, Uint8Array>();
  for (let at = begin; at < list.byteLength; ) {
    const first = list.getUint8(at);
    const header = (first & SUBPAGE_FORMAT) !== 0 ? 4 : 2;
    if (at + header > list.byteLength) return "length";
    if ((first & RESERVED_PS) !== 0) return { at, bit: 7 };
    const subpage = header === 4 ? list.getUint8(at + 1) : 0;
    const row = unit.modes.find(first & PAGE_CODE, subpage);
    if (row === undefined || (header === 4 && subpage === 0)) return { at, bit: 5 };
    const length = header === 4 ? list.getUint16(at + 2) : list.getUint8(at + 1);
    if (length !== row.defaults.length) return { at: at + header - (header === 4 ? 2 : 1) };
    if (at + header + length > list.byteLength) return "length";
    const body = new Uint8Array(list.buffer, list.byteOffset + at + header, length).slice();
    const fault = bodyFault(row, unit.modes.values(row, CURRENT_VALUES), body, at + header);
    if (fault !== undefined) return fault;
    bodies.set(row, body);
    at += header + length;
  }
  return bodies;
}

/** A bit that is not changeable must be sent as it is. [SPC-4] 6.9. */
function bodyFault(row: ModePage, current: Uint8Array, body: Uint8Array, begin: number): Fault | undefined {
  for (const [at, value] of body.entries()) {
    const wrong = (value ^ (current[at] ?? 0)) & ~changeableBits(row, at);
    if (wrong !== 0) return { at: begin + at, bit: 31 - Math.clz32(wrong) };
  }
  return undefined;
}
