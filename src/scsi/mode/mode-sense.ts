import { ALL_SUBPAGES, MODE_PAGE_ALL, MODE_SENSE_6 } from "../../abi/scsi.ts";
import type { DeviceServer } from "../device-server.ts";
import type { Medium } from "../medium.ts";
import { answerWith, checkCondition, invalidField, SAVING_NOT_SUPPORTED } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16 } from "../task-access.ts";
import type { ModePage } from "./mode-page.ts";
import { SAVED_VALUES } from "./mode-pages.ts";

const DISABLE_BLOCK_DESCRIPTORS = 0x08;
const LONG_LBA_ACCEPTED = 0x10;
const LONG_LBA = 0x01;
const PAGES_SAVABLE = 0x80;
const SUBPAGE_FORMAT = 0x40;
const PAGE_BYTE = 2;
const SUBPAGE_BYTE = 3;
const MOST_32 = 0xffff_ffff;

/** MODE SENSE(6), (10). [SPC-4] 6.11, 6.12. */
export function modeSense(unit: DeviceServer, task: ScsiTask) {
  const short = cdb8(task, 0) === MODE_SENSE_6;
  const control = cdb8(task, PAGE_BYTE) >> 6;
  const rows = wanted(unit.modes.rows, cdb8(task, PAGE_BYTE) & 0x3f, cdb8(task, SUBPAGE_BYTE));
  if (rows === undefined) return invalidField(task, SUBPAGE_BYTE);
  if (rows.length === 0) return invalidField(task, PAGE_BYTE, 5);
  if (control === SAVED_VALUES && !unit.modes.savable) return checkCondition(task, SAVING_NOT_SUPPORTED);
  const flags = cdb8(task, 1);
  const long = !short && (flags & LONG_LBA_ACCEPTED) !== 0;
  const described = unit.hasModeBlockDescriptor && (flags & DISABLE_BLOCK_DESCRIPTORS) === 0;
  const descriptor = described ? blockDescriptor(unit.medium, long) : new Uint8Array();
  const pages = rows.flatMap((row) => modePage(unit, row, control));
  const header = modeHeader(short, long && described, unit.deviceSpecificParameter, descriptor.length, pages.length);
  answerWith(task, Uint8Array.from([...header, ...descriptor, ...pages]), short ? cdb8(task, 4) : cdb16(task, 7));
}

/** The pages that page and subpage code name: none, when there is no such page, undefined for a reserved subpage code. */
function wanted(rows: readonly ModePage[], page: number, subpage: number): readonly ModePage[] | undefined {
  const all = page === MODE_PAGE_ALL;
  if (all && subpage !== 0 && subpage !== ALL_SUBPAGES) return undefined;
  const ofPage = all ? rows : rows.filter((row) => row.page === page);
  return subpage === ALL_SUBPAGES ? ofPage : ofPage.filter((row) => row.subpage === subpage);
}

/** Mode parameter header. [SPC-4] 7.5.5. */
function modeHeader(short: boolean, longLba: boolean, specific: number, descriptor: number, pages: number): number[] {
  const rest = descriptor + pages;
  if (short) return [rest + 3, 0, specific, descriptor];
  return [(rest + 6) >> 8, (rest + 6) & 0xff, 0, specific, longLba ? LONG_LBA : 0, 0, 0, descriptor];
}

/** A page with its header. [SPC-4] 7.5.7. */
function modePage(unit: DeviceServer, row: ModePage, control: number): number[] {
  const body = unit.modes.values(row, control);
  const savable = unit.modes.savable ? PAGES_SAVABLE : 0;
  if (row.subpage === 0) return [savable | row.page, body.length, ...body];
  return [savable | SUBPAGE_FORMAT | row.page, row.subpage, body.length >> 8, body.length & 0xff, ...body];
}

/** Short or long LBA mode parameter block descriptor. [SBC-3] 6.5.2. */
function blockDescriptor({ blockCount, blockSize }: Medium, long: boolean): Uint8Array {
  const data = new DataView(new ArrayBuffer(long ? 16 : 8));
  if (long) {
    data.setBigUint64(0, BigInt(blockCount));
    data.setUint32(12, blockSize);
  } else {
    data.setUint32(0, Math.min(blockCount, MOST_32));
    data.setUint32(4, blockSize);
  }
  return new Uint8Array(data.buffer);
}
