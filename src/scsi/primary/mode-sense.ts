import { MODE_PAGE_ALL, MODE_PAGE_CACHING, MODE_PAGE_CONTROL, MODE_SENSE_6 } from "../../abi/scsi.ts";
import type { DeviceServer } from "../device-server.ts";
import type { Medium } from "../medium.ts";
import { answerWith, checkCondition, INVALID_FIELD_IN_CDB, SAVING_NOT_SUPPORTED } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16 } from "../task-access.ts";

const PAGE_CONTROL_CHANGEABLE = 1;
const PAGE_CONTROL_SAVED = 3;
const DISABLE_BLOCK_DESCRIPTORS = 0x08;
const LONG_LBA_ACCEPTED = 0x10;
const WRITE_PROTECT = 0x80;
const DPO_FUA = 0x10;
const WRITE_CACHE_ENABLE = 0x04;

/** Bodies of the mode pages behind page code and length. Nothing is changeable: MODE SELECT is not there. */
const PAGES: ReadonlyMap<number, Uint8Array> = new Map([
  // Writes are done when the host has them; SYNCHRONIZE CACHE and FUA bring them to stable storage. [SBC-3] 6.5.5.
  [MODE_PAGE_CACHING, Uint8Array.from({ length: 18 }, (_, at) => (at === 0 ? WRITE_CACHE_ENABLE : 0))],
  // [SPC-4] 7.5.8: one task set for all nexuses, unrestricted reordering, QERR 00b.
  [MODE_PAGE_CONTROL, Uint8Array.from([0, 0x10, 0, 0, 0, 0, 0xff, 0xff, 0, 0])],
]);

/** MODE SENSE(6), (10). [SPC-4] 6.11, 6.12. */
export function modeSense(unit: DeviceServer, task: ScsiTask) {
  const short = cdb8(task, 0) === MODE_SENSE_6;
  const pageControl = cdb8(task, 2) >> 6;
  const page = cdb8(task, 2) & 0x3f;
  const subpage = cdb8(task, 3);
  if (pageControl === PAGE_CONTROL_SAVED) return checkCondition(task, SAVING_NOT_SUPPORTED);
  const pages = page === MODE_PAGE_ALL ? [...PAGES.keys()] : [page];
  const allowedSubpage = subpage === 0 || (subpage === 0xff && page === MODE_PAGE_ALL);
  if (!allowedSubpage || !pages.every((code) => PAGES.has(code))) return checkCondition(task, INVALID_FIELD_IN_CDB);
  const withDescriptor = (cdb8(task, 1) & DISABLE_BLOCK_DESCRIPTORS) === 0;
  const long = !short && (cdb8(task, 1) & LONG_LBA_ACCEPTED) !== 0;
  const descriptor = withDescriptor ? blockDescriptor(unit.medium, long) : new Uint8Array();
  const bodies = pages.flatMap((code) => modePage(code, pageControl === PAGE_CONTROL_CHANGEABLE));
  const specific = (unit.medium.readOnly ? WRITE_PROTECT : 0) | DPO_FUA;
  const rest = descriptor.length + bodies.length;
  const header = short
    ? [rest + 3, 0, specific, descriptor.length]
    : [(rest + 6) >> 8, (rest + 6) & 0xff, 0, specific, long ? 1 : 0, 0, 0, descriptor.length];
  const allocation = short ? cdb8(task, 4) : cdb16(task, 7);
  answerWith(task, Uint8Array.from([...header, ...descriptor, ...bodies]), allocation);
}

function modePage(code: number, changeable: boolean): number[] {
  const body = PAGES.get(code) ?? new Uint8Array();
  return [code, body.length, ...(changeable ? new Uint8Array(body.length) : body)];
}

/** Short or long LBA mode parameter block descriptor. [SBC-3] 6.5.2. */
function blockDescriptor({ blockCount, blockSize }: Medium, long: boolean): Uint8Array {
  const data = new DataView(new ArrayBuffer(long ? 16 : 8));
  if (long) {
    data.setBigUint64(0, BigInt(blockCount));
    data.setUint32(12, blockSize);
  } else {
    data.setUint32(0, Math.min(blockCount, 0xffffffff));
    data.setUint32(4, blockSize);
  }
  return new Uint8Array(data.buffer);
}
